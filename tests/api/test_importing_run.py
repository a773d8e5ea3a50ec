"""An import records each row once, loses nothing, and says what it did."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from api.compose import House, init, open_house
from api.importing import taking
from api.importing.faults import CannotRead, ColumnsDiffer, InputTruncated, StrictStop
from api.importing.run import run_import
from api.settings import Settings
from domain.errors import MayNot
from domain.incident_commands import ReportIncident
from domain.principal import DeactivatePrincipal
from ledger.govern import Order
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal
from ledger.writer import Outcome
from tests.api.importing_house import (
    ACTOR,
    TICKETS,
    counts,
    csv_text,
    entries,
    opened,
    row,
    take,
    tickets,
    types,
    write,
)
from tests.contract.databases import fresh_database_url

STORY = [
    row("T1", "New", saved_at="2026-03-02T09:00:00"),
    row("T1", "New", group="Desk", saved_at="2026-03-02T09:05:00"),
    row("T2", "New", priority="High", saved_at="2026-03-02T09:06:00"),
    row("T1", "Active", group="Desk", owner="Ben", saved_at="2026-03-02T09:10:00"),
    row("T1", "Active", group="Desk", owner="Ben", saved_at="2026-03-02T09:11:00"),
    row(
        "T1", "Resolved", group="Desk", owner="Ben", saved_at="2026-03-02T09:20:00", saved_by="Ben"
    ),
]


def runs(house: House) -> list[dict[str, object]]:
    after = house.ledger.entries(0, 1_000_000)
    return [entry.data for entry in after if entry.type == "itsm.ledger.import-run.v1"]


def test_rows_become_facts_of_their_source_at_their_time(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        result = take(house, path)

        assert counts(result) == (6, 5, 1, 0, 0)
        assert result.as_dict()["events"] == 6
        assert result.as_dict()["subjects"] == 2
        assert types(house, "incident/T1") == [
            "reported",
            "assigned",
            "assigned",
            "work-started",
            "resolved",
        ]
        last = entries(house, "incident/T1")[-1].attributes
        assert last["time"] == "2026-03-02T09:20:00.000000Z"
        assert last["source"] == "/sources/desk"
        assert last["id"] == "T1:5:1"
        assert last["recordedby"] == "principal/desk"
        assert last["authid"].startswith("principal/PRN")
        assert last["decision"] == "observed"
        state = house.ledger.subject("incident/T1").state
        assert (state["status"], state["source_status"]) == ("resolved", "Resolved")


def test_postgresql_keeps_rows_and_runs_alike(tmp_path: Path) -> None:
    settings = Settings(
        database_url=fresh_database_url("postgresql", tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master.key",
    )
    init(settings, origin="ledger.example.com/imports", administrator="Ada")
    path, house = write(tmp_path, STORY), open_house(settings)

    first, again = take(house, path), take(house, path)

    assert counts(first) == (6, 5, 1, 0, 0)
    assert counts(again) == (6, 0, 0, 6, 0)
    assert house.ledger.subject("incident/T1").state["status"] == "resolved"
    house.close()


def test_deviations_are_recorded_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, [row("T1", "Resolved"), row("T1", "Active")])

    with opened(tmp_path) as house:
        result = take(house, path)

        assert types(house, "incident/T1") == ["reported", "resolved", "work-started"]
        assert result.deviations == 2


def test_the_source_is_registered_by_whoever_imports_first(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        take(house, path)
        take(house, path)

        (registered,) = entries(house, "principal/desk")
        assert registered.attributes["authid"] == ACTOR.principal
        assert registered.data["kind"] == "source"
        assert registered.data["mode"] == "observe"
        assert registered.data["source_uri"] == "/sources/desk"


def test_a_deactivated_source_imports_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        take(house, path)
        house.ledger.execute(Order(DeactivatePrincipal(reason="Retired"), ACTOR, "principal/desk"))
        head = house.ledger.head().size

        with pytest.raises(MayNot):
            take(house, path)

        assert house.ledger.head().size == head


def test_the_same_file_again_adds_its_own_run_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        take(house, path)
        head = house.ledger.head().size
        again = take(house, path)

        assert counts(again) == (6, 0, 0, 6, 0)
        assert again.as_dict()["events"] == again.as_dict()["subjects"] == 0
        assert house.ledger.head().size == head + 1


def test_the_run_is_an_event_that_says_what_who_and_how_much(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)

    with opened(tmp_path) as house:
        result = take(house, path)
        (run,) = runs(house)

    assert run["file_hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert run["mapping"] == "tickets"
    assert run["mapping_hash"] == "sha256:" + hashlib.sha256(TICKETS).hexdigest()
    assert run["recorded_for"] == "principal/desk"
    assert run["counts"] == result.as_dict()
    assert "stopped" not in run


def test_a_longer_export_continues_the_shorter_one(tmp_path: Path) -> None:
    shorter, longer = write(tmp_path, STORY[:4], "a.csv"), write(tmp_path, STORY, "b.csv")

    with opened(tmp_path) as house:
        take(house, shorter)
        result = take(house, longer)

        assert counts(result) == (6, 1, 1, 4, 0)
        assert types(house, "incident/T1")[-1] == "resolved"


class _Crash(BaseException):
    """What kill -9 is to the ledger: nobody handles it."""


def test_an_import_that_was_killed_continues_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 2)
    path = write(tmp_path, STORY)
    batches = 0

    def crashing(self: Ledger, proposals: Sequence[ObserveProposal]) -> list[Outcome]:
        nonlocal batches
        batches += 1
        if batches == 2:
            # After the commit, before anybody hears of it: the worst moment.
            observe(self, proposals)
            raise _Crash
        return observe(self, proposals)

    observe = Ledger.observe
    with opened(tmp_path) as house:
        monkeypatch.setattr(Ledger, "observe", crashing)
        with pytest.raises(_Crash):
            take(house, path)
        monkeypatch.setattr(Ledger, "observe", observe)

    with opened(tmp_path) as house:
        result = take(house, path)

        assert counts(result) == (6, 1, 1, 4, 0)
        assert types(house, "incident/T1") == [
            "reported",
            "assigned",
            "assigned",
            "work-started",
            "resolved",
        ]
        assert len(runs(house)) == 1


def test_a_bad_row_is_told_and_kept_and_stops_nothing(tmp_path: Path) -> None:
    rows = [
        row("T1", "New"),
        row("T1", "Active", priority="Middling"),
        row("T1", "Active", saved_at="yesterday"),
        ("T1", "Active"),
        row("?", "New"),
        row("T 1", "New"),
        row("T1", "?"),
        row("T1", "Resolved", saved_at="2026-03-02T10:00:00"),
    ]
    path = write(tmp_path, rows)
    os.umask(0o022)
    (tmp_path / "tickets.csv.rejects.jsonl").write_text("old\n")

    with opened(tmp_path) as house:
        result = take(house, path)

        assert counts(result) == (8, 2, 0, 0, 6)
        assert types(house, "incident/T1") == ["reported", "resolved"]
        assert entries(house, "incident/T1")[-1].attributes["id"] == "T1:6:1"
    kept = tmp_path / "tickets.csv.rejects.jsonl"
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [each["line"] for each in told] == [3, 4, 5, 6, 7, 8]
    assert [each["reason"].split(",")[0] for each in told] == [
        "priority: 'Middling' is not in the table priority",
        "expected a time like iso",
        "expected 7 fields",
        "the row has no number",
        "expected a subject id such as incident/INC0010001",
        "a ticket has a state",
    ]
    assert told[2]["row"] == "T1,Active"
    assert [(line, reason) for line, reason in result.bad_lines] == [
        (each["line"], each["reason"]) for each in told
    ]
    assert result.rejects_file == kept
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_a_bad_row_said_is_said_by_the_next_good_one(tmp_path: Path) -> None:
    rows = [
        row("T1", "New"),
        row("T1", "Active", group="Desk", saved_at="?"),
        row("T1", "Active", group="Desk"),
    ]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, rows))

        state = house.ledger.subject("incident/T1").state
        assert (state["status"], state["assignment_group"]) == ("in_progress", "Desk")


def test_a_row_that_was_mended_is_taken_by_the_next_run(tmp_path: Path) -> None:
    broken = [row("T1", "New"), row("T2", "New", saved_at="?"), row("T1", "Active")]
    mended = [row("T1", "New"), row("T2", "New"), row("T1", "Active")]

    with opened(tmp_path) as house:
        take(house, write(tmp_path, broken))
        result = take(house, write(tmp_path, mended))

        assert counts(result) == (3, 1, 0, 2, 0)
        assert types(house, "incident/T2") == ["reported"]


def test_a_row_about_a_subject_of_another_recorder_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, [row("INC0010001", "New"), row("T1", "New")])

    with opened(tmp_path) as house:
        report = ReportIncident(**ReportIncident.example)
        house.ledger.execute(Order(report, ACTOR))
        result = take(house, path)

        assert counts(result) == (2, 1, 0, 0, 1)
        assert result.reasons == {"not-the-owner": 1}
        assert types(house, "incident/INC0010001") == ["reported"]


def test_what_a_refused_row_said_is_compared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 1)
    huge = row("T1", "Resolved", group="x" * 70_000)
    text = TICKETS.replace(b"assignment_group: group, ", b"") + b"  columns: {notes: group}\n"

    with opened(tmp_path) as house:
        path = write(tmp_path, [row("T1", "New"), huge, row("T1", "Resolved", group="Desk")])
        result = take(house, path, tickets(text))

        assert result.reasons == {"entry-too-large": 1}
        state = house.ledger.subject("incident/T1").state
        assert (state["status"], state["source"]["notes"]) == ("resolved", "Desk")


def test_strict_stops_at_the_first_bad_row_and_keeps_what_was_before(tmp_path: Path) -> None:
    path = write(tmp_path, [row("T1", "New"), row("T2", "New", saved_at="?"), row("T3", "New")])

    with opened(tmp_path) as house:
        with pytest.raises(StrictStop, match="line 3: the row has no time") as stop:
            run_import(house, path, tickets(), ACTOR, strict=True)

        assert counts(stop.value.result) == (2, 1, 0, 0, 1)
        assert types(house, "incident/T1") == ["reported"]
        assert runs(house)[0]["stopped"] == "bad-row at line 3"


def test_skipped_rows_are_counted_by_reason_and_leave_no_trace(tmp_path: Path) -> None:
    rows = [row("T1", "Draft"), row("T1", "New")]
    later = tickets(TICKETS.replace(b"[Draft]", b"[Never]"))

    with opened(tmp_path) as house:
        path = write(tmp_path, rows)
        result = take(house, path)
        again = take(house, path, later)

        assert result.reasons == {"a draft is nothing yet": 1}
        assert counts(result) == (2, 1, 0, 1, 0)
        assert counts(again) == (2, 1, 0, 1, 0), "a later mapping takes what this one left"


def test_gzip_and_standard_input_are_the_same_file(tmp_path: Path) -> None:
    path = write(tmp_path, STORY)
    packed = tmp_path / "tickets.bin"
    # Two members, as when a log is appended to its archive.
    content = path.read_bytes()
    packed.write_bytes(gzip.compress(content[:100]) + gzip.compress(content[100:]) + b"\0" * 20)

    with opened(tmp_path) as house:
        zipped = take(house, packed)
        piped = run_import(
            house, "-", tickets(), ACTOR, stdin=io.BytesIO(content), rejects=tmp_path / "r"
        )

        assert counts(zipped) == (6, 5, 1, 0, 0)
        assert counts(piped) == (6, 0, 0, 6, 0)
        assert runs(house)[1]["file_hash"] != runs(house)[0]["file_hash"]


@pytest.mark.parametrize("cut", ["gzip", "plain"])
def test_a_truncated_file_gives_what_was_whole_and_continues_later(
    tmp_path: Path, cut: str
) -> None:
    rows = [row(f"T{n}", "New", saved_by=f"Person {n * n}") for n in range(400)]
    whole = csv_text(rows).encode()
    path = tmp_path / "cut.csv"
    path.write_bytes(gzip.compress(whole)[:-2_000] if cut == "gzip" else whole[:-30])

    with opened(tmp_path) as house:
        with pytest.raises(InputTruncated) as error:
            take(house, path)
        taken = error.value.result.recorded
        path.write_bytes(whole)
        result = take(house, path)

        assert 0 < taken < 400
        assert error.value.facts["line"] == taken + 2
        assert f"line {taken + 2}" in error.value.message
        assert str(runs(house)[0]["stopped"]) == f"input-truncated at line {taken + 2}"
        assert counts(result) == (400, 400 - taken, 0, taken, 0)


def test_a_file_of_another_shape_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("number,colour\nT1,red\n")

    with opened(tmp_path) as house:
        head = house.ledger.head().size

        with pytest.raises(ColumnsDiffer, match=r"reads .*state"):
            take(house, path)
        path.write_text(csv_text([]).replace("saved_by", "saved_by,colour"))
        with pytest.raises(ColumnsDiffer, match="does not name colour"):
            take(house, path)
        with pytest.raises(CannotRead):
            take(house, tmp_path / "nowhere.csv")

        assert house.ledger.head().size == head


def test_progress_is_told_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "BATCH_ROWS", 3)
    path = write(tmp_path, STORY)
    told: list[tuple[int, int, int | None]] = []

    with opened(tmp_path) as house:
        run_import(house, path, tickets(), ACTOR, progress=lambda *step: told.append(step))

    size = path.stat().st_size
    assert told == [(3, size, size), (6, size, size), (6, size, size)]


def test_no_name_of_a_person_stands_in_the_log(tmp_path: Path) -> None:
    path = write(tmp_path, [row("T1", "Active", owner="Zebediah", saved_by="Philippa")])

    with opened(tmp_path) as house:
        take(house, path)
        log = b"".join(entry.raw for entry in house.ledger.entries(0, 1_000))

    assert b"Zebediah" not in log
    assert b"Philippa" not in log
