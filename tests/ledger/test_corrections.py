"""Corrections through both ways in: what they state, whose they may be, and what they must leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.errors import CanNot, Malformed, NotTheOwner
from domain.event import Json
from ledger.entry import Correction, Entry
from ledger.observe import Observation, ObserveProposal
from ledger.open import open_database
from ledger.reveal import disclosed
from ledger.view import Receipt
from ledger.writer import Recorded
from replay.as_of import subject_as_of
from replay.verify_deep import verify_deep
from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_log import Desk, desk

INCIDENT = "incident/INC0000045"
WHY = "The monitoring says otherwise"


@pytest.fixture(params=BOTH)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Ends with a check of the whole log."""
    url = fresh_database_url(request.param, tmp_path)
    with desk(url, tmp_path) as made:
        yield made
    with closing(open_database(url)) as database:
        report = verify_deep(database)
    assert report.is_clean, report.problems


def state(at: Desk, subject: str) -> dict[str, Json]:
    return dict(at.house.ledger.subject(subject).state)


def entry(at: Desk, receipt: Receipt) -> Entry:
    return at.house.ledger.entry(receipt.position)


def reported(at: Desk, **said: Any) -> Receipt:
    told: dict[str, Any] = {
        "title": "Mail is late",
        "service": "mail",
        "impact": 2,
        "urgency": 2,
    } | said
    return at.orders(None, "report", **told)


def corrects(at: Desk, target: Receipt, replacement: dict[str, Json], **more: Any) -> Receipt:
    told: dict[str, Any] = {
        "corrects": target.position,
        "replacement": replacement,
        "reason": WHY,
    } | more
    return at.orders(target.subject, "correct-fact", **told)


def stated(at: Desk, target: Receipt) -> dict[str, Json]:
    """What the target says, with personal values in plain text: what a client would send again."""
    values = disclosed(at.house.ledger, target.subject)
    data = entry(at, target).data
    return {name: values.get(value, value) if isinstance(value, str) else value for name, value in data.items()}  # fmt: skip


# Under govern


def test_a_correction_takes_the_facts_place(at: Desk) -> None:
    first = reported(at, category="messging")

    receipt = corrects(at, first, stated(at, first) | {"category": "messaging"})

    said = entry(at, receipt).attributes
    assert state(at, first.subject)["category"] == "messaging"
    assert said["type"] == "itsm.incident.fact-corrected.v1"
    assert said["corrects"] == first.position
    assert orjson.loads(said["replacement"]) == entry(at, first).data | {"category": "messaging"}
    assert said["reason"].startswith("sd:sha-256:")
    assert said["decision"] == "permit"
    assert "effectivetime" not in said


def test_what_later_facts_restated_stays_as_they_said(at: Desk) -> None:
    first = at.observes(
        INCIDENT, "source-status-recorded", {"source_status": "A", "source": {"x": 1, "y": 1}}
    )
    at.observes(INCIDENT, "source-status-recorded", {"source_status": "B", "source": {"x": 2}})

    corrects(at, first, {"source_status": "C", "source": {"x": 9, "z": 9}})

    assert state(at, INCIDENT) == {"source_status": "B", "source": {"x": 2, "z": 9}}


def test_a_comment_can_be_retracted(at: Desk) -> None:
    first = reported(at)
    comment = at.orders(first.subject, "comment", comment="It was Cleo")
    before = state(at, first.subject)

    receipt = corrects(at, comment, {})

    assert entry(at, receipt).data == {}
    assert entry(at, receipt).attributes["replacement"] == "{}"
    assert state(at, first.subject) == before


def test_a_retracted_link_is_gone_and_the_other_one_stays(at: Desk) -> None:
    first = reported(at)
    other = reported(at)
    link = at.orders(first.subject, "link", to=other.subject, relation="related")
    kept = at.orders(first.subject, "link", to="SUP-77", relation="supplier_ticket")

    corrects(at, link, {})

    assert state(at, first.subject)["links"] == entry(at, kept).data["links"]


def test_a_second_correction_of_the_same_fact_wins(at: Desk) -> None:
    first = reported(at)
    corrects(at, first, stated(at, first) | {"category": "a", "location": "Bern"})

    corrects(at, first, stated(at, first) | {"category": "b"})

    assert state(at, first.subject)["category"] == "b"
    assert "location" not in state(at, first.subject)


def test_a_restated_time_is_told_in_utc(at: Desk) -> None:
    first = reported(at)

    receipt = corrects(at, first, stated(at, first), effectivetime="2026-03-01T12:00:00+01:00")

    assert entry(at, receipt).attributes["effectivetime"] == "2026-03-01T11:00:00.000000Z"
    in_effect = subject_as_of(at.house.ledger, first.subject, at="2026-03-01T11:00:00Z")
    assert in_effect.state["status"] == "new"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"status": "closed"}, None),
        ({"priority": 1}, "protected-members-stay"),
        ({"reported_by": "principal/PRN0000002"}, "protected-members-stay"),
        ({"resolution_code": "x"}, "stated-members-only"),
    ],
)
def test_what_rules_rest_on_is_not_corrected(
    at: Desk, change: dict[str, Json], rule: str | None
) -> None:
    first = reported(at)

    with pytest.raises((CanNot, Malformed)) as refused:
        corrects(at, first, stated(at, first) | change)

    assert rule is None or rule in getattr(refused.value, "rules", ())
    assert at.house.ledger.subject(first.subject).version == 1


def test_a_transition_is_not_retracted(at: Desk) -> None:
    first = reported(at)

    with pytest.raises(CanNot) as refused:
        corrects(at, first, {})

    assert refused.value.rules == ("protected-members-stay",)


def test_a_correction_is_not_corrected(at: Desk) -> None:
    first = reported(at)
    correction = corrects(at, first, stated(at, first) | {"category": "a"})

    with pytest.raises(CanNot) as refused:
        corrects(at, correction, {})

    assert refused.value.rules == ("corrections-name-originals",)


@pytest.mark.parametrize("which", ["another subject's", "none", "the next"])
def test_a_correction_names_an_entry_of_its_own_subject(at: Desk, which: str) -> None:
    first, other = reported(at), reported(at)
    position = {"another subject's": other.position, "none": 4711, "the next": other.position + 1}

    with pytest.raises(CanNot) as refused:
        corrects(at, first, {}, corrects=position[which])

    assert refused.value.rules == ("corrects-own-fact",)


def test_a_value_that_the_type_does_not_take_is_refused(at: Desk) -> None:
    first = reported(at)

    with pytest.raises(Malformed):
        corrects(at, first, stated(at, first) | {"category": 5})


def test_a_correction_needs_a_reason(at: Desk) -> None:
    first = reported(at)

    with pytest.raises(CanNot) as refused:
        corrects(at, first, stated(at, first), reason=None)

    assert refused.value.rules == ("reason-required",)


# Personal values


def test_a_personal_value_is_committed_in_the_replacement_as_in_the_data(at: Desk) -> None:
    first = reported(at, title="Mail of Cleo Gantenbein is late")

    receipt = corrects(at, first, stated(at, first) | {"title": "Mail of Berta Zangger is late"})

    raw = entry(at, receipt).raw
    data = entry(at, receipt).data
    assert b"Zangger" not in raw
    assert data["title"].startswith("sd:sha-256:")
    assert data["title"] != entry(at, first).data["title"]
    assert orjson.loads(entry(at, receipt).attributes["replacement"])["title"] == data["title"]
    opened = disclosed(at.house.ledger, first.subject)
    assert opened[data["title"]] == "Mail of Berta Zangger is late"


def test_text_that_did_not_change_repeats_its_commitment(at: Desk) -> None:
    first = reported(at, title="Mail of Cleo Gantenbein is late")

    receipt = corrects(at, first, stated(at, first) | {"category": "messaging"})

    assert entry(at, receipt).data["title"] == entry(at, first).data["title"]


def test_commitments_are_not_taken_from_clients(at: Desk) -> None:
    first = reported(at)

    with pytest.raises(Malformed, match="send the plain value"):
        corrects(at, first, dict(entry(at, first).data))


# Observed


def correction_of(
    at: Desk, target: Receipt, replacement: dict[str, Json], time: str | None = None
) -> Observation:
    told = Correction(target.position, replacement, time)
    return at.fact(target.subject, "fact-corrected", {}, correction=told)


def test_a_source_corrects_its_own_fact_status_included(at: Desk) -> None:
    at.observes(INCIDENT, "reported", {"service": "mail"})
    wrong = at.observes(
        INCIDENT, "closed", {"closure_code": "x"}, time="2026-03-01T10:00:00.000000Z"
    )

    (receipt,) = at.observes_all([correction_of(at, wrong, {})])

    assert state(at, INCIDENT)["status"] == "new"
    assert "closure_code" not in state(at, INCIDENT)
    assert entry(at, receipt).attributes["decision"] == "observed"


def test_names_in_an_observed_correction_become_principals(at: Desk) -> None:
    first = at.observes(INCIDENT, "assigned", {"assigned_to": "Resolver 7"})

    *introduced, receipt = at.observes_all(
        [correction_of(at, first, {"assigned_to": "Resolver 8"})]
    )

    principal = state(at, INCIDENT)["assigned_to"]
    assert [one.subject for one in introduced] == [principal]
    assert b"Resolver" not in entry(at, receipt).raw


def test_a_correction_sees_the_facts_that_came_in_the_same_row(at: Desk) -> None:
    first = at.observes(INCIDENT, "source-status-recorded", {"source_status": "A"})
    row = [
        at.fact(INCIDENT, "source-status-recorded", {"source_status": "B"}),
        correction_of(at, first, {"source_status": "C"}),
    ]

    (outcome,) = at.house.ledger.observe([ObserveProposal(row, at.recorder)])

    assert isinstance(outcome, Recorded), outcome
    assert state(at, INCIDENT) == {"source_status": "B"}


def test_a_correction_finds_a_target_of_the_same_commit(at: Desk) -> None:
    position = at.house.ledger.head().size + 1
    fact = at.fact(INCIDENT, "reported", {"service": "mial"})
    told = Correction(position, {"service": "mail"}, "2026-02-28T23:59:00Z")
    correction = at.fact(INCIDENT, "fact-corrected", {}, correction=told)

    at.observes_all([fact, correction])

    assert state(at, INCIDENT)["service"] == "mail"
    in_effect = subject_as_of(at.house.ledger, INCIDENT, at="2026-02-28T23:59:00Z")
    assert in_effect.state["service"] == "mail"


def test_a_source_does_not_correct_what_others_recorded(at: Desk) -> None:
    first = reported(at, category="mine")

    with pytest.raises(NotTheOwner) as refused:
        at.observes_all([correction_of(at, first, {})])

    assert refused.value.rules == ("sources-correct-their-own-facts",)


def test_people_correct_what_a_source_said_wrong_but_not_its_status(at: Desk) -> None:
    first = at.observes(INCIDENT, "reported", {"service": "mial"})

    corrects(at, first, {"service": "mail"})
    with pytest.raises(CanNot):
        corrects(at, first, {})

    assert state(at, INCIDENT) == {"status": "new", "service": "mail"}


def test_a_correction_of_an_unknown_subject_is_refused_and_leaves_nothing(at: Desk) -> None:
    first = at.observes(INCIDENT, "reported", {"service": "mail"})
    told = Correction(first.position, {})
    stray = at.fact("incident/INC0000099", "fact-corrected", {}, correction=told)

    with pytest.raises(CanNot):
        at.observes_all([stray])

    assert at.house.ledger.load("incident/INC0000099").version == 0


def test_the_type_and_the_correction_go_together(at: Desk) -> None:
    with pytest.raises(Malformed):
        at.fact(INCIDENT, "fact-corrected", {})
    with pytest.raises(Malformed):
        at.fact(INCIDENT, "commented", {}, correction=Correction(1, {}))
