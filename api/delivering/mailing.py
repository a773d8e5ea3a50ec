"""Findings by e-mail: one mail a minute at most, listing what is new and severe enough, to recipients by setting.

How far it has come is kept as a webhook's is. A mail that cannot be sent is tried again for as long as it takes, and
then tells of all that came meanwhile: nothing is given up.
"""

from __future__ import annotations

import smtplib
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, get_args
from urllib.parse import unquote, urlsplit

import structlog

from api.delivering.posting import DELIVERED
from api.delivering.progress import Hold, Progress, Standing, Try
from api.delivering.schedule import Schedule, has_come
from api.settings import Settings
from domain.acts import LEDGER
from domain.errors import LedgerError, Malformed
from domain.finding import FindingRaised
from domain.moments import from_text, later
from domain.thresholds import Severity
from ledger.entry import Entry
from ledger.ledger import Ledger

RECEIVER: Final = "mail"
"""Under which its progress is kept. No subject is called so."""
LOOK_SECONDS: Final = 1.0
BETWEEN: Final = timedelta(minutes=1)
HOLD: Final = timedelta(minutes=2)
"""Longer than sending may take."""
TIMEOUT_SECONDS: Final = 15.0
PAGE_ENTRIES: Final = 1_000
MOST_LISTED: Final = 50
_RAISED: Final = FindingRaised.type_name.encode()

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Postbox:
    """An SMTP server. `is_tls`: from the first byte on; else STARTTLS where it is offered. Holds a password."""

    host: str
    port: int
    is_tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def send(self, message: EmailMessage) -> str:
        """What came of it, as a word. A password is never sent in plain."""
        context = ssl.create_default_context()
        try:
            with self._connected(context) as server:
                if not self.is_tls and server.has_extn("starttls"):
                    server.starttls(context=context)
                elif not self.is_tls and self.user:
                    return "tls-required"
                if self.user:
                    server.login(self.user, self.password)
                refused = server.send_message(message)
            if refused:
                # The others have it: sent again, it would come to them again.
                _log.warning("mail-partly-refused", recipients=len(refused))
        except smtplib.SMTPAuthenticationError:
            return "not-signed-in"
        except smtplib.SMTPServerDisconnected:
            return "unreachable"  # or it went silent
        except (smtplib.SMTPException, UnicodeError):
            return "refused"
        except ssl.SSLError:
            return "certificate-refused"
        except TimeoutError:
            return "timed-out"
        except OSError:
            return "unreachable"
        return DELIVERED

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        server.ehlo_or_helo_if_needed()
        return server


@dataclass(slots=True)
class Mailer:
    """One for each process that serves; any number may run at once. `draw`: random numbers from 0 to 1."""

    ledger: Ledger
    progress: Progress
    postbox: Postbox
    sender: str
    recipients: Sequence[str]
    least: Severity
    draw: Callable[[], float]
    holder: str
    between: timedelta = BETWEEN
    schedule: Schedule = field(default_factory=Schedule)
    told: Callable[[str], None] = lambda _outcome: None
    failure: str | None = None
    """The code of what kept the mailer itself from working; None: nothing."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. What fails is told, and tried again."""
        try:
            while not stop.wait(LOOK_SECONDS):
                self._look()
            self.progress.release(self.holder)
        except LedgerError as error:
            _log.warning("hold-not-released", code=error.code)
        finally:
            if not stop.is_set():
                self.failure = "mail-stopped"  # by a fault of ours; nothing else would tell

    def _look(self) -> None:
        try:
            self.send_due()
            self.failure = None
        except LedgerError as error:
            if self.failure != error.code:
                _log.error("mail-failed", code=error.code, detail=error.message)
            self.failure = error.code

    def send_due(self) -> str | None:
        """What came of a mail; None where none was due. Raises StorageFailed."""
        now, size = self.ledger.now(), self.ledger.head().size
        hold = Hold(self.holder, later(now, HOLD))
        standing = self.progress.claim(RECEIVER, hold, now)
        if standing is None:
            return None
        if standing.run != RECEIVER:
            # Whoever sets mail up is not told what happened before.
            self.progress.begin(RECEIVER, hold, run=RECEIVER, after=size)
            return None
        if standing.position >= size or not self._is_time(standing, now):
            return None
        found = self._new(standing.position, size)
        if not found:
            self.progress.passed(RECEIVER, hold, size)
            return None
        outcome = self.postbox.send(self.message(found, now))
        self.told(outcome)
        tried = Try(RECEIVER, size, standing.tries + 1, now, outcome)
        if outcome == DELIVERED:
            self.progress.delivered(hold, tried)
        else:
            wait = self.schedule.wait(tried.number, self.draw())
            self.progress.failed(hold, tried, next_try=later(now, wait))
        return outcome

    def message(self, found: Sequence[Entry], now: str) -> EmailMessage:
        """Of findings. What they say is data: none of it reaches a header."""
        origin = str(self.ledger.load(LEDGER).state["origin"])
        severe = max((entry.data["severity"] for entry in found), key=_rank)
        made = EmailMessage()
        made["From"], made["To"] = self.sender, ", ".join(self.recipients)
        made["Subject"] = f"{origin}: {_counted(len(found))}, up to {severe}"
        made["Date"] = format_datetime(from_text(now))
        # The same for the same findings, so that a second try can be told from a second mail.
        made["Message-ID"] = f"<findings-{found[-1].position}@{origin.partition('/')[0]}>"
        made["Auto-Submitted"] = "auto-generated"
        listed = [_line(entry) for entry in found[:MOST_LISTED]]
        if len(found) > MOST_LISTED:
            listed.append(f"and {len(found) - MOST_LISTED} more.")
        made.set_content("\n\n".join([f"New in {origin}:", *listed]) + "\n")
        return made

    def _is_time(self, standing: Standing, now: str) -> bool:
        if standing.next_try is not None:
            return has_come(standing.next_try, now, self.schedule.longest)
        return standing.last_try is None or has_come(
            later(standing.last_try, self.between), now, self.between
        )

    def _new(self, after: int, up_to: int) -> list[Entry]:
        """The findings that were raised and are severe enough, at positions after + 1 … up_to."""
        return [
            entry
            for begin in range(after, up_to, PAGE_ENTRIES)
            for entry in self.ledger.entries(begin, PAGE_ENTRIES, up_to)
            # Most entries do not even contain the word, and need not be parsed.
            if _RAISED in entry.raw
            and entry.type == FindingRaised.type_name
            and _rank(entry.data["severity"]) >= _rank(self.least)
        ]


def mailer_of(
    settings: Settings,
    ledger: Ledger,
    progress: Progress,
    *,
    draw: Callable[[], float],
    holder: str,
    told: Callable[[str], None],
) -> Mailer | None:
    """None where no SMTP server is set. Raises Malformed, naming the setting and never its value."""
    if settings.smtp_url is None:
        return None
    postbox = postbox_at(settings.smtp_url.get_secret_value())
    recipients = (settings.mail_to or "").split()
    if not settings.mail_from or not recipients:
        raise Malformed(
            "ITSM_LEDGER_SMTP_URL needs ITSM_LEDGER_MAIL_FROM and ITSM_LEDGER_MAIL_TO beside it"
        )
    return Mailer(
        ledger,
        progress,
        postbox,
        settings.mail_from,
        recipients,
        settings.mail_severity,
        draw,
        holder,
        told=told,
    )


def postbox_at(url: str) -> Postbox:
    """Raises Malformed; the URL may hold a password, and is not repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise Malformed(
            "expected ITSM_LEDGER_SMTP_URL as smtp://user:password@host:587 or smtps://…"
        )
    is_tls = parts.scheme == "smtps"
    return Postbox(
        parts.hostname,
        port or (465 if is_tls else 587),
        is_tls,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _rank(severity: str) -> int:
    """The greater the worse; they are named from the worst on."""
    return -get_args(Severity).index(severity)


def _counted(findings: int) -> str:
    return "1 new finding" if findings == 1 else f"{findings} new findings"


def _line(entry: Entry) -> str:
    said = entry.data
    about = ", ".join(said["about"])
    return (
        f"[{said['severity']}] {said['rule']} is broken. The rule: {said['sentence']}\n"
        f"  {entry.subject}, about {about}\n"
        f"  happened at {said['happened_at']}, shown by position {said['first_position']}"
    )
