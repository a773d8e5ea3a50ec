"""An order is recalled from its event, with all that a policy is told of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import domain.catalogue  # noqa: F401 - registers every command
from domain.command import command_class
from domain.event import Json

ONE = "principal/PRN0000051"
TOLD: list[tuple[str, Mapping[str, Json], str, Json]] = [
    ("change:link-commit", {"commits": {"3f78": {"author": ONE}}}, "author", ONE),
    ("change:assess", {"risk": "high", "conflicts": {}}, "risk", "high"),
    (
        "change:schedule",
        {"resolved_conflicts": {"change/CHG1": True, "change/CHG2": None}},
        "resolved_conflicts",
        ("change/CHG1",),
    ),
    ("change:amend-plan", {"services": {"mail": True, "erp": None}}, "named_services", ["mail"]),
    ("change:draft", {"type": "normal", "services": {"mail": True}}, "named_services", ["mail"]),
    (
        "freeze:grant-exception",
        {"exceptions": {"EXC-1": {"change": "change/CHG1", "verdict": "granted"}}},
        "change",
        "change/CHG1",
    ),
    ("freeze:declare", {"services": {"erp": True}}, "named_services", ["erp"]),
    ("model:propose", {"services": {"erp": True}}, "named_services", ["erp"]),
    ("model:suspend", {"suspension": "failures"}, "cause", "failures"),
    ("role:revise", {"conflicts": {"tester": True, "developer": None}}, "conflicts", {"tester"}),
    ("role:revise", {"conflicts": {}}, "conflicts", frozenset()),
    ("role:revise", {"title": "Tests"}, "conflicts", None),
    ("grant:delegate", {"delegations": {"DLG-1": {"to": ONE}}}, "to", ONE),
    ("grant:request", {"role": "role/ROL1", "services": {"erp": True}}, "scope", {"erp": True}),
]
TOO_LITTLE: list[tuple[str, Mapping[str, Json]]] = [
    ("change:link-commit", {}),
    ("change:link-commit", {"commits": {"3f78": {}}}),
    ("change:link-commit", {"commits": {"a": {"author": ONE}, "b": {"author": ONE}}}),
    ("change:link-commit", {"commits": {"a": None}}),
    ("change:assess", {}),
    ("change:detect-unauthorized", {}),
]


@pytest.mark.parametrize(("action", "data", "field", "value"), TOLD)
def test_what_a_policy_is_told_is_recalled(
    action: str, data: Mapping[str, Json], field: str, value: Json
) -> None:
    family, verb = action.split(":")

    recalled = command_class(family, verb).recalled(data)

    assert getattr(recalled, field) == value


@pytest.mark.parametrize(("action", "data"), TOO_LITTLE)
def test_what_tells_too_little_is_not_guessed(action: str, data: Mapping[str, Json]) -> None:
    family, verb = action.split(":")

    assert command_class(family, verb).recalled(data) is None
