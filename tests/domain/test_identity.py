"""Linked identities: by what a principal signs in elsewhere."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.acts import LEDGER
from domain.event import Event, State
from domain.identity import (
    IdentityLinked,
    IdentityUnlinked,
    LinkedIdentity,
    LinkIdentity,
    UnlinkIdentity,
)
from domain.principal import PrincipalDeactivated, PrincipalReferenced, PrincipalRegistered
from tests.given import BEN, NOW, Given, given

ISSUER = "https://login.example.com"
registered = PrincipalRegistered(kind="person", name="Ben")
deactivated = PrincipalDeactivated()
referenced = PrincipalReferenced(name="Updated by 21", known_to="principal/PRN0000010")
link = LinkIdentity(issuer=ISSUER, subject="ben@example.com")
unlink = UnlinkIdentity(identity="IDN-1", reason="Moved to another login")
ben_there: LinkedIdentity = {"issuer": ISSUER, "subject": "ben@example.com"}
linked = IdentityLinked(identities={"IDN-1": ben_there})


def ben(*events: Event, ledger: State | None = None) -> Given:
    return given(*events, subject=BEN, others={LEDGER: ledger or {}})


def test_an_identity_is_linked_under_an_id_of_its_own() -> None:
    ben(registered).when(link).then(linked)


def test_a_principal_may_have_several() -> None:
    other: LinkedIdentity = {"issuer": "https://pipelines.example.com", "subject": "repo:acme"}

    state = ben(registered, linked, IdentityLinked(identities={"IDN-2": other})).state

    assert state["identities"] == {"IDN-1": ben_there, "IDN-2": other}
    assert state["status"] == "registered"


@pytest.mark.parametrize("before", [(), (referenced,), (registered, deactivated)])
def test_only_who_is_registered_is_linked(before: tuple[Event, ...]) -> None:
    ben(*before).when(link).refused("transition")


def test_who_was_erased_is_linked_no_more() -> None:
    ben(registered, ledger={"erased": {BEN: NOW}}).when(link).refused("not-erased")


def test_the_system_signs_in_nowhere() -> None:
    ben(PrincipalRegistered(kind="system", name="timer")).when(link).refused("not-the-system")


@pytest.mark.parametrize("since", [(), (deactivated,)])
def test_an_identity_is_unlinked_with_a_reason(since: tuple[Event, ...]) -> None:
    outcome = ben(registered, linked, *since).when(unlink)

    outcome.then(IdentityUnlinked(identities={"IDN-1": None}))
    assert outcome.state["identities"] == {}


def test_what_is_not_linked_is_not_unlinked() -> None:
    ben(registered).when(unlink).refused("identity-linked")
    ben(registered, linked).when(UnlinkIdentity(identity="IDN-1")).refused("reason-required")


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("login.example.com", "ben"),
        ("https://", "ben"),
        ("https://login example.com", "ben"),
        (ISSUER, ""),
        (ISSUER, "b" * 256),
        (ISSUER, "ben\n"),
        (ISSUER, "Zoë"),
    ],
)
def test_what_no_issuer_says_is_not_linked(issuer: str, subject: str) -> None:
    with pytest.raises(ValidationError):
        LinkIdentity(issuer=issuer, subject=subject)


def test_the_subject_stands_in_the_entry_as_a_commitment_and_the_issuer_as_itself() -> None:
    assert IdentityLinked.personal_within == {"identities": ("subject",)}
    assert IdentityUnlinked.personal_within == {}
