"""Principals: referenced or registered, deactivated, reactivated."""

from __future__ import annotations

import pytest

from domain.event import Event
from domain.principal import (
    DeactivatePrincipal,
    PrincipalDeactivated,
    PrincipalReactivated,
    PrincipalReferenced,
    PrincipalRegistered,
    ReactivatePrincipal,
    RegisterPrincipal,
)
from tests.given import ADA, BEN, Given, given

referenced = PrincipalReferenced(name="Updated by 21", known_to="/sources/servicenow")
registered = PrincipalRegistered(kind="person", name="Ben", mode="govern")
deactivated = PrincipalDeactivated()
register = RegisterPrincipal(kind="person", name="Ben")


def ben(*events: Event) -> Given:
    return given(*events, subject=BEN)


@pytest.mark.parametrize("before", [(), (referenced,)])
def test_somebody_new_or_merely_named_is_registered(before: tuple[Event, ...]) -> None:
    ben(*before).when(register).then(registered)


@pytest.mark.parametrize("before", [(registered,), (registered, deactivated)])
def test_nobody_is_registered_twice(before: tuple[Event, ...]) -> None:
    ben(*before).when(register).refused("transition")


def test_a_source_is_registered_with_its_mode_and_address() -> None:
    source = RegisterPrincipal(
        kind="source", name="ServiceNow", mode="observe", source_uri="/sources/servicenow"
    )

    state = ben().when(source).state

    assert (state["mode"], state["source_uri"]) == ("observe", "/sources/servicenow")


def test_a_principal_is_deactivated_and_reactivated_with_reasons() -> None:
    ben(registered).when(DeactivatePrincipal(reason="Left")).then(PrincipalDeactivated())
    ben(registered, deactivated).when(ReactivatePrincipal(reason="Back")).then(
        PrincipalReactivated()
    )
    ben(registered).when(DeactivatePrincipal()).refused("reason-required")
    ben(registered, deactivated).when(ReactivatePrincipal()).refused("reason-required")


@pytest.mark.parametrize("before", [(), (referenced,), (registered, deactivated)])
def test_only_the_registered_are_deactivated(before: tuple[Event, ...]) -> None:
    ben(*before).when(DeactivatePrincipal(reason="Left")).refused("transition")


def test_nobody_deactivates_themself() -> None:
    ben(registered).when(DeactivatePrincipal(reason="Tired"), actor=BEN).refused(
        "nobody-deactivates-themself"
    )
    given(registered, subject=ADA).when(DeactivatePrincipal(reason="Left"), actor=BEN).then(
        PrincipalDeactivated()
    )


def test_a_name_stands_in_the_entry_as_a_commitment() -> None:
    assert PrincipalRegistered.personal == ("name",)
    assert PrincipalReferenced.personal == ("name",)
