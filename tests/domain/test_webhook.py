"""A webhook from its registration to its end: what may be asked for, and who answers for it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.event import PERSONAL
from domain.rosters import WEBHOOKS, rosters_of
from domain.webhook import (
    ChangeWebhook,
    DisableWebhook,
    EnableWebhook,
    EndWebhook,
    RegisterWebhook,
    ReplayWebhook,
    RotateWebhookSecret,
    WebhookChanged,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEnded,
    WebhookRegistered,
    WebhookReplayOrdered,
    WebhookSecretRotated,
    selects,
    signing_secrets,
)
from tests.given import ADA, BEN, NOW, SYSTEM, Given, given
from tests.open_door import open_door

HOOK = "ledger/LDG0000007"
URL = "https://hooks.example.com/itsm"
FIRST, SECOND, THIRD = ("sha256:" + digit * 64 for digit in "123")
EARLIER = "2026-03-01T12:00:00.000000Z"
TOMORROW = "2026-03-03T12:00:00.000000Z"

registered = WebhookRegistered(
    url=URL,
    receiver="hooks.example.com",
    events={"change": True, "itsm.incident.reported.v1": True},
    owner=ADA,
    scopes={"*:read": True},
    secrets={FIRST: {"since": EARLIER}},
    begins={"after": 3, "run": "0"},
)


def webhook(*events: Any) -> Given:
    return given(*events, subject=HOOK, may=open_door)


def register(**said: Any) -> RegisterWebhook:
    told = {"url": URL, "events": ["change"], "after": 3, "scopes": ["*:read"], "secret": FIRST}
    return RegisterWebhook.model_validate({**told, **said})


def test_a_webhook_says_where_and_what_is_told_and_who_answers_for_it() -> None:
    webhook().when(register()).then(
        WebhookRegistered(
            url=URL,
            receiver="hooks.example.com",
            events={"change": True},
            owner=ADA,
            scopes={"*:read": True},
            secrets={FIRST: {"since": NOW}},
            begins={"after": 3, "run": "1"},
        )
    )


def test_the_url_is_personal_for_it_may_hold_a_secret_of_the_receiver() -> None:
    assert "url" in WebhookRegistered.personal
    assert "url" in WebhookChanged.personal
    assert PERSONAL.name == "personal"


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com/itsm",
        "ftp://hooks.example.com",
        "gopher://hooks.example.com",
        "https://",
        "https:///itsm",
        "https://ada:secret@hooks.example.com",
        "https://ada@hooks.example.com",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\nHost: other",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:port/",
        "https://höoks.example.com/",
        "https://[::1/",
        "https://[1:2]/itsm",
        "https://[192.0.2.1]/itsm",
        "https://hooks.example.com/" + "a" * 2_000,
    ],
)
def test_what_is_no_plain_url_of_the_web_is_refused(url: str) -> None:
    webhook().when(register(url=url)).refused("receiver-url")
    webhook(registered).when(ChangeWebhook(url=url, scopes=[])).refused("receiver-url")


@pytest.mark.parametrize("one", ["", "changes", "itsm.change.painted.v1", "change:read", "**"])
def test_what_no_event_can_be_is_not_asked_for(one: str) -> None:
    webhook().when(register(events=["change", one])).refused("events-known")
    webhook(registered).when(ChangeWebhook(events=[one], scopes=[])).refused("events-known")


def test_a_webhook_for_nothing_is_not_registered() -> None:
    with pytest.raises(ValidationError, match="events"):
        register(events=[])


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ({"*": True}, True),
        ({"change": True}, True),
        ({"itsm.change.closed.v1": True}, True),
        ({"itsm.change.submitted.v1": True}, False),
        ({"incident": True}, False),
        ({}, False),
    ],
)
def test_an_event_is_told_by_everything_its_family_or_its_type(
    events: dict[str, bool], told: bool
) -> None:
    assert selects(events, "itsm.change.closed.v1", "change") is told


def test_whoever_changes_a_webhook_answers_for_it_with_their_own_rights() -> None:
    """Else an administrator could send to themself what only its owner may read."""
    changed = webhook(registered).when(
        ChangeWebhook(url="https://other.example.com", events=["incident"], scopes=["change:read"]),
        actor=BEN,
    )

    changed.then(
        WebhookChanged(
            url="https://other.example.com",
            receiver="other.example.com",
            events={"change": None, "itsm.incident.reported.v1": None, "incident": True},
            owner=BEN,
            scopes={"*:read": None, "change:read": True},
        )
    )
    assert changed.state["events"] == {"incident": True}
    assert changed.state["scopes"] == {"change:read": True}


def test_what_a_change_does_not_name_stays() -> None:
    changed = webhook(registered).when(ChangeWebhook(events=["change"], scopes=["*:read"]))

    assert changed.state["url"] == URL
    assert changed.state["events"] == {"change": True}
    assert changed.state["scopes"] == {"*:read": True}


def test_a_new_secret_signs_beside_the_one_before_until_the_overlap_ends() -> None:
    rotated = webhook(registered).when(RotateWebhookSecret(secret=SECOND))

    rotated.then(WebhookSecretRotated(secrets={FIRST: {"until": TOMORROW}, SECOND: {"since": NOW}}))
    assert signing_secrets(rotated.state, NOW) == [SECOND, FIRST]
    assert signing_secrets(rotated.state, TOMORROW) == [SECOND]


def test_a_rotation_without_overlap_leaves_no_other_secret() -> None:
    once = WebhookSecretRotated(secrets={FIRST: {"until": TOMORROW}, SECOND: {"since": EARLIER}})

    rotated = webhook(registered, once).when(RotateWebhookSecret(secret=THIRD, overlap_seconds=0))

    rotated.then(WebhookSecretRotated(secrets={FIRST: None, SECOND: None, THIRD: {"since": NOW}}))


def test_a_rotation_does_not_make_an_older_secret_live_longer() -> None:
    soon = "2026-03-02T13:00:00.000000Z"
    once = WebhookSecretRotated(secrets={FIRST: {"until": soon}, SECOND: {"since": EARLIER}})

    rotated = webhook(registered, once).when(RotateWebhookSecret(secret=THIRD))

    assert rotated.state["secrets"][FIRST]["until"] == soon
    assert rotated.state["secrets"][SECOND]["until"] == TOMORROW


def test_a_replay_is_a_new_run_from_the_position() -> None:
    webhook(registered).when(ReplayWebhook(after=0)).then(
        WebhookReplayOrdered(begins={"after": 0, "run": "1"})
    )


def test_what_is_disabled_says_why_until_it_is_enabled() -> None:
    disabled = webhook(registered).when(
        DisableWebhook(because="failing", failing_since=EARLIER), actor=SYSTEM
    )
    disabled.then(WebhookDisabled(because="failing", failing_since=EARLIER))

    enabled = webhook(registered, *disabled.events).when(EnableWebhook())
    enabled.then(WebhookEnabled(enabled_at=NOW))
    assert enabled.state["status"] == "active"
    assert "because" not in enabled.state
    assert "failing_since" not in enabled.state


def test_the_end_forgets_where_it_went_and_which_secrets_signed() -> None:
    ended = webhook(registered).when(EndWebhook())

    ended.then(WebhookEnded(url=None, secrets={FIRST: None}))
    assert ended.state["secrets"] == {}
    assert "url" not in ended.state


def test_nothing_follows_the_end() -> None:
    over = webhook(registered, WebhookEnded(url=None, secrets={FIRST: None}))

    for command in (
        ChangeWebhook(scopes=[]),
        RotateWebhookSecret(secret=SECOND),
        ReplayWebhook(after=0),
        DisableWebhook(),
        EnableWebhook(),
        EndWebhook(),
    ):
        over.when(command).refused("transition")


def test_a_webhook_is_on_the_roster_until_its_end() -> None:
    live = webhook(registered).state
    ended = webhook(registered).when(EndWebhook()).state
    disabled = webhook(registered).when(DisableWebhook()).state

    assert rosters_of(HOOK, live) == {WEBHOOKS}
    assert rosters_of(HOOK, disabled) == {WEBHOOKS}
    assert rosters_of(HOOK, ended) == frozenset()
    assert rosters_of("ledger/LDG0000002", {"status": "issued"}) == frozenset()


def test_only_who_keeps_webhooks_or_the_system_disables_one() -> None:
    by_policy = given(registered, subject=HOOK)

    by_policy.when(DisableWebhook(because="gone"), actor=SYSTEM).then(
        WebhookDisabled(because="gone", failing_since=None)
    )
    by_policy.when(EndWebhook(), actor=SYSTEM).refused("no-permit:ledger:end-webhook")
