"""Between an erasure's entry and the end of the key lies time: nothing said or named in it may be lost or found."""

from __future__ import annotations

import pytest

from domain.acts import LEDGER, DestroySubjectKey
from domain.principal import RegisterPrincipal
from ledger.erase import finish_erasures
from ledger.errors import StorageFailed
from ledger.reveal import ERASED, reveal
from tests.contract.conftest import Desk, a, observe
from tests.contract.test_appending import whole_log
from tests.contract.test_personal_data import NAME, erase_order, shown

ASSIGNED = "itsm.incident.assigned.v1"


def record_erasure_only(desk: Desk, target: str) -> None:
    """The entry is there; the process that was to destroy the key died."""
    desk.do(DestroySubjectKey(target=target, reason="Asked for"), LEDGER)


def test_what_is_said_before_the_key_is_gone_outlives_it(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    elsewhere = desk.open()
    elsewhere.execute(desk.order(a("incident", "comment", comment=NAME), subject))
    record_erasure_only(desk, subject)

    here = desk.comment(subject, "said here")
    later = desk.order(a("incident", "comment", comment="said there"), subject)
    there = elsewhere.execute(later).receipts[0]

    assert finish_erasures(desk.open()) == 1
    assert [said(desk, receipt.position) for receipt in (here, there)] == [
        "said here",
        "said there",
    ]
    assert shown(desk.log, subject)["title"] == ERASED  # type: ignore[index]  # a state
    whole_log(desk.log)


def test_text_repeated_before_the_key_is_gone_outlives_it(desk: Desk) -> None:
    source, subject = desk.source(), "incident/EXT-1"
    observe(desk, source, subject, data={"title": "Printer on fire"})
    record_erasure_only(desk, subject)

    observe(desk, source, subject, data={"title": "Printer on fire"})

    finish_erasures(desk.log)
    assert shown(desk.log, subject)["title"] == "Printer on fire"  # type: ignore[index]  # a state


def test_a_name_told_before_the_key_is_gone_is_somebody_new(desk: Desk) -> None:
    source = desk.source()
    observe(desk, source, "incident/EXT-1", ASSIGNED, {"assigned_to": NAME})
    erased = desk.log.subject("incident/EXT-1").state["assigned_to"]
    record_erasure_only(desk, erased)

    observe(desk, source, "incident/EXT-2", ASSIGNED, {"assigned_to": NAME})

    assert desk.log.subject("incident/EXT-2").state["assigned_to"] != erased


def test_a_name_of_a_commit_that_failed_does_not_lead_to_who_was_registered_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = desk.source()

    def full(*_: object) -> None:
        raise StorageFailed("disk full")

    with monkeypatch.context() as failing:
        failing.setattr("ledger.view.append_entries", full)
        with pytest.raises(StorageFailed):
            observe(desk, source, "incident/EXT-1", ASSIGNED, {"assigned_to": "Alice"})
    bob = desk.do(RegisterPrincipal(kind="person", name="Bob")).subject

    observe(desk, source, "incident/EXT-1", ASSIGNED, {"assigned_to": "Alice"})

    alice = desk.log.subject("incident/EXT-1").state["assigned_to"]
    assert alice != bob
    assert shown(desk.log, alice)["name"] == "Alice"  # type: ignore[index]  # a state


def test_what_was_erased_twice_is_gone_twice(desk: Desk) -> None:
    subject = desk.report(title=NAME)
    erase_order(desk, subject)
    receipt = desk.comment(subject, NAME)

    erase_order(desk, subject)

    assert said(desk, receipt.position) == ERASED
    assert said(desk, desk.comment(subject, "still there").position) == "still there"


def said(desk: Desk, position: int) -> object:
    entry = desk.log.entry(position)
    told = reveal(desk.log, entry.subject, dict(entry.attributes), allowed=True)
    assert isinstance(told, dict)
    return told["comment"]
