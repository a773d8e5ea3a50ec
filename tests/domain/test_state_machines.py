"""The classes of the domain are the recommended state machines, transition by transition."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import pytest
import yaml

from domain.catalogue import COMMANDS
from domain.change import Status as ChangeStatus
from domain.change_order import ChangeOrder
from domain.command import creating_command
from domain.event import EVENT_TYPES, Event, events_of
from domain.families import FAMILIES, event_type
from domain.freeze import Status as FreezeStatus
from domain.model import Status as ModelStatus
from tests.shared import shared_path

TICKETS = ("incident", "request", "problem", "change")
MACHINES = {
    **{family: family for family in TICKETS},
    "model": "standard_change_model",
    "freeze": "change_freeze",
    "grant": "role_grant",
}
"""Family → its machine in the file."""
AUXILIARY = {"change": {"ReviewLapsed"}}
"""Events of ours beside a machine: they change no status, and no guard asks for what they say."""


@cache
def recommended() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(shared_path("state_machines.yaml").read_text())
    return read


def machine(family: str) -> dict[str, Any]:
    found: dict[str, Any] = recommended()[MACHINES[family]]
    return found


def transitions() -> list[Any]:
    return [
        pytest.param(family, transition, id=transition["event"])
        for family in MACHINES
        for transition in machine(family)["transitions"]
    ]


def own_events(family: str) -> list[type[Event]]:
    return [event for event in events_of(family) if not event.common]


@pytest.mark.parametrize(("family", "transition"), transitions())
def test_each_transition_is_a_class(family: str, transition: dict[str, Any]) -> None:
    event = EVENT_TYPES[event_type(FAMILIES[family], transition["event"])]

    assert event.__name__ == transition["event"]
    assert event.from_statuses is not None
    assert sorted(event.from_statuses) == sorted(transition["from"])
    assert event.to_status == (None if transition["to"] == "self" else transition["to"])


@pytest.mark.parametrize(("family", "transition"), transitions())
def test_the_status_is_all_that_a_transition_says_of_the_workflow(
    family: str, transition: dict[str, Any]
) -> None:
    event = EVENT_TYPES[event_type(FAMILIES[family], transition["event"])]
    patch = event.from_data(event.example).data()

    stays = transition["to"] == "self"
    assert patch.get("status") == (None if stays else transition["to"])


@pytest.mark.parametrize("family", MACHINES)
def test_no_class_stands_for_a_transition_that_is_not_recommended(family: str) -> None:
    named = {transition["event"] for transition in machine(family)["transitions"]}
    named |= AUXILIARY.get(family, set())

    assert {event.__name__ for event in own_events(family)} == named


def test_what_is_auxiliary_leaves_the_status_as_it_is() -> None:
    beside = [
        e for family in AUXILIARY for e in own_events(family) if e.__name__ in AUXILIARY[family]
    ]

    assert [event.to_status for event in beside] == [None]
    assert "status" not in beside[0].from_data(beside[0].example).data()


@pytest.mark.parametrize("family", MACHINES)
def test_from_a_terminal_status_nothing_leads_out(family: str) -> None:
    for status in machine(family)["terminal"]:
        possible = [event for event in own_events(family) if event.takes_place_in(status)]

        assert possible == []


@pytest.mark.parametrize("family", MACHINES)
def test_every_transition_has_one_order_that_leads_to_it(family: str) -> None:
    yielded = [
        command.yields
        for (of, _), command in COMMANDS.items()
        if of == family and not command.yields.common
    ]

    assert sorted(e.__name__ for e in yielded) == sorted(e.__name__ for e in own_events(family))


@pytest.mark.parametrize("family", MACHINES)
def test_a_new_subject_takes_a_creating_event_and_no_other(family: str) -> None:
    creating = {event.__name__ for event in own_events(family) if event.takes_place_in(None)}
    ordinary = creating_command(family)

    assert creating == {
        transition["event"]
        for transition in machine(family)["transitions"]
        if not transition["from"]
    }
    assert ordinary is not None
    assert ordinary.yields.to_status == machine(family)["initial"]


def test_every_status_that_a_state_may_have_is_of_the_machine_and_reached() -> None:
    stated = {"change": ChangeStatus, "model": ModelStatus, "freeze": FreezeStatus}

    for family, statuses in stated.items():
        reached = {event.to_status for event in own_events(family) if event.to_status}
        assert set(get_args(statuses)) == reached


def test_an_order_is_for_the_types_of_change_that_its_transition_is_for() -> None:
    every = machine("change")["types"]
    orders = {
        command.yields.__name__: command
        for (family, _), command in COMMANDS.items()
        if family == "change" and not command.yields.common
    }

    for transition in machine("change")["transitions"]:
        order = orders[transition["event"]]
        assert issubclass(order, ChangeOrder)
        assert sorted(order.types) == sorted(transition.get("types", every)), transition["event"]


def test_the_auxiliary_events_of_deployments_hold_in_any_status() -> None:
    told = events_of("deployment")

    assert {event.__name__ for event in told} == set(
        recommended()["auxiliary_events"]["deployment"]
    )
    assert all(event.from_statuses is None for event in told)
    assert not [verb for family, verb in COMMANDS if family == "deployment"]


@pytest.mark.parametrize("family", TICKETS)
def test_common_events_hold_in_any_status_and_leave_it(family: str) -> None:
    common = [event for event in events_of(family) if event.common]

    assert sorted(event.__name__ for event in common) == sorted(
        FAMILIES[family].words[0] + name for name in recommended()["common_events"]
    )
    assert all(event.from_statuses is None and event.to_status is None for event in common)


def test_a_role_is_defined_revised_and_retired() -> None:
    """Its machine is one line in prose: `defined -> revised* -> retired`."""
    told = recommended()["families"]["role"]["machine"].partition(";")[0]
    assert told == "defined -> revised* -> retired"

    steps = {event.__name__: (event.from_statuses, event.to_status) for event in own_events("role")}

    assert steps == {
        "RoleDefined": ((), "defined"),
        "RoleRevised": (("defined",), None),
        "RoleRetired": (("defined",), "retired"),
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_numbers_as_recommended(family: str) -> None:
    assert FAMILIES[family].prefix == recommended()["families"][family]["prefix"]
