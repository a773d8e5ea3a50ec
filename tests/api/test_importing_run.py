"""An import records each row once, loses nothing, and says what it did."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from api.compose import open_house
from api.importing import taking
from api.importing.run import run_import
from api.settings import Settings
from domain.errors import MayNot
from domain.principal import DeactivatePrincipal
from ledger.govern import Order
from ledger.ledger import Ledger
from ledger.observe import ObserveProposal
from ledger.writer import Outcome
from tests.api.importing_house import (
    ACTOR,
    TICKETS,
    counts,
    entries,
    opened,
    row,
    runs,
    take,
    tickets,
    types,
    write,
)
from tests.contract.databases import fresh_database_url
from tests.staffing import init

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
