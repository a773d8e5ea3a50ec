"""Every state there was, beside the archive: what the fold says, whatever happens to the files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from domain.errors import LedgerError
from ledger.entry import Correction
from replay.archive import versions
from replay.archive.read import Archive, open_archive
from replay.archive.store import KEEP_SECONDS, Store
from replay.archive.versions import build_versions, open_versions
from replay.archive.write import archive
from replay.engines.python import PythonEngine
from replay.errors import ArchiveUnusable, SegmentAltered
from replay.moment import Moment
from replay.whole.machine import TimeMachine
from tests.replay.given_log import Desk

ONE, TWO = "incident/INC0000045", "incident/INC0000046"
NOON = "2026-03-01T12:00:00.000000Z"


def tells(at: Desk, count: int) -> None:
    """Late facts, ties in time, and a correction among them."""
    for number in range(count):
        subject = (ONE, TWO)[number % 2]
        time = f"2026-03-01T{10 + number * 7 % 5}:00:00.000000Z"
        at.clock.advance(1)
        receipt = at.observes(
            subject, "source-status-recorded", {"source_status": f"S{number}"}, time=time
        )
        if number % 5 == 3:
            told = Correction(receipt.position, {"source_status": f"C{number}"})
            at.observes(subject, "fact-corrected", {}, correction=told)


def archived(at: Desk, directory: Path) -> Archive:
    url = at.house.settings.database_url
    archive(at.house.ledger, url, at.house.checkpoint(), Store(str(directory)))
    return open_archive(str(directory))


def agrees(at: Desk, found: Archive) -> None:
    """With the plain fold, at each moment there is and known to different extents."""
    machine = TimeMachine(at.house.ledger, found, open_versions(found))
    size = at.house.ledger.head().size
    knew = at.house.ledger.entry(size - 5).recordedtime
    moments = [Moment(), *(Moment(position=size - back) for back in range(0, 40, 3))]
    moments += [Moment(at=f"2026-03-01T{hour:02d}:00:00Z") for hour in range(9, 16)]
    moments += [Moment(at=NOON, known_at=knew), Moment(at=NOON, basis="known")]
    for moment in moments:
        located, entries = TimeMachine(at.house.ledger).located(moment)
        assert told(machine.states(moment).table) == told(PythonEngine().states(entries, located))


def told(table: Any) -> dict[str, tuple[int, Any]]:
    return {row["subject"]: (row["version"], json.loads(row["state"])) for row in table.to_pylist()}


def test_they_say_what_the_fold_says_now_and_once_more_is_known(at: Desk, tmp_path: Path) -> None:
    """From both databases; what is appended behind them counts at once, and so does what is made anew."""
    tells(at, 12)
    found = archived(at, tmp_path / "archive")
    build_versions(found)
    agrees(at, found)

    tells(at, 9)
    agrees(at, found)

    grown = archived(at, tmp_path / "archive")
    build_versions(grown)
    agrees(at, grown)
    assert open_versions(grown) is not None


def test_they_lie_in_files_by_position_each_by_subject(
    at: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are written a few at a time, so that a large log does not have to be held."""
    monkeypatch.setattr(versions, "SEGMENT_ENTRIES", 64)
    monkeypatch.setattr(versions, "_BUFFERED_ROWS", 20)
    tells(at, 30)
    found = archived(at, tmp_path / "archive")

    build_versions(found)

    files = sorted((tmp_path / "archive" / "versions").glob("*/*.parquet"))
    assert len(files) == -(-found.size // 64)
    for block, file in enumerate(files):
        positions = pq.read_table(file).column("position").to_pylist()
        assert all((one - 1) // 64 == block for one in positions)
    agrees(at, found)


def test_without_them_the_generic_fold_answers(at: Desk, tmp_path: Path) -> None:
    tells(at, 12)
    found = archived(at, tmp_path / "archive")

    assert open_versions(found) is None
    agrees(at, found)


def test_a_full_disk_leaves_those_of_before(
    at: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(at, 6)
    before = build_versions(archived(at, tmp_path / "archive"))
    tells(at, 6)
    grown = archived(at, tmp_path / "archive")

    def is_full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as disk:
        disk.setattr(pq.ParquetWriter, "write_table", is_full)
        with pytest.raises(ArchiveUnusable, match="cannot be written"):
            build_versions(grown)

    still = open_versions(grown)
    assert still is not None
    assert still.head == before.head
    agrees(at, grown)


def test_superseded_ones_stay_for_those_who_are_reading_them(at: Desk, tmp_path: Path) -> None:
    directory = tmp_path / "archive"
    tells(at, 6)
    build_versions(archived(at, directory))
    tells(at, 6)
    build_versions(archived(at, directory))
    assert len(list((directory / "versions").glob("*/*.json"))) == 2

    long_after = (directory / "manifest.json").stat().st_mtime + KEEP_SECONDS + 60
    tells(at, 6)
    build_versions(archived(at, directory), now=lambda: long_after)

    assert len(list((directory / "versions").glob("*/*.json"))) == 1


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("missing", SegmentAltered),
        ("a byte changed", SegmentAltered),
        ("of another format", ArchiveUnusable),
        ("no JSON", ArchiveUnusable),
        ("leading elsewhere", ArchiveUnusable),
    ],
)
def test_what_is_not_as_it_was_written_answers_nothing(
    at: Desk, tmp_path: Path, broken: str, error: type[LedgerError]
) -> None:
    tells(at, 6)
    found = archived(at, tmp_path / "archive")
    build_versions(found)
    (index,) = (tmp_path / "archive" / "versions").glob("*/versions.json")
    file = index.with_name("00000.parquet")
    if broken == "missing":
        file.unlink()
    elif broken == "a byte changed":
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw)
    elif broken == "of another format":
        index.write_text(index.read_text().replace("versions@v1", "versions@v9"))
    elif broken == "no JSON":
        index.write_text("{")
    else:
        index.write_text(index.read_text().replace("00000.parquet", "../../../etc/passwd"))

    with pytest.raises(error):
        TimeMachine(at.house.ledger, found, open_versions(found)).states(Moment())
