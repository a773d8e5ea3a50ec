"""Reviewed code changes: each row tells of several people, and some of what an earlier row told of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from api.compose import House
from api.importing import taking
from api.importing.mapping import Loaded, load_mapping
from api.importing.result import ImportResult
from api.importing.run import run_import
from domain.errors import UnknownSubject
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal
from ledger.writer import Outcome
from tests.api.importing_house import ACTOR, counts, csv_text, entries, opened, runs, types

COLUMNS = (
    "repo", "commit", "change_id", "review_no", "author", "author_at", "submitter", "submitted_at",
    "approved_by", "test_result_by", "test_requested_by", "trusted_by", "auto_submit_by", "reverts",
    "issues", "subject",
)  # fmt: skip


def reviewed(n: int, **cells: str) -> tuple[str, ...]:
    """Change I<n>, by Ada, approved and submitted by Ben on day n, unless told otherwise."""
    told = {
        "repo": "golang/mod",
        "commit": f"c0ffee{n}",
        "change_id": f"I{n}",
        "review_no": str(1000 + n),
        "author": "Ada",
        "author_at": f"2026-03-{n:02}T08:00:00+01:00",
        "submitter": "Ben",
        "submitted_at": f"2026-03-{n:02}T12:00:00+00:00",
        "approved_by": "Ben",
        "subject": f"modfile: change {n}",
        **cells,
    }
    return tuple(told.get(column, "") for column in COLUMNS)


def write(directory: Path, rows: Sequence[Sequence[str]], name: str = "changes.csv") -> Path:
    path = directory / name
    path.write_text(csv_text(rows, COLUMNS), encoding="utf-8")
    return path


def take(house: House, path: Path, mapping: Loaded | str = "reviewed-changes") -> ImportResult:
    return run_import(house, path, mapping, ACTOR)


def state(house: House, n: int) -> dict[str, Any]:
    return dict(house.ledger.subject(f"change/I{n}").state)


def test_each_fact_of_a_row_says_who_did_it(tmp_path: Path) -> None:
    path = write(tmp_path, [reviewed(2, approved_by="Cleo;Ben", test_result_by="BOT")])

    with opened(tmp_path) as house:
        result = take(house, path)

        told = entries(house, "change/I2")
        assert types(house, "change/I2") == [
            "drafted", "commit-linked", "test-evidence-recorded", "approval-granted",
            "approval-granted", "implementation-completed",
        ]  # fmt: skip
        ada, bot, cleo, ben = dict.fromkeys(each.attributes["authid"] for each in told)
        assert [each.attributes["authid"] for each in told] == [ada, ada, bot, cleo, ben, ben]
        change = state(house, 2)
        assert (change["requested_by"], change["implemented_by"]) == (ada, ben)
        assert change["commits"] == {
            "c0ffee2": {
                "author": ada,
                "committed_at": "2026-03-02T07:00:00.000000Z",
                "repository": "golang/mod",
            }
        }
        assert change["tests"] == {"TST-1.3": {"by": bot, "verdict": "passed"}}
        assert change["services"] == {"golang/mod": True}
        assert counts(result) == (1, 1, 0, 0, 0)
        assert result.as_dict()["events"] == 6
        assert result.deviations == 3, "two approvals and the implementation of a draft"


def test_when_an_approval_was_given_stays_unknown(tmp_path: Path) -> None:
    path = write(tmp_path, [reviewed(2)])

    with opened(tmp_path) as house:
        take(house, path)

        told = {each.type.split(".")[2]: each for each in entries(house, "change/I2")}
        (approval,) = told["approval-granted"].data["approvals"].values()
        assert set(approval) == {"by", "verdict"}, "neither a time nor a hash that nobody told"
        assert told["drafted"].time == "2026-03-02T07:00:00.000000Z"
        submitted = {each.time for name, each in told.items() if name != "drafted"}
        assert submitted == {"2026-03-02T12:00:00.000000Z"}
        assert state(house, 2)["status"] == "implemented"


def test_bots_are_services_and_the_others_people(tmp_path: Path) -> None:
    path = write(tmp_path, [reviewed(2, author="BOT", submitter="BOT", test_result_by="BOT")])

    with opened(tmp_path) as house:
        take(house, path)

        told = entries(house, "change/I2")
        kinds = {
            (
                each.attributes["authtype"],
                house.ledger.subject(each.attributes["authid"]).state["kind"],
            )
            for each in told
        }
        assert kinds == {("service_account", "service"), ("user", "person")}
        assert told[0].attributes["authtype"] == "service_account"
        assert state(house, 2)["requested_by"] == state(house, 2)["implemented_by"]


@pytest.mark.parametrize("name", ["c0ffee2", "1002", "I2"])
def test_what_is_reverted_was_rolled_back(tmp_path: Path, name: str) -> None:
    revert = reviewed(5, reverts=name, submitter="Cleo", subject='Revert "modfile: change 2"')
    path = write(tmp_path, [reviewed(2), reviewed(3), revert])

    with opened(tmp_path) as house:
        result = take(house, path)

        undone = state(house, 2)
        assert types(house, "change/I2")[-2:] == ["rolled-back", "linked"]
        assert undone["status"] == "rolled_back"
        assert undone["rolled_back_by"] == state(house, 5)["implemented_by"]
        assert undone["rolled_back_at"] == "2026-03-05T12:00:00.000000Z"
        (back,) = undone["links"].values()
        (link,) = state(house, 5)["links"].values()
        assert back == {"to": "change/I5", "relation": "reverted_by"}
        assert link == {"to": "change/I2", "relation": "reverts"}
        assert state(house, 3)["status"] == state(house, 5)["status"] == "implemented"
        assert result.deviations == 6, "a rollback of what was implemented is none"
        assert result.as_dict()["subjects"] == 3


def test_of_two_changes_with_one_name_the_last_before_the_revert_is_meant(tmp_path: Path) -> None:
    rows = [
        reviewed(2, review_no="7"),
        reviewed(3, review_no="7"),
        reviewed(4, reverts="7"),
        reviewed(5, review_no="7"),
    ]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows))

        assert [state(house, n)["status"] for n in (2, 3, 5)] == [
            "implemented",
            "rolled_back",
            "implemented",
        ]


def test_what_was_rolled_back_already_is_rolled_back_again_as_a_deviation(tmp_path: Path) -> None:
    path = write(tmp_path, [reviewed(2), reviewed(3, reverts="I2"), reviewed(4, reverts="I2")])

    with opened(tmp_path) as house:
        result = take(house, path)

        assert types(house, "change/I2").count("rolled-back") == 2
        assert result.deviations == 7, "two for each change, and the second rollback"


@pytest.mark.parametrize("name", ["0ddba11", "I4", "c0ffee9"])
def test_a_revert_of_what_the_file_has_not_had_is_a_link_and_no_more(
    tmp_path: Path, name: str
) -> None:
    path = write(tmp_path, [reviewed(4, reverts=name), reviewed(9)])

    with opened(tmp_path) as house:
        result = take(house, path)

        assert counts(result) == (2, 2, 0, 0, 0)
        (link,) = state(house, 4)["links"].values()
        assert link == {"to": name, "relation": "reverts"}
        assert state(house, 4)["status"] == state(house, 9)["status"] == "implemented"


def test_who_approves_their_own_change_is_recorded_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, [reviewed(2, approved_by="Ada")])

    with opened(tmp_path) as house:
        result = take(house, path)

        (approval,) = state(house, 2)["approvals"].values()
        assert approval["by"] == state(house, 2)["requested_by"]
        assert counts(result) == (1, 1, 0, 0, 0)


def test_a_later_row_adds_what_the_former_did_not_name(tmp_path: Path) -> None:
    rows = [
        reviewed(2, approved_by="Ben", issues="go#1;go#2"),
        reviewed(2, approved_by="Cleo; Ben ;Cleo;", issues="go#2;go#3"),
    ]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows))

        change = state(house, 2)
        assert list(change["approvals"]) == ["APR-1.3", "APR-2.1"]
        links = change["links"].values()
        assert {link["to"] for link in links} == {"go#2", "go#3"}
        assert types(house, "change/I2")[-3:] == ["approval-granted", "unlinked", "linked"]


def test_a_revert_that_is_taken_back_in_a_later_row_is_linked_no_more(tmp_path: Path) -> None:
    rows = [reviewed(2), reviewed(3, reverts="I2"), reviewed(3)]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows))

        assert state(house, 2)["links"] == state(house, 3)["links"] == {}
        assert state(house, 2)["status"] == "rolled_back", "what was told stays told"


def test_bad_rows_are_told_and_the_others_taken(tmp_path: Path) -> None:
    rows = [
        reviewed(2, author=""),
        reviewed(3, submitted_at="yesterday"),
        reviewed(4, author_at=""),
        reviewed(5, commit="not a commit"),
        reviewed(6, approved_by="x" * 201),
        reviewed(7, approved_by="sd:sha-256:forged"),
        reviewed(8, change_id=""),
        reviewed(9)[:-1],
        reviewed(10, approved_by="", reverts="c0ffee3"),
    ]

    with opened(tmp_path) as house:
        result = take(house, write(tmp_path, rows))

        assert counts(result) == (9, 1, 0, 0, 8)
        assert types(house, "change/I10") == [
            "drafted",
            "commit-linked",
            "implementation-completed",
            "linked",
        ]
        with pytest.raises(UnknownSubject):
            house.ledger.subject("change/I3")
    kept = (tmp_path / "changes.csv.rejects.jsonl").read_text()
    told = [json.loads(line)["reason"] for line in kept.splitlines()]
    assert [reason.partition(":")[0] for reason in told] == [
        "a submitted change has a commit, an author and a submitter",
        "expected a time like iso, got 'yesterday'",
        "the row has no time for itsm.change.drafted.v1",
        "commits",
        "by",
        "by",
        "the row has no number",
        "expected 16 fields, got 15",
    ]


STORY = [
    reviewed(2, approved_by="Ben;Cleo"),
    reviewed(3, author="BOT"),
    reviewed(4, reverts="c0ffee2"),
    reviewed(5, reverts="1003", issues="go#1;go#2"),
]


def log(house: House) -> list[tuple[str, str, object]]:
    """What the file made of the changes, without what differs from run to run."""
    told = house.ledger.entries(0, 100_000)
    return [(e.subject, e.type, e.data) for e in told if e.subject.startswith("change/")]


def plain(told: Sequence[tuple[str, str, object]]) -> list[tuple[str, str]]:
    return [(subject, type_) for subject, type_, _ in told]


def test_the_same_file_again_adds_its_own_run_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        take(house, path)
        head = house.ledger.head().size
        again = take(house, path)

        assert counts(again) == (4, 0, 0, 4, 0)
        assert again.as_dict()["events"] == again.as_dict()["deviations"] == 0
        assert house.ledger.head().size == head + 1


class _Crash(BaseException):
    """What kill -9 is to the ledger: nobody handles it."""


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_an_import_that_was_killed_between_a_change_and_its_revert_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, *, is_committed: bool
) -> None:
    (tmp_path / "whole").mkdir()
    path = write(tmp_path, STORY)
    with opened(tmp_path / "whole") as house:
        take(house, path)
        expected = plain(log(house))
    monkeypatch.setattr(taking, "BATCH_ROWS", 1)
    batches, observe = 0, Ledger.observe

    def crashing(self: Ledger, proposals: Sequence[ObserveProposal]) -> list[Outcome]:
        nonlocal batches
        batches += 1
        if batches < batch:
            return observe(self, proposals)
        if is_committed:
            observe(self, proposals)
        raise _Crash

    with opened(tmp_path) as house:
        monkeypatch.setattr(Ledger, "observe", crashing)
        with pytest.raises(_Crash):
            take(house, path)
        monkeypatch.setattr(Ledger, "observe", observe)

    with opened(tmp_path) as house:
        result = take(house, path)

        seen = batch if is_committed else batch - 1
        assert counts(result) == (4, 4 - seen, 0, seen, 0)
        assert plain(log(house)) == expected
        assert state(house, 2)["status"] == state(house, 3)["status"] == "rolled_back"
        assert len(runs(house)) == 1


def test_a_small_memory_finds_what_is_reverted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.importing.memory.Memory.__init__.__defaults__", (2,))
    path = write(tmp_path, [*STORY[:2], *map(reviewed, range(11, 28)), *STORY[2:]])

    with opened(tmp_path) as house:
        take(house, path)

        assert state(house, 2)["status"] == state(house, 3)["status"] == "rolled_back"


def test_what_another_source_recorded_is_not_rolled_back(tmp_path: Path) -> None:
    shipped = load_mapping("reviewed-changes")
    other = Loaded(shipped.mapping.model_copy(update={"source": "other"}), shipped.hash)

    with opened(tmp_path) as house:
        take(house, write(tmp_path, STORY[:1]), other)
        result = take(house, write(tmp_path, STORY, "later.csv"))

        assert counts(result) == (4, 2, 0, 0, 2)
        assert result.reasons == {"not-the-owner": 2}
        assert state(house, 2)["status"] == "implemented"
        assert state(house, 3)["status"] == "rolled_back"


def test_no_name_of_a_person_stands_in_the_log(tmp_path: Path) -> None:
    people = {
        "author": "Zebediah",
        "submitter": "Philippa",
        "approved_by": "Quentin;Rosalind",
        "test_result_by": "Thaddeus",
        "trusted_by": "Ursula",
        "auto_submit_by": "Valentin",
    }
    path = write(tmp_path, [reviewed(2), reviewed(3, **people, reverts="I2")])

    with opened(tmp_path) as house:
        take(house, path)
        raw = b"".join(entry.raw for entry in house.ledger.entries(0, 1_000))

    named = [name for cell in people.values() for name in cell.split(";")]
    assert [name for name in named if name.encode() in raw] == []
