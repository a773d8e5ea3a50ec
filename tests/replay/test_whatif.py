"""What another policy would have decided: each order is asked again as it was given, and once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.change import ChangeState  # noqa: F401 - the family's events are registered
from domain.change_planning import ChangeDrafted
from domain.change_review import ChangeClosed, PirCompleted
from domain.command import command_class
from domain.event import Event
from domain.model import ModelApproved, ModelProposed
from ledger.entry import Draft
from ledger.genesis import genesis_draft
from ledger.govern import Order
from ledger.ledger import recorded
from ledger.proposal import Unordered
from ledger.shipped import shipped_texts
from ledger.view import View
from replay.whatif import Again, Otherwise, WhatIf, asked_again, candidate_state, what_if
from tests.replay.given_log import OPERATOR, Desk

MODEL, FAILED, CHANGE = "model/MOD0000001", "change/CHG0010001", "change/CHG0010002"
NEVER_CLOSED = (
    '@id("never") @sentence("Nothing is closed.") @control("none")\n'
    'forbid (principal, action == Action::"change:close", resource);'
)


@dataclass(slots=True)
class Stated(Unordered):
    """Events that stand in the log without anybody having ordered them."""

    events: Sequence[tuple[str, Event]]

    def settle(self, view: View) -> Sequence[Draft]:
        return [genesis_draft(view, subject, event) for subject, event in self.events]


def suspended_by_a_closure(at: Desk) -> None:
    """The second change by the model that fails: closing it suspends the model in the same breath."""
    now = at.house.ledger.now()
    drafted = ChangeDrafted(type="standard", model=MODEL, model_version=1)
    stated: list[tuple[str, Event]] = [
        (MODEL, ModelProposed()),
        (MODEL, ModelApproved(version=1, approved_at=now)),
        (FAILED, drafted),
        (FAILED, ChangeClosed(closure_code="failed", closed_at=now)),
        (CHANGE, drafted),
        (CHANGE, PirCompleted(reviewed_at=now)),
    ]
    recorded(at.house.ledger.writer.submit([Stated(stated)])[0])
    at.orders(CHANGE, "close", "change", closure_code="failed")


def asked(at: Desk, more: Mapping[str, str] | None = None) -> tuple[list[Again], list[Otherwise]]:
    candidate: Any = candidate_state({**shipped_texts(), **(more or {})}, {})
    size, database = at.house.ledger.head().size, at.house.ledger.database
    again: Iterator[Again] = asked_again(database, candidate, found=WhatIf(1, size))
    return list(again), list(what_if(database, candidate, found=WhatIf(1, size)))


def test_an_order_that_touches_another_subject_first_is_asked_as_itself(at: Desk) -> None:
    suspended_by_a_closure(at)

    again, otherwise = asked(at)

    assert at.house.ledger.subject(MODEL).state["status"] == "suspended"
    assert again[-1].action == "change:close"
    assert [one.action for one in again].count("model:suspend") == 0
    assert otherwise == []


def test_what_follows_from_an_order_is_not_a_decision_of_its_own(at: Desk) -> None:
    suspended_by_a_closure(at)

    _, otherwise = asked(at, {"never.cedar": NEVER_CLOSED})

    assert [(one.action, one.rules) for one in otherwise] == [("change:close", ("never",))]


def test_a_cause_that_a_client_names_hides_no_decision(at: Desk) -> None:
    first = at.orders(None, "report", title="Mail is slow")
    command = command_class("incident", "comment")(comment="Since this morning")  # type: ignore[call-arg]  # by its family
    caused = Order(command, OPERATOR, first.subject, causationid=first.id)
    at.house.ledger.execute(caused)

    again, _ = asked(at)

    assert [one.action for one in again][-2:] == ["incident:report", "incident:comment"]
