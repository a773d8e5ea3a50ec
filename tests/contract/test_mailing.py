"""Findings by mail: what is new and severe enough, once, to whom the settings name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from api.delivering.mailing import MOST_LISTED, RECEIVER, Mailer, Postbox, mailer_of, postbox_at
from api.delivering.progress import Hold, Try
from api.settings import Settings
from domain.errors import Malformed
from domain.finding import RaiseFinding
from domain.moments import later
from ledger.govern import Actor, Order
from ledger.view import SYSTEM
from tests.api.delivering.certificates import authority_in, server_certificate
from tests.contract.conftest import Desk
from tests.contract.post import Post


class Inbox:
    """What an SMTP server took. `answers`: instead of taking one, for the first ones."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        return "250 Taken"


@contextmanager
def smtp(inbox: Inbox, **more: Any) -> Iterator[Postbox]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port, **more)
    server.start()
    try:
        yield Postbox("127.0.0.1", port, is_tls=False)
    finally:
        server.stop()


@pytest.fixture
def make_mailer(post: Post) -> Callable[..., Mailer]:
    """Each begins with what comes."""

    def make(postbox: Postbox, holder: str = "one", **more: Any) -> Mailer:
        told: dict[str, Any] = {"between": timedelta(), **more}
        to = ["ada@example.com", "ben@example.com"]
        made = Mailer(
            post.desk.log, post.progress, postbox, "ledger@example.com", to, "high",
            lambda: 0.5, holder, **told,
        )  # fmt: skip
        assert made.send_due() is None
        return made

    return make


def raised(desk: Desk, position: int = 1, severity: str = "high", **more: Any) -> str:
    told = {**RaiseFinding.example, "first_position": position, "last_position": position}
    command = RaiseFinding.model_validate({**told, "severity": severity, **more})
    done = desk.log.execute(Order(command, Actor(SYSTEM, "system")))
    return done.receipts[-1].subject


def test_what_a_clock_that_was_ahead_put_off_is_not_waited_for_once_it_is_right(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox, between=timedelta(minutes=1))
        now = post.desk.log.now()
        tomorrow = later(now, timedelta(days=1))
        hold = Hold("a server that was ahead, and is gone", tomorrow)
        post.progress.release("one")
        assert post.progress.claim(RECEIVER, hold, now)
        sent = Try(RECEIVER, post.desk.log.head().size, 1, tomorrow, "delivered")
        assert post.progress.delivered(hold, sent)
        raised(post.desk)

        assert mailer.send_due() == "delivered"

    assert len(inbox.mails) == 1


def test_a_mail_tells_what_is_new_once(post: Post, make_mailer: Callable[..., Mailer]) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox)
        one, other = raised(post.desk, 1), raised(post.desk, 2, "critical")

        assert [mailer.send_due() for _ in range(3)] == ["delivered", None, None]

    (mail,), (envelope,) = inbox.mails, inbox.envelopes
    assert envelope.rcpt_tos == ["ada@example.com", "ben@example.com"]
    assert mail["From"] == "ledger@example.com"
    assert mail["Subject"] == "ledger.example/contract: 2 new findings, up to critical"
    text = mail.get_content()
    assert one in text
    assert other in text
    assert "change/CHG0010042" in text
    assert str(RaiseFinding.example["sentence"]) in " ".join(text.split())


def test_what_is_not_severe_enough_or_no_finding_is_not_mailed(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox)
        raised(post.desk, 1, "medium")
        raised(post.desk, 2, "low")
        post.desk.report(title="itsm.finding.raised.v1")

        assert mailer.send_due() is None
        assert post.progress.standings()[RECEIVER].position == post.desk.log.head().size

    assert inbox.mails == []


def test_what_was_found_before_mail_was_set_up_is_not_mailed(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    raised(post.desk)

    with smtp(inbox := Inbox()) as postbox:
        assert make_mailer(postbox).send_due() is None

    assert inbox.mails == []


def test_no_two_mails_follow_each_other_within_a_minute(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox, between=timedelta(minutes=1))
        raised(post.desk, 1)
        mailer.send_due()
        raised(post.desk, 2)
        raised(post.desk, 3)
        assert mailer.send_due() is None

        post.desk.clock.later_seconds = 61
        assert mailer.send_due() == "delivered"

    assert [mail["Subject"].split(": ")[1] for mail in inbox.mails] == [
        "1 new finding, up to high",
        "2 new findings, up to high",
    ]


def test_a_mail_that_was_refused_comes_again_with_what_came_meanwhile(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox("451 Later")) as postbox:
        mailer = make_mailer(postbox)
        raised(post.desk, 1)
        assert mailer.send_due() == "refused"
        raised(post.desk, 2)
        assert mailer.send_due() is None  # its time has not come

        post.desk.clock.later_seconds = 10
        assert mailer.send_due() == "delivered"

    (mail,) = inbox.mails
    assert "2 new findings" in mail["Subject"]
    assert post.progress.standings()[RECEIVER].failing_since is None


def test_a_server_that_is_away_for_long_loses_nothing(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox()) as postbox:
        pass
    mailer = make_mailer(postbox)
    raised(post.desk)
    for _ in range(12):
        assert mailer.send_due() == "unreachable"
        post.desk.clock.later_seconds += 7_200

    with smtp(inbox) as postbox:
        mailer.postbox = postbox
        assert mailer.send_due() == "delivered"

    assert len(inbox.mails) == 1


def test_a_long_list_is_cut_and_says_so(post: Post, make_mailer: Callable[..., Mailer]) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox)
        for position in range(1, MOST_LISTED + 4):
            raised(post.desk, position)
        mailer.send_due()

    text = inbox.mails[0].get_content()
    assert text.count("finding/FND") == MOST_LISTED
    assert "and 3 more." in text


def test_of_two_servers_one_mails(post: Post, make_mailer: Callable[..., Mailer]) -> None:
    with smtp(inbox := Inbox()) as postbox:
        one, other = make_mailer(postbox), make_mailer(postbox, "two")
        raised(post.desk)

        assert [other.send_due(), one.send_due(), other.send_due()] == [None, "delivered", None]

    assert len(inbox.mails) == 1


def test_nothing_that_a_finding_says_becomes_a_header(
    post: Post, make_mailer: Callable[..., Mailer]
) -> None:
    with smtp(inbox := Inbox()) as postbox:
        mailer = make_mailer(postbox)
        raised(post.desk, sentence="Broken\r\nBcc: eve@example.com\r\n\r\n.\r\nläuft")
        assert mailer.send_due() == "delivered"

    (mail,), (envelope,) = inbox.mails, inbox.envelopes
    assert "Bcc" not in mail
    assert "eve@example.com" not in envelope.rcpt_tos
    assert "läuft" in mail.get_content()


def signed_in_as(user: bytes, password: bytes) -> Callable[..., AuthResult]:
    def check(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, told: Any
    ) -> AuthResult:
        known = (told.login, told.password) == (user, password)
        return AuthResult(success=known, handled=False)

    return check


def with_tls(directory: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's, by an authority that this process trusts."""
    authority = authority_in(directory)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate_file))
    return server_certificate(authority, "localhost")


def test_a_password_is_sent_over_tls_only(
    post: Post,
    make_mailer: Callable[..., Mailer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = signed_in_as(b"ada", b"p@ss")
    offers = {"auth_required": True, "authenticator": check}
    raised_before = make_mailer(Postbox("127.0.0.1", 1, is_tls=False))
    raised(post.desk)

    with smtp(Inbox()) as postbox:
        raised_before.postbox = replace(postbox, user="ada", password="p@ss")
        assert raised_before.send_due() == "tls-required"

    post.desk.clock.later_seconds = 60
    context = with_tls(tmp_path, monkeypatch)
    with smtp(inbox := Inbox(), tls_context=context, require_starttls=True, **offers) as postbox:
        there = replace(postbox, host="localhost", user="ada")
        raised_before.postbox = replace(there, password="guessed")
        assert raised_before.send_due() == "not-signed-in"

        post.desk.clock.later_seconds = 600
        raised_before.postbox = replace(there, password="p@ss")
        assert raised_before.send_due() == "delivered"

    assert len(inbox.mails) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    post: Post, make_mailer: Callable[..., Mailer], tmp_path: Path
) -> None:
    context = server_certificate(authority_in(tmp_path), "localhost")

    with smtp(Inbox(), tls_context=context) as postbox:
        mailer = make_mailer(replace(postbox, host="localhost"))
        raised(post.desk)

        assert mailer.send_due() == "certificate-refused"


@pytest.mark.parametrize(
    ("url", "postbox"),
    [
        ("smtp://mail.example.com", Postbox("mail.example.com", 587, False)),
        ("smtp://mail.example.com:25", Postbox("mail.example.com", 25, False)),
        ("smtps://mail.example.com", Postbox("mail.example.com", 465, True)),
        (
            "smtp://a%40b:p%3Aw@mail.example.com",
            Postbox("mail.example.com", 587, False, "a@b", "p:w"),
        ),
    ],
)
def test_a_postbox_is_named_by_a_url(url: str, postbox: Postbox) -> None:
    assert postbox_at(url) == postbox
    assert "p:w" not in repr(postbox)


@pytest.mark.parametrize("url", ["mail.example.com", "https://x", "smtp:///", "smtp://h:port"])
def test_what_names_none_is_malformed_and_not_repeated(url: str) -> None:
    with pytest.raises(Malformed) as refusal:
        postbox_at(url)
    assert url not in refusal.value.message


def test_a_server_without_sender_or_recipients_is_malformed(post: Post) -> None:
    ways: dict[str, Any] = {"draw": lambda: 0.5, "holder": "one", "told": lambda _outcome: None}

    def made(**said: Any) -> Mailer | None:
        return mailer_of(Settings.model_validate(said), post.desk.log, post.progress, **ways)

    assert made() is None
    whole = {"smtp_url": "smtp://h", "mail_from": "a@example.com", "mail_to": "b@example.com"}
    assert made(**whole) is not None
    for missing in ("mail_from", "mail_to"):
        with pytest.raises(Malformed, match="MAIL"):
            made(**{name: said for name, said in whole.items() if name != missing})
