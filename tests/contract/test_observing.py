"""Observed facts: always recorded when well formed, never by the wrong source, never naming a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.errors import Malformed, MayNot, NotTheOwner, UnknownType
from domain.event import event_class
from domain.fold import fold
from ledger.errors import EntryTooLarge
from ledger.observe import Observation, ObserveProposal, RowIdentity
from ledger.writer import Recorded
from tests.contract.conftest import Desk, a, observe, source_status
from tests.contract.test_appending import whole_log

SUBJECT = "incident/EXT-1"
ASSIGNED = "itsm.incident.assigned.v1"
RESOLVED = "itsm.incident.resolved.v1"


def test_a_fact_about_an_unknown_subject_is_recorded(desk: Desk) -> None:
    outcome = observe(desk, desk.source(), SUBJECT, RESOLVED)

    assert isinstance(outcome, Recorded)
    entry = desk.log.entry(outcome.receipts[-1].position)
    assert entry.attributes["decision"] == "observed"
    assert entry.data["status"] == "resolved"
    whole_log(desk.log)


def test_a_transition_the_state_machine_does_not_know_is_recorded_all_the_same(desk: Desk) -> None:
    source = desk.source()
    observe(desk, source, SUBJECT, "itsm.incident.closed.v1")

    outcome = observe(desk, source, SUBJECT, ASSIGNED, {"assignment_group": "Group 7"})

    assert isinstance(outcome, Recorded)
    assert desk.log.subject(SUBJECT).state["status"] == "assigned"


def test_a_name_becomes_one_referenced_principal(desk: Desk) -> None:
    source = desk.source()

    first = observe(desk, source, SUBJECT, ASSIGNED, {"assigned_to": "Grace Hopper"}, actor="Ada")
    second = observe(desk, source, "incident/EXT-2", ASSIGNED, {"assigned_to": "Grace Hopper"})

    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert len(first.receipts) == 3  # two introductions, then the fact
    assert len(second.receipts) == 1
    grace = desk.log.subject(SUBJECT).state["assigned_to"]
    assert desk.log.subject("incident/EXT-2").state["assigned_to"] == grace
    assert desk.log.subject(grace).state["status"] == "referenced"
    assert not [entry for entry in whole_log(desk.log) if b"Hopper" in entry.raw]


def test_somebody_named_twice_in_one_breath_is_one_principal(desk: Desk) -> None:
    source = desk.source()
    data = {"assigned_to": "Grace", "assignment_group": "Group 1"}
    fact = Observation(
        event_class(ASSIGNED), SUBJECT, data, "2026-01-05T09:00:00.000000Z", "1", "/sources/monitoring",
        actor="Grace",
    )  # fmt: skip

    outcome = desk.log.observe([ObserveProposal([fact, replace(fact, id="2")], source)])[0]

    assert isinstance(outcome, Recorded)
    assert len(outcome.receipts) == 3  # one introduction, two facts
    entry = desk.log.entry(outcome.receipts[-1].position)
    assert entry.attributes["authid"] == entry.data["assigned_to"]


def test_a_name_that_the_source_says_is_a_service_becomes_one(desk: Desk) -> None:
    source = desk.source()
    fact = Observation(
        event_class(ASSIGNED), SUBJECT, {"assigned_to": "Grace"}, "2026-01-05T09:00:00.000000Z", "1",
        "/sources/monitoring", actor="BOT",
    )  # fmt: skip

    outcome = desk.log.observe([ObserveProposal([fact], source, services={"BOT"})])[0]

    assert isinstance(outcome, Recorded)
    entry = desk.log.entry(outcome.receipts[-1].position)
    bot, grace = entry.attributes["authid"], entry.data["assigned_to"]
    assert [desk.log.subject(one).state["kind"] for one in (bot, grace)] == ["service", "person"]
    assert entry.attributes["authtype"] == "service_account"


def test_who_is_known_stays_what_they_are(desk: Desk) -> None:
    source = desk.source()
    observe(desk, source, SUBJECT, ASSIGNED, {"assigned_to": "BOT"})
    known = desk.log.subject(SUBJECT).state["assigned_to"]
    fact = source_status(2, "fine")
    fact.actor = "BOT"

    desk.log.observe([ObserveProposal([fact], source, services={"BOT"})])

    assert desk.log.subject(known).state["kind"] == "person"
    assert desk.log.subject(known).version == 1


def test_another_source_does_not_know_the_first_sources_names(desk: Desk) -> None:
    observe(desk, desk.source("one"), SUBJECT, ASSIGNED, {"assigned_to": "Grace"})
    observe(desk, desk.source("two"), "incident/EXT-2", ASSIGNED, {"assigned_to": "Grace"})

    states = [desk.log.subject(subject).state for subject in (SUBJECT, "incident/EXT-2")]

    assert states[0]["assigned_to"] != states[1]["assigned_to"]


def test_a_second_source_claiming_a_subject_is_refused(desk: Desk) -> None:
    observe(desk, desk.source("one"), SUBJECT)

    outcome = observe(desk, desk.source("two"), SUBJECT, RESOLVED)

    assert isinstance(outcome, NotTheOwner)
    assert desk.log.subject(SUBJECT).version == 1


def test_a_second_source_may_add_common_events(desk: Desk) -> None:
    observe(desk, desk.source("one"), SUBJECT)

    outcome = observe(
        desk, desk.source("two"), SUBJECT, "itsm.incident.commented.v1", said={"comment": "Seen"}
    )

    assert isinstance(outcome, Recorded)


def test_the_workflow_of_an_observed_subject_is_its_sources(desk: Desk) -> None:
    observe(desk, desk.source(), SUBJECT)

    with pytest.raises(NotTheOwner):
        desk.do(
            a("incident", "cancel", cancellation="entered_in_error", duplicate_of=None), SUBJECT
        )
    assert desk.comment(SUBJECT, "but anybody may comment").version == 2


def test_only_a_registered_source_in_observe_mode_observes(desk: Desk) -> None:
    outcome = observe(desk, desk.person("Mallory"), SUBJECT)

    assert isinstance(outcome, MayNot)
    assert outcome.rules == ("observing-source",)


@pytest.mark.parametrize(
    ("subject", "type_name"),
    [
        ("principal/X", "itsm.principal.registered.v1"),
        ("role/X", "itsm.role.defined.v1"),
        ("grant/X", "itsm.grant.granted.v1"),
        ("ledger/X", "itsm.ledger.token-issued.v1"),
    ],
)
def test_what_confers_authority_is_never_observed(desk: Desk, subject: str, type_name: str) -> None:
    example = dict(event_class(type_name).example)

    with pytest.raises(MayNot) as refusal:
        observe(desk, desk.source(), subject, type_name, example)

    assert refusal.value.rules == ("govern-only",)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"priority": "high"}, Malformed),
        ({"no_such_member": 1}, Malformed),
        ({"status": "closed"}, Malformed),
        ({"assignment_group": "sd:sha-256:" + "A" * 43}, Malformed),
        ({"assignment_group": "sd:anything"}, Malformed),
        ({"priority": 2**60}, Malformed),
    ],
)
def test_malformed_facts_are_refused_before_anything_is_recorded(
    desk: Desk, data: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        observe(desk, desk.source(), SUBJECT, ASSIGNED, data)


def test_an_unregistered_type_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownType):
        observe(desk, desk.source(), SUBJECT, "itsm.incident.exploded.v1")


def test_what_is_not_i_json_fails_its_own_fact_only(desk: Desk) -> None:
    source = desk.source()
    facts = [source_status(number, "fine") for number in range(3)]
    facts[1].id = "\ud800"  # half of a surrogate pair: no UTF-8 can hold it

    outcomes = desk.log.observe([ObserveProposal([fact], source) for fact in facts])

    assert [isinstance(outcome, Recorded) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], Malformed)
    whole_log(desk.log)


def test_an_entry_over_the_limit_fails_with_everything_it_came_with(desk: Desk) -> None:
    source = desk.source()
    small, huge = source_status(1, "fine"), source_status(1, "fine", log="x" * 70_000)

    outcomes = desk.log.observe(
        [
            ObserveProposal([small, huge], source),
            ObserveProposal([source_status(2, "fine")], source),
        ]
    )

    assert isinstance(outcomes[0], EntryTooLarge)
    assert isinstance(outcomes[1], Recorded)
    assert not desk.log.load("incident/EXT-1").version


def test_a_row_is_taken_once_whatever_it_became(desk: Desk) -> None:
    source = desk.source()

    def take(ordinal: int, *, facts: int) -> ObserveProposal:
        row = RowIdentity("monitoring", "EXT-1", ordinal)
        return ObserveProposal([source_status(1, "fine")] * facts, source, row=row)

    proposals = [take(1, facts=1), take(2, facts=0), take(1, facts=1)]
    desk.log.observe(proposals)
    again = [take(1, facts=1), take(2, facts=0), take(3, facts=1)]
    desk.open().observe(again)

    assert [proposal.was_seen for proposal in proposals] == [False, False, True]
    assert [proposal.was_seen for proposal in again] == [True, True, False]
    assert desk.open().subject("incident/EXT-1").version == 2


def test_a_row_that_failed_is_not_taken(desk: Desk) -> None:
    source = desk.source()
    row = RowIdentity("monitoring", "EXT-1", 1)
    failed = ObserveProposal([source_status(1, "fine", log="x" * 70_000)], source, row=row)
    desk.log.observe([failed])

    repaired = ObserveProposal([source_status(1, "fine")], source, row=row)
    desk.log.observe([repaired])

    assert not repaired.was_seen
    assert desk.log.subject("incident/EXT-1").version == 1


def test_times_of_observed_facts_are_brought_to_utc(desk: Desk) -> None:
    observe(
        desk, desk.source(), SUBJECT, "itsm.incident.reported.v1",
        {"detected_at": "2026-01-05T10:00:00+01:00"},
    )  # fmt: skip

    assert desk.log.subject(SUBJECT).state["detected_at"] == "2026-01-05T09:00:00.000000Z"


def test_a_thousand_facts_in_one_batch_fold_as_they_were_told(desk: Desk) -> None:
    source = desk.source()
    facts = [source_status(number % 7, f"status {number}") for number in range(1_000)]

    outcomes = desk.log.observe([ObserveProposal([fact], source) for fact in facts])

    assert all(isinstance(outcome, Recorded) for outcome in outcomes)
    entries = whole_log(desk.log)
    for number in range(7):
        subject = f"incident/EXT-{number}"
        state = fold(entry.data for entry in entries if entry.subject == subject)
        assert state == desk.open().subject(subject).state
        assert (
            state["source_status"]
            == max(
                (f for f in facts if f.subject == subject),
                key=lambda f: int(f.data["source_status"].split()[1]),
            ).data["source_status"]
        )
