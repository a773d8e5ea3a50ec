"""Webhooks: who is told of which events, where, and from which position on.

Each is a subject of the ledger's own family, so that the log tells for all time where events went and on whose
word. The secrets that sign deliveries are kept elsewhere, and how far a receiver has come is no fact of the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv6Address
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from domain.command import Case, Command, Events, require
from domain.event import (
    EVENT_TYPES,
    Count,
    Event,
    Json,
    Moment,
    PersonalText,
    Principal,
    Sha256,
    State,
    Text,
    Word,
)
from domain.families import FAMILIES
from domain.moments import later
from domain.rosters import WEBHOOKS, stands_on

EVERYTHING: Final = "*"
LONGEST_URL: Final = 2_000
LARGEST_PORT: Final = 65_535
_URL: Final = re.compile(
    r"https?://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,198}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-\"$-~]*)?"
)
"""Stricter than RFC 3986: printable ASCII, no user, no fragment, so that nobody reads another host in it."""
OVERLAP_SECONDS: Final = 86_400
"""How long the secret before still signs beside a new one, unless said otherwise."""
LONGEST_OVERLAP_SECONDS: Final = 30 * 86_400
LIVE: Final = ("active", "disabled")

_EXAMPLE: Final[Mapping[str, Json]] = {
    "url": "https://hooks.example.com/itsm",
    "receiver": "hooks.example.com",
    "events": {"change": True, "itsm.incident.reported.v1": True},
    "owner": "principal/PRN0000002",
    "scopes": {"*:read": True},
}
_SECRETS: Final[Mapping[str, Json]] = {
    "sha256:" + "0" * 64: {"since": "2026-03-02T09:30:00.000000Z"}
}


class WebhookRegistered(Event, family="ledger", source=(), to="active"):
    """Somebody is told of events from now on, or from an earlier position.

    `receiver`: the host of `url`, which may hold a secret in its path and is therefore personal. `owner`: whose
    rights to read, narrowed by `scopes`, say what is delivered. `secrets`: the SHA-256 of each that signs.
    """

    example: ClassVar[dict[str, Any]] = {
        **_EXAMPLE,
        "secrets": {**_SECRETS},
        "begins": {"after": 1841, "run": "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"},
    }

    url: PersonalText
    receiver: Text
    events: dict[str, bool]
    owner: Principal
    scopes: dict[str, bool]
    secrets: dict[str, dict[str, Json]]
    begins: dict[str, Json]


class WebhookChanged(Event, family="ledger", source=LIVE):
    """It goes elsewhere, or tells other events; whoever changed it answers for it from now on."""

    example: ClassVar[dict[str, Any]] = {**_EXAMPLE}

    url: PersonalText | None = None
    receiver: Text | None = None
    events: dict[str, bool | None]
    owner: Principal
    scopes: dict[str, bool | None]


class WebhookSecretRotated(Event, family="ledger", source=LIVE):
    """A new secret signs. `until`: how long the one before still signs beside it."""

    example: ClassVar[dict[str, Any]] = {
        "secrets": {
            "sha256:" + "0" * 64: {"until": "2026-03-03T09:30:00.000000Z"},
            "sha256:" + "1" * 64: {"since": "2026-03-02T09:30:00.000000Z"},
        }
    }

    secrets: dict[str, dict[str, Json] | None]


class WebhookReplayOrdered(Event, family="ledger", source=LIVE):
    """What came behind a position is delivered again, in order, and then what comes."""

    example: ClassVar[dict[str, Any]] = {
        "begins": {"after": 100, "run": "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b11"}
    }

    begins: dict[str, Json]


class WebhookDisabled(Event, family="ledger", source=("active",), to="disabled"):
    """Nothing is delivered until it is enabled; then it goes on where it was.

    `because`: `failing` for too long, `gone` as the receiver said, `owner-not-registered`, `erased`, or `ordered`.
    """

    example: ClassVar[dict[str, Any]] = {
        "because": "failing",
        "failing_since": "2026-03-02T09:30:00.000000Z",
    }

    because: Word
    failing_since: Moment | None = None


class WebhookEnabled(Event, family="ledger", source=("disabled",), to="active"):
    """Deliveries go on where they were, and what failed before is tried as if for the first time."""

    asserts: ClassVar[Mapping[str, Json]] = {
        "status": "active",
        "because": None,
        "failing_since": None,
    }
    example: ClassVar[dict[str, Any]] = {"enabled_at": "2026-03-02T09:30:00.000000Z"}

    enabled_at: Moment


class WebhookEnded(Event, family="ledger", source=LIVE, to="ended"):
    """Nobody is told any more, and the secrets are gone."""

    example: ClassVar[dict[str, Any]] = {"url": None, "secrets": {"sha256:" + "0" * 64: None}}

    url: None = None
    secrets: dict[str, None]


@stands_on("ledger")
def _rosters(subject: str, state: State) -> Iterable[str]:  # noqa: ARG001 - every rule takes both
    return (WEBHOOKS,) if "begins" in state and state.get("status") in LIVE else ()


def is_webhook(state: State) -> bool:
    return "begins" in state


def selects(events: Mapping[str, Json], event_type: str, family: str) -> bool:
    """Is an event of this type among what was asked for: everything, its family, or its type?"""
    return bool(events.get(EVERYTHING) or events.get(family) or events.get(event_type))


def signing_secrets(state: State, now: str) -> list[str]:
    """The SHA-256 of each secret that signs at `now`, the newest first."""
    live = [
        (told.get("since", ""), secret)
        for secret, told in state.get("secrets", {}).items()
        if told.get("until") is None or told["until"] > now
    ]
    return [secret for _, secret in sorted(live, reverse=True)]


def host_of(url: str) -> str | None:
    """The host of a URL that a delivery can go to; None for what is no such URL."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None or not 0 < int(found["port"] or 1) <= LARGEST_PORT:
        return None
    host = found["host"].lower()
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            return None
    return host


class RegisterWebhook(Command, yields=WebhookRegistered):
    """Tell a receiver of events. `after`: begin behind this position."""

    by_verb = True
    example: ClassVar[dict[str, Any]] = {
        "url": "https://hooks.example.com/itsm",
        "events": ["change", "itsm.incident.reported.v1"],
        "after": 1841,
        "scopes": ["*:read"],
        "secret": "sha256:" + "0" * 64,
    }

    url: PersonalText
    events: Annotated[list[str], Field(min_length=1, max_length=100)]
    after: Count
    scopes: list[str]
    secret: Sha256

    def names_entry(self) -> int | None:
        return self.after or None

    def decide(self, case: Case) -> Events:
        return self.stating(
            url=self.url,
            receiver=_receiver(self.url, case),
            events=_selection(self.events, case),
            owner=case.actor,
            scopes=dict.fromkeys(self.scopes, True),
            secrets={self.secret: {"since": case.now}},
            begins={"after": self.after, "run": case.new_id()},
        )


class ChangeWebhook(Command, yields=WebhookChanged):
    """Send it elsewhere, or tell it of other events. Who changes it becomes its owner."""

    example: ClassVar[dict[str, Any]] = {"events": ["change"], "scopes": ["*:read"]}

    url: PersonalText | None = None
    events: Annotated[list[str], Field(min_length=1, max_length=100)] | None = None
    scopes: list[str]

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        wanted: Mapping[str, bool | None] = case.state["events"]
        if self.events is not None:
            wanted = dict.fromkeys(wanted) | _selection(self.events, case)
        elsewhere: dict[str, Json] = {}
        if self.url is not None:
            elsewhere = {"url": self.url, "receiver": _receiver(self.url, case)}
        return self.stating(
            **elsewhere,
            events=dict(wanted),
            owner=case.actor,
            # What the owner before could read must not reach who takes it over.
            scopes=dict.fromkeys(case.state["scopes"]) | dict.fromkeys(self.scopes, True),
        )


class RotateWebhookSecret(Command, yields=WebhookSecretRotated):
    """Sign with a new secret, and for `overlap_seconds` with the one before as well."""

    example: ClassVar[dict[str, Any]] = {"secret": "sha256:" + "1" * 64, "overlap_seconds": 86_400}

    secret: Sha256
    overlap_seconds: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP_SECONDS)] = OVERLAP_SECONDS

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        until = later(case.now, timedelta(seconds=self.overlap_seconds))
        secrets: dict[str, dict[str, Json] | None] = {}
        for secret, told in case.state["secrets"].items():
            ends = min(told.get("until") or until, until)
            secrets[secret] = {"until": ends} if ends > case.now else None
        return self.stating(secrets={**secrets, self.secret: {"since": case.now}})


class ReplayWebhook(Command, yields=WebhookReplayOrdered):
    """Deliver again what came behind a position."""

    example: ClassVar[dict[str, Any]] = {"after": 100}

    after: Count

    def names_entry(self) -> int | None:
        return self.after or None

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        return self.stating(begins={"after": self.after, "run": case.new_id()})


class DisableWebhook(Command, yields=WebhookDisabled):
    """Deliver nothing until it is enabled again."""

    example: ClassVar[dict[str, Any]] = {"reason": "The receiver moves house"}

    because: Word = "ordered"
    failing_since: Moment | None = None

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        return self.stating(because=self.because, failing_since=self.failing_since)


class EnableWebhook(Command, yields=WebhookEnabled):
    """Go on delivering where it was."""

    example: ClassVar[dict[str, Any]] = {"reason": "The receiver is back"}

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        return self.stating(enabled_at=case.now)


class EndWebhook(Command, yields=WebhookEnded):
    """Tell this receiver nothing more, for good."""

    example: ClassVar[dict[str, Any]] = {"reason": "The receiver is gone"}

    def decide(self, case: Case) -> Events:
        _require_webhook(case)
        return self.stating(url=None, secrets=dict.fromkeys(case.state["secrets"]))


def _require_webhook(case: Case) -> None:
    require(is_webhook(case.state), "webhook-known", f"{case.subject} is no webhook", case)


def _receiver(url: str, case: Case) -> str:
    host = host_of(url)
    require(
        host is not None,
        "receiver-url",
        "expected the receiver as a URL such as https://hooks.example.com/itsm, without a user, a "
        f"password or a fragment, of {LONGEST_URL} characters at most",
        case,
    )
    return str(host)


def _selection(events: Sequence[str], case: Case) -> dict[str, bool]:
    unknown = [one for one in events if not _can_be_selected(one)]
    require(
        not unknown,
        "events-known",
        f"expected families, event types or *, got {', '.join(unknown)!r}; "
        f"families: {', '.join(FAMILIES)}",
        case,
    )
    return dict.fromkeys(events, True)


def _can_be_selected(name: str) -> bool:
    return name == EVERYTHING or name in FAMILIES or name in EVENT_TYPES
