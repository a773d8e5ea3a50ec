"""Principals: referenced or registered, deactivated, reactivated."""

from __future__ import annotations

import pytest

from domain.event import Event
from domain.person import human_of, principals_of
from domain.principal import (
    DeactivatePrincipal,
    IdentifyPrincipal,
    PrincipalDeactivated,
    PrincipalIdentified,
    PrincipalReactivated,
    PrincipalReferenced,
    PrincipalRegistered,
    ReactivatePrincipal,
    RegisterPrincipal,
)
from domain.rosters import rosters_of, same_person_as
from tests.given import ADA, BEN, CLEO, GONE, NAMED, SOURCE, SYSTEM, Given, fold_from, given
from tests.open_door import open_door

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


identified = PrincipalIdentified(person=CLEO)


def identify(person: str) -> IdentifyPrincipal:
    return IdentifyPrincipal(person=person, reason="The same employee")


def test_a_principal_is_said_to_be_the_same_human_as_another_with_a_reason() -> None:
    after = ben(registered).when(identify(CLEO), may=open_door)

    after.then(identified)
    assert after.state["status"] == "registered"
    ben(registered).when(IdentifyPrincipal(person=CLEO), may=open_door).refused("reason-required")


def test_a_human_is_known_by_each_of_its_principals() -> None:
    case = ben(registered, identified).case()

    assert (human_of(case, BEN), human_of(case, CLEO)) == (CLEO, CLEO)
    assert principals_of(case, BEN) == principals_of(case, CLEO) == {BEN, CLEO}
    assert principals_of(case, ADA) == {ADA}
    assert rosters_of(BEN, fold_from({}, [registered, identified])) == {same_person_as(CLEO)}
    assert rosters_of(BEN, registered.data()) == set()


@pytest.mark.parametrize("person", [GONE, NAMED, "principal/PRN0000099"])
def test_only_who_is_registered_is_a_person_to_be_named(person: str) -> None:
    ben(registered).when(identify(person), may=open_door).refused("person-is-registered")


@pytest.mark.parametrize("person", [SOURCE, SYSTEM])
def test_only_persons_have_several_principals(person: str) -> None:
    service = PrincipalRegistered(kind="service", name="Backup", mode="govern")

    ben(registered).when(identify(person), may=open_door).refused("only-persons-are-identified")
    ben(service).when(identify(CLEO), may=open_door).refused("only-persons-are-identified")


@pytest.mark.parametrize("before", [(), (referenced,), (registered, deactivated)])
def test_only_the_registered_are_identified(before: tuple[Event, ...]) -> None:
    ben(*before).when(identify(CLEO), may=open_door).refused("transition")


def test_a_principal_is_identified_once_and_as_another() -> None:
    ben(registered, identified).when(identify(ADA), may=open_door).refused("identified-once")
    ben(registered).when(identify(BEN), may=open_door).refused("identified-as-another")


@pytest.mark.parametrize("actor", [BEN, CLEO])
def test_nobody_says_of_themself_whose_account_they_are(actor: str) -> None:
    ben(registered).when(identify(CLEO), actor=actor).refused("nobody-identifies-themself")


def test_a_human_is_named_by_its_first_principal_without_chain_or_circle() -> None:
    state = registered.data()
    ada_is_bens = {ADA: {**state, "person": BEN}}
    cleo_is_adas = {CLEO: {**state, "person": ADA}}

    given(registered, subject=BEN, others=ada_is_bens).when(identify(ADA), may=open_door).refused(
        "names-the-first-principal"
    )
    given(registered, subject=BEN, others=cleo_is_adas).when(identify(CLEO), may=open_door).refused(
        "names-the-first-principal"
    )
    given(registered, subject=ADA, others=cleo_is_adas).when(identify(BEN), may=open_door).refused(
        "names-the-first-principal"
    )


def test_whom_an_order_about_principals_is_about_is_its_subject() -> None:
    case = ben(registered).case()

    assert DeactivatePrincipal(reason="Left").parts(case) == {"subject": {BEN}}
    assert identify(CLEO).parts(case) == {"subject": {BEN, CLEO}}
