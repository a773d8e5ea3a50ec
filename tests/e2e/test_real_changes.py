"""Twelve years of reviewed code go in, and what each row says of whom comes out again, no more and no less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from api.compose import House
from api.importing import taking
from api.importing.result import ImportResult
from api.importing.run import run_import
from domain.event import Json, event_class
from domain.moments import to_text
from domain.rosters import POLICIES
from domain.thresholds import Thresholds
from ledger.entry import Entry
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal
from ledger.reveal import reveal
from ledger.writer import Outcome
from replay.as_of import subject_as_of
from replay.detection.detector import Look
from replay.detection.examine import Examination, Violation
from replay.detection.registry import DETECTORS
from replay.detection.who_may import WhoMay
from replay.whatif import Otherwise, WhatIf, what_if
from tests.api.importing_house import ACTOR, opened
from tests.e2e.real_changes import approvers, change_rows, change_states, reverted_by, utc
from tests.e2e.real_logs import Row
from tests.e2e.test_real_logs import newest
from tests.shared import shared_path

pytestmark = pytest.mark.slow

FILE = ("data", "go_changes_crypto_mod.csv.gz")
INDEPENDENT, IMPLEMENTER = "change-approver-is-independent", "implementer-is-not-approver"
DEVELOPER = "implementer-is-not-developer"


class Log(NamedTuple):
    house: House
    result: ImportResult
    rows: list[Row]


def take(house: House, directory: Path) -> ImportResult:
    rejects = directory / "rejects.jsonl"
    return run_import(house, shared_path(*FILE), "reviewed-changes", ACTOR, rejects=rejects)


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    directory = tmp_path_factory.mktemp("changes")
    with opened(directory) as house:
        yield Log(house, take(house, directory), change_rows(shared_path(*FILE)))


@pytest.fixture(scope="module")
def findings(changes: Log) -> list[Otherwise]:
    """What the policy in force would have refused of all that was observed."""
    ledger = changes.house.ledger
    in_force = ledger.subject(ledger.roster(POLICIES).members[-1]).state
    return list(what_if(ledger.database, in_force, found=WhatIf(1, ledger.head().size)))


def recorded(ledger: Ledger) -> list[Entry]:
    told = ledger.entries(0, 1_000_000)
    return [entry for entry in told if entry.subject.startswith("change/")]


def test_every_row_is_accounted_for(changes: Log) -> None:
    told = changes.result.as_dict()

    assert told["rows"] == told["recorded"] == told["subjects"] == 1_267 == len(changes.rows)
    assert told["merged"] == told["skipped"] == told["rejected"] == 0
    assert told["events"] == 7_254 == len(recorded(changes.house.ledger))


def test_every_change_is_what_its_row_and_its_revert_say(changes: Log) -> None:
    ledger, states = changes.house.ledger, newest(changes.house, "change")

    @cache
    def name(principal: str) -> Json:
        return reveal(ledger, principal, ledger.subject(principal).state["name"], allowed=True)

    def named(told: Json) -> Json:
        if isinstance(told, dict):
            return {member: named(value) for member, value in told.items()}
        return name(told) if isinstance(told, str) and told.startswith("principal/") else told

    for number, expected in change_states(changes.rows):
        subject = f"change/{number}"
        state = named({k: v for k, v in states.pop(subject).items() if k != "links"})
        found = {member: state.get(member) for member in expected}
        found["title"] = reveal(ledger, subject, found["title"], allowed=True)
        for member in ("tests", "approvals"):
            found[member] = list((found[member] or {}).values())
        links = ledger.subject(subject).state.get("links", {}).values()
        found["links"] = {(link["relation"], link["to"]) for link in links}
        assert found == expected, subject
    assert states == {}


def test_nobody_s_approval_has_a_time_that_was_not_told(changes: Log) -> None:
    undated = {"by", "verdict"}
    submitted = {f"change/{row['change_id']}": utc(row["submitted_at"]) for row in changes.rows}

    told = [e for e in recorded(changes.house.ledger) if "approval-granted" in e.type]

    assert len(told) == sum(len(approvers(row)) for row in changes.rows) == 1_989
    for entry in told:
        (approval,) = entry.data["approvals"].values()
        assert set(approval) == undated
        assert entry.attributes["authid"] == approval["by"]
        assert entry.time == submitted[entry.subject]


def test_each_revert_rolled_back_one_change_when_it_was_submitted(changes: Log) -> None:
    ledger, undone = changes.house.ledger, reverted_by(changes.rows)

    assert len(undone) == 9
    for number, revert in undone.items():
        at, subject = utc(revert["submitted_at"]), f"change/{number}"
        before = to_text(datetime.fromisoformat(revert["submitted_at"]) - timedelta(seconds=1))
        assert subject_as_of(ledger, subject, at=before).state["status"] == "implemented"
        assert subject_as_of(ledger, subject, at=at).state["status"] == "rolled_back"
        (entry,) = [e for e in ledger.entries_of(subject) if "rolled-back" in e.type]
        why = reveal(ledger, subject, entry.attributes["reason"], allowed=True)
        assert why == revert["subject"]


def test_the_policy_in_force_finds_every_self_approval_and_no_other(
    changes: Log, findings: list[Otherwise]
) -> None:
    found = {one.subject for one in findings if INDEPENDENT in one.rules}

    among = {row["change_id"] for row in changes.rows if row["author"] in approvers(row)}
    alone = {row["change_id"] for row in changes.rows if [row["author"]] == approvers(row)}
    assert found == {f"change/{number}" for number in among}
    assert (len(among), len(alone)) == (59, 14)
    approved = [one for one in findings if INDEPENDENT in one.rules]
    assert len(approved) == 59, "one finding for each, whoever else approved"
    for one in approved:
        state = changes.house.ledger.subject(one.subject).state
        assert one.actor == state["requested_by"]
        assert one.action == "change:grant-approval"
        assert one.decided == "observed"


def test_the_fourteen_that_nobody_else_approved_are_told_by_the_ledger_alone(
    changes: Log, findings: list[Otherwise]
) -> None:
    alone = set()
    for one in findings:
        approvals = changes.house.ledger.subject(one.subject).state["approvals"].values()
        if INDEPENDENT in one.rules and {each["by"] for each in approvals} == {one.actor}:
            alone.add(one.subject.removeprefix("change/"))

    expected = {row["change_id"] for row in changes.rows if [row["author"]] == approvers(row)}
    assert alone == expected
    assert len(alone) == 14


def test_the_policy_in_force_finds_who_approved_and_submitted(
    changes: Log, findings: list[Otherwise]
) -> None:
    found = Counter(one.subject for one in findings if IMPLEMENTER in one.rules)

    expected = [row["change_id"] for row in changes.rows if row["submitter"] in approvers(row)]
    assert found == Counter(f"change/{number}" for number in expected)
    assert len(expected) == 462


def test_the_policy_in_force_finds_who_submitted_what_they_wrote_and_nothing_else(
    changes: Log, findings: list[Otherwise]
) -> None:
    found = Counter(one.subject for one in findings if DEVELOPER in one.rules)

    expected = [row["change_id"] for row in changes.rows if row["author"] == row["submitter"]]
    assert found == Counter(f"change/{number}" for number in expected)
    assert len(expected) == 547
    assert {rule for one in findings for rule in one.rules} == {INDEPENDENT, IMPLEMENTER, DEVELOPER}


def test_detectors_raise_what_the_shipped_policy_says_are_findings(changes: Log) -> None:
    ledger = changes.house.ledger
    seen = [
        one
        for one in Examination(ledger.database, DETECTORS).over(ledger.head().size)
        if isinstance(one, Violation) and one.group.startswith("change/")
    ]

    found = {
        rule: {one.group for one in seen if one.rule == rule} for rule in {one.rule for one in seen}
    }
    among = {
        f"change/{row['change_id']}" for row in changes.rows if row["author"] in approvers(row)
    }
    alone = {
        f"change/{row['change_id']}" for row in changes.rows if [row["author"]] == approvers(row)
    }
    assert found == {INDEPENDENT: among, "lone-self-approval": alone}
    assert {one.severity for one in seen if one.rule == "lone-self-approval"} == {"high"}


def test_a_setting_makes_findings_of_submitters_too(
    changes: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = changes.house.ledger
    setting = Thresholds(findings={IMPLEMENTER: "low", DEVELOPER: "low", INDEPENDENT: "off"})
    monkeypatch.setattr(Look, "thresholds", setting)

    seen = Examination(ledger.database, [WhoMay()]).over(ledger.head().size)
    rules = Counter(one.rule for one in seen if isinstance(one, Violation))

    submitters = sum(row["submitter"] in approvers(row) for row in changes.rows)
    authors = sum(row["author"] == row["submitter"] for row in changes.rows)
    assert rules == {IMPLEMENTER: submitters, DEVELOPER: authors}
    assert (submitters, authors) == (462, 547)


def test_the_bot_is_the_only_service(changes: Log) -> None:
    ledger = changes.house.ledger
    actors = {entry.attributes["authid"] for entry in recorded(ledger)}
    states = {actor: ledger.subject(actor).state for actor in actors}

    services = [actor for actor, state in states.items() if state["kind"] == "service"]

    (bot,) = services
    assert reveal(ledger, bot, states[bot]["name"], allowed=True) == "BOT"
    assert {state["kind"] for state in states.values()} == {"person", "service"}


def test_deviations_are_what_the_recorded_log_itself_shows(changes: Log) -> None:
    statuses: dict[str, str] = {}
    unknown: Counter[str] = Counter()

    for entry in recorded(changes.house.ledger):
        if not event_class(entry.type).takes_place_in(statuses.get(entry.subject)):
            unknown[entry.type.split(".")[2]] += 1
        if "status" in entry.data:
            statuses[entry.subject] = entry.data["status"]

    assert unknown == {"approval-granted": 1_989, "implementation-completed": 1_267}
    assert changes.result.deviations == unknown.total()


class _Crash(BaseException):
    """What kill -9 is to the ledger: nobody handles it."""


def test_killed_in_the_middle_and_run_again_it_is_the_same_log(
    changes: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 100)
    batches, observe = 0, Ledger.observe

    def crashing(self: Ledger, proposals: Sequence[ObserveProposal]) -> list[Outcome]:
        nonlocal batches
        batches += 1
        outcomes = observe(self, proposals)
        if batches == 7:
            # After the commit, before anybody hears of it: the worst moment.
            raise _Crash
        return outcomes

    with opened(tmp_path) as house:
        monkeypatch.setattr(Ledger, "observe", crashing)
        with pytest.raises(_Crash):
            take(house, tmp_path)
        monkeypatch.setattr(Ledger, "observe", observe)
    with opened(tmp_path) as house:
        completed, again = take(house, tmp_path).as_dict(), take(house, tmp_path).as_dict()
        told = [(e.subject, e.type, e.time) for e in recorded(house.ledger)]

    assert (completed["skipped"], completed["recorded"]) == (700, 567)
    assert (again["skipped"], again["recorded"], again["events"]) == (1_267, 0, 0)
    assert told == [(e.subject, e.type, e.time) for e in recorded(changes.house.ledger)]
