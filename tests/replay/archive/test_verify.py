"""Whatever is done to an archive is found, and the first entry that it concerns is named."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.checkpoints import Signer
from replay.archive.segment import schema
from replay.archive.store import Store
from replay.archive.verify import verify_archive
from replay.errors import ArchiveUnusable, CheckpointRefused
from replay.report import Report
from tests.contract.databases import fresh_database_url
from tests.replay.archive.conftest import SEGMENT_ENTRIES, Written
from tests.replay.archive.forging import (
    Row,
    alter,
    file_of,
    flip,
    manifest_of,
    row_at,
    seal,
    write_manifest,
)
from tests.replay.archive.places import archived, lives
from tests.replay.given_log import desk

SECOND = SEGMENT_ENTRIES + 1
"""The first position of the second segment."""


def verified(copy: Written, checkpoints: Sequence[str] = ()) -> Report:
    return verify_archive(Store(str(copy.directory)), checkpoints)


def found(copy: Written, checkpoints: Sequence[str] = ()) -> list[tuple[int, str]]:
    return [(each.position, each.kind) for each in verified(copy, checkpoints).problems]


def test_an_archive_as_it_was_written_is_clean(copy: Written) -> None:
    """Its own checkpoint and one that was kept elsewhere agree with the entries."""
    report = verified(copy, [copy.checkpoint])

    assert report.is_clean, report.problems
    assert (report.size, report.checkpoints_checked) == (copy.size, 2)


def test_a_file_with_one_changed_byte_is_named(copy: Written) -> None:
    """Its first position, and that it is not the file that was written."""
    flip(file_of(copy.directory, 1))

    assert found(copy)[0] == (SECOND, "file")


def test_a_missing_file_is_named_and_the_others_are_still_checked(copy: Written) -> None:
    """One problem for it, and one for what was changed behind it: subjects may go on where nothing is known."""
    alter(file_of(copy.directory, 1), lambda rows: _set(rows, SECOND, "type", "itsm.forged.v1"))
    seal(copy.directory)
    file_of(copy.directory, 0).unlink()

    assert found(copy)[:2] == [(1, "file"), (SECOND, "column")]
    assert verified(copy).root is None


def _set(rows: list[Row], position: int, column: str, value: object) -> None:
    row_at(rows, position)[column] = value


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", "incident/INC9999999"),
        ("family", "change"),
        ("version", 99),
        ("type", "itsm.incident.closed.v1"),
        ("time", "2020-01-01T00:00:00.000000Z"),
        ("recordedtime", "2020-01-01T00:00:00.000000Z"),
        ("corrects", 1),
        ("authid", None),
        ("decision", "permit"),
        ("cleared", ["status"]),
        ("data", {"status": "closed"}),
    ],
)
def test_a_column_that_says_something_else_than_the_entry_is_found(
    copy: Written, column: str, value: object
) -> None:
    """With file and manifest made to agree, as a forger would: the entry is the evidence, and is intact."""
    position = SECOND + 5
    alter(file_of(copy.directory, 1), lambda rows: _set(rows, position, column, value))
    seal(copy.directory)

    assert (position, "column") in found(copy)
    assert {kind for _, kind in found(copy)} <= {"column", "file"}


def test_an_entry_that_was_forged_with_its_columns_is_found(copy: Written) -> None:
    """Columns, file and manifest agree with the forgery; the signed root does not."""
    position = SECOND + 5

    def forge(rows: list[Row]) -> None:
        row = row_at(rows, position)
        told = orjson.loads(row["entry"])
        told["time"] = row["time"] = "2020-01-01T00:00:00.000000Z"
        row["entry"] = orjson.dumps(told)

    alter(file_of(copy.directory, 1), forge)
    seal(copy.directory)

    report = verified(copy, [copy.checkpoint])
    assert [each.kind for each in report.problems] == ["checkpoint"] * len(report.problems)
    # The kept checkpoint narrows it down where it agrees, or is the first to disagree.
    assert report.problems[0].position <= position
    assert report.checkpoints_checked < 2


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [row for row in rows if row["position"] != SECOND + 5],
        lambda rows: [*rows[1:], rows[1]],
    ],
    ids=["one fewer", "one twice"],
)
def test_an_entry_that_is_missing_or_doubled_is_found(
    copy: Written, change: Callable[[list[Row]], list[Row]]
) -> None:
    """Also when the manifest agrees: a segment holds each of its positions once."""
    alter(file_of(copy.directory, 1), change)
    seal(copy.directory, peaks=False)

    position, kind = found(copy)[0]
    assert SECOND <= position <= 2 * SEGMENT_ENTRIES
    assert kind in {"file", "missing", "inserted"}


def test_disclosures_that_were_changed_are_named(copy: Written) -> None:
    """They prove nothing, but without them a restored ledger shows no personal values."""
    path = copy.directory / "disclosures" / file_of(copy.directory, 1).name
    flip(path)
    assert found(copy) == [(SECOND, "file")]

    path.unlink()

    assert found(copy) == [(SECOND, "file")]


def test_a_file_that_was_cut_off_is_named(copy: Written) -> None:
    """Also when the manifest names what is left of it: it is no Parquet any more."""
    path = file_of(copy.directory, 1)
    path.write_bytes(path.read_bytes()[:-100])
    seal(copy.directory, peaks=False)

    assert found(copy) == [(SECOND, "file")]


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"PAR1" * 1_000, b"PAR1\xff\xff\xff\x7fPAR1"])
def test_a_file_that_is_no_parquet_is_named(copy: Written, raw: bytes) -> None:
    """Empty, a signature alone, a footer that claims two gigabytes."""
    file_of(copy.directory, 1).write_bytes(raw)
    seal(copy.directory, peaks=False)

    assert found(copy) == [(SECOND, "file")]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"position": [1], "entry": [b""]}),
        schema().empty_table(),
        pa.Table.from_pylist([{"position": 1}] * SEGMENT_ENTRIES, schema=schema()),
        pa.Table.from_pylist(
            [{"position": SECOND + n, "entry": b"x" * 10**6} for n in range(SEGMENT_ENTRIES)],
            schema=schema(),
        ),
        pa.Table.from_pylist([{}] * 2_000_000, schema=pa.schema([schema().field("data")])),
    ],
    ids=["other columns", "no rows", "no entries", "entries of a megabyte", "two million rows"],
)
@pytest.mark.parametrize("by_number", [True, False])
def test_a_parquet_file_of_another_shape_is_named(
    copy: Written, table: pa.Table, *, by_number: bool
) -> None:
    """Whatever it claims to hold is looked at before room is made for it, said once or each time."""
    path = file_of(copy.directory, 1)
    pq.write_table(table, path, compression="zstd", use_dictionary=by_number)
    seal(copy.directory, peaks=False)

    assert found(copy) == [(SECOND, "file")]


def test_an_entry_that_cannot_be_read_is_named(copy: Written) -> None:
    """No JSON, no CloudEvent, numbers beyond every column, nested without end: the entry's position, no traceback."""
    for raw in (b"", b"{}", b"[" * 60_000, b'{"data":' * 9_000):
        alter(
            file_of(copy.directory, 1),
            lambda rows, raw=raw: _set(rows, SECOND, "entry", raw),  # type: ignore[misc]  # bound now
        )
        seal(copy.directory)

        assert (SECOND, "entry") in found(copy)


def test_two_files_in_each_others_place_are_found(copy: Written) -> None:
    """By the manifest; and where it was made to agree, by the positions in them."""
    one, other = file_of(copy.directory, 0), file_of(copy.directory, 1)
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)
    assert found(copy)[0] == (1, "file")

    seal(copy.directory, peaks=False)

    assert (1, "file") in found(copy)
    assert (SECOND, "file") in found(copy)


def test_a_file_twice_is_found(copy: Written) -> None:
    """The first segment again in the place of the second."""
    shutil.copy(file_of(copy.directory, 0), file_of(copy.directory, 1))
    seal(copy.directory, peaks=False)

    assert found(copy)[0] == (SECOND, "file")


def test_a_segment_of_another_ledger_is_found(copy: Written, tmp_path: Path) -> None:
    """Of the same positions, with a manifest that agrees: its subjects, times or root do not."""
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as at:
        for _ in range(3):
            lives(at)
        archived(at.house, tmp_path / "other")
    shutil.copy(file_of(tmp_path / "other", 1), file_of(copy.directory, 1))
    seal(copy.directory)

    problems = found(copy)

    assert problems
    assert problems[0][0] <= 2 * SEGMENT_ENTRIES
    assert "checkpoint" in {kind for _, kind in problems}


def test_a_whole_archive_of_another_ledger_is_refused_by_a_kept_checkpoint(
    copy: Written, tmp_path: Path
) -> None:
    """It is consistent in itself; only what was kept elsewhere tells."""
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as at:
        lives(at)
        lives(at)
        archived(at.house, tmp_path / "other")
    other = Written(tmp_path / "other", 0, "")

    assert verified(other).is_clean
    with pytest.raises(CheckpointRefused):
        verified(other, [copy.checkpoint])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("size", 17),
        ("size", -1),
        ("size", 10**30),
        ("root", "AAAA"),
        ("origin", "ledger.example.com/other"),
        ("checkpoint", "nothing"),
        ("vkeys", []),
        ("vkeys", ["nothing"]),
        ("segments", []),
        ("format", "another@v9"),
    ],
)
def test_a_manifest_that_was_altered_is_found(copy: Written, member: str, value: object) -> None:
    """Whichever member it is: none of them is anybody's word."""
    manifest = manifest_of(copy.directory)
    write_manifest(copy.directory, {**manifest, member: value})

    assert found(copy)


def test_an_archive_that_somebody_else_signed_is_found(copy: Written) -> None:
    """Signature, root and manifest agree under a key that the log itself does not name."""
    manifest = manifest_of(copy.directory)
    forger = Signer(manifest["origin"], Ed25519PrivateKey.generate())
    signed = forger.checkpoint(manifest["size"], base64.b64decode(manifest["root"]))
    forged = {**manifest, "vkeys": [str(forger.vkey)], "checkpoint": signed}
    write_manifest(copy.directory, forged)

    assert found(copy) == [(1, "key")]


def test_subtree_roots_that_were_altered_are_found(copy: Written) -> None:
    """The manifest names others than the entries have."""
    manifest = manifest_of(copy.directory)
    manifest["segments"][1]["peaks"] = manifest["segments"][0]["peaks"]
    write_manifest(copy.directory, manifest)

    assert found(copy) == [(SECOND, "manifest")]


def test_a_path_that_leads_out_of_the_archive_is_not_followed(copy: Written) -> None:
    """Paths follow from positions; any other is a manifest that was altered."""
    manifest = manifest_of(copy.directory)
    manifest["segments"][0]["path"] = "../../../etc/passwd"
    write_manifest(copy.directory, manifest)

    assert found(copy) == [(1, "manifest")]


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"format":1}'])
def test_a_manifest_that_is_none_is_named(copy: Written, raw: bytes) -> None:
    """Cut off, nested without end, of another form: one problem, no traceback."""
    (copy.directory / "manifest.json").write_bytes(raw)

    assert found(copy) == [(1, "manifest")]


def test_a_place_without_a_manifest_is_no_archive(tmp_path: Path) -> None:
    """Nothing was altered where nothing is."""
    with pytest.raises(ArchiveUnusable):
        verify_archive(Store(str(tmp_path)))


def test_a_checkpoint_of_a_later_head_is_not_compared(copy: Written, written: Written) -> None:
    """An archive of before is nothing wrong; that the checkpoint was not compared is said."""
    manifest = manifest_of(copy.directory)

    with pytest.raises(CheckpointRefused, match="archive ends at"):
        verify_archive(Store(str(_cut(copy))), [manifest["checkpoint"]])


def _cut(copy: Written) -> Path:
    """As the archive was when it held its first segment alone, had it been archived then."""
    manifest = manifest_of(copy.directory)
    manifest["segments"] = manifest["segments"][:1]
    manifest["size"] = SEGMENT_ENTRIES
    write_manifest(copy.directory, manifest)
    return copy.directory
