"""An archive grows with its ledger, and is never less than it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from pyarrow import fs

from replay.archive.read import open_archive
from replay.archive.store import KEEP_SECONDS, Store
from replay.archive.verify import verify_archive
from replay.archive.write import Archived, archive
from replay.errors import ArchiveUnusable, SegmentAltered
from tests.replay.archive.conftest import SEGMENT_ENTRIES
from tests.replay.archive.forging import flip
from tests.replay.archive.places import archived, files, is_whole, lives
from tests.replay.given_log import Desk

pytestmark = pytest.mark.usefixtures("small_segments")
FAR_AHEAD = 4_000_000_000.0
"""A moment, in seconds since 1970, at which whatever is superseded was so for long."""


def test_what_was_written_is_the_log(at: Desk, tmp_path: Path) -> None:
    """Segment by segment, several processes at work, the archive holds every entry byte for byte."""
    lives(at)
    lives(at)

    done = archived(at.house, tmp_path / "archive")

    log = [(entry.position, entry.raw) for entry in at.house.ledger.entries(0, done.size)]
    assert sorted(open_archive(str(tmp_path / "archive")).rows(done.size)) == log
    assert done.written == -(-done.size // SEGMENT_ENTRIES) > 2
    assert is_whole(tmp_path / "archive", done.size)


def test_a_second_run_does_nothing(at: Desk, tmp_path: Path) -> None:
    """Not a byte is written when the ledger has not grown."""
    lives(at)
    first = archived(at.house, tmp_path / "archive")
    before = files(tmp_path / "archive")

    second = archived(at.house, tmp_path / "archive")

    assert second == Archived(first.size, first.size, 0)
    assert files(tmp_path / "archive") == before


def test_sealed_segments_are_never_written_again(at: Desk, tmp_path: Path) -> None:
    """The archive grows behind them; only the partial one is replaced, by a file of another name."""
    directory = tmp_path / "archive"
    lives(at)
    archived(at.house, directory)
    sealed = directory / "entries/000000000.parquet"
    before, inode = files(directory), sealed.stat().st_ino
    (partial,) = (directory / "entries").glob("*.p/*")

    lives(at)
    done = archived(at.house, directory)

    after = files(directory)
    kept = [name for name in before if name != "manifest.json"]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert sealed.stat().st_ino == inode
    assert partial.exists(), "who reads by the former manifest still finds it"
    assert is_whole(directory, done.size)


def test_superseded_files_and_leftovers_go_after_a_while(at: Desk, tmp_path: Path) -> None:
    """And nothing else goes: a file of somebody else's is not ours to remove."""
    directory = tmp_path / "archive"
    lives(at)
    archived(at.house, directory)
    (partial,) = (directory / "entries").glob("*.p/*")
    leftover = directory / "entries" / ".000000001.parquet.4711.new"
    others = [directory / "entries" / "notes.txt", directory / "README.md"]
    for path in (leftover, *others):
        path.write_text("something")
    lives(at)

    checkpoint, url = at.house.checkpoint(), at.house.settings.database_url
    archive(at.house.ledger, url, checkpoint, Store(str(directory)), now=lambda: FAR_AHEAD)

    assert not partial.exists()
    assert not leftover.exists()
    assert all(path.exists() for path in others)
    assert FAR_AHEAD > KEEP_SECONDS


def test_a_reader_of_before_reads_on_when_its_partial_segment_is_gone(
    at: Desk, tmp_path: Path
) -> None:
    """It finds the same entries in what has taken the place, and none beyond those that it knows of."""
    directory = tmp_path / "archive"
    lives(at)
    archived(at.house, directory)
    reader = open_archive(str(directory))
    rows = list(reader.rows(reader.size))
    (partial,) = (directory / "entries").glob("*.p/*")
    lives(at)
    archived(at.house, directory)
    partial.unlink()

    assert list(reader.rows(reader.size)) == rows
    connection = duckdb.connect()
    reader.register(connection, "archived", reader.size)
    assert connection.sql("SELECT count(*) FROM archived").fetchall() == [(reader.size,)]


def test_a_reader_of_before_is_told_when_nothing_has_taken_the_place(
    at: Desk, tmp_path: Path
) -> None:
    """One look for a successor, then a clear error."""
    lives(at)
    archived(at.house, tmp_path / "archive")
    reader = open_archive(str(tmp_path / "archive"))
    (partial,) = (tmp_path / "archive" / "entries").glob("*.p/*")
    partial.unlink()

    with pytest.raises(SegmentAltered, match="is missing"):
        list(reader.rows(reader.size))


def test_an_altered_file_is_never_read(at: Desk, tmp_path: Path) -> None:
    """Whoever asks gets an error that names the file, and no row of it."""
    lives(at)
    archived(at.house, tmp_path / "archive")
    flip(tmp_path / "archive" / "entries/000000000.parquet")
    reader = open_archive(str(tmp_path / "archive"))

    with pytest.raises(SegmentAltered, match="is not what was written"):
        reader.read(reader.segments()[0], ["position"])
    with pytest.raises(SegmentAltered, match="is not what was written"):
        reader.register(duckdb.connect(), "archived", reader.size)


def test_an_object_store_holds_an_archive_as_a_disk_does(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a URI, through pyarrow's filesystems: written, grown, verified, read."""
    bucket = fs._MockFileSystem()
    reached = SimpleNamespace(from_uri=lambda uri: (bucket, uri.partition("://")[2]))
    known = {name: getattr(fs, name) for name in dir(fs)}
    monkeypatch.setattr(
        "replay.archive.store.fs", SimpleNamespace(**{**known, "FileSystem": reached})
    )
    monkeypatch.setattr("replay.archive.write.MANY_SEGMENTS", 99)
    uri = "s3://bucket/prefix"
    lives(at)
    archived(at.house, uri)
    lives(at)

    done = archived(at.house, uri)

    assert verify_archive(Store(uri)).is_clean
    reader = open_archive(uri)
    assert len(list(reader.rows(done.size))) == done.size
    connection = duckdb.connect()
    reader.register(connection, "archived", reader.size)
    assert connection.sql("SELECT count(*) FROM archived").fetchall() == [(done.size,)]


def test_a_uri_of_no_known_store_is_refused() -> None:
    """Said before anything is read or written."""
    with pytest.raises(ArchiveUnusable):
        Store("nosuch://bucket/prefix")


def test_a_local_uri_is_a_directory(tmp_path: Path) -> None:
    """What is written there is as durable as under a path."""
    store = Store(f"file://{tmp_path}/archive")

    store.write("entries/one", b"content")

    assert (tmp_path / "archive/entries/one").read_bytes() == b"content"
    assert store.directory == tmp_path / "archive"


def test_members_that_the_writer_did_not_know_are_null(at: Desk, tmp_path: Path) -> None:
    """A segment of an older version has fewer columns, and is read and verified all the same."""
    from replay.archive import segment

    directory = tmp_path / "archive"
    fewer = {name: kind for name, kind in segment.members().items() if name != "title"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.archive.segment.members", lambda: fewer)
        patch.setattr("replay.archive.segment.schema", lambda: segment.schema_of(fewer))
        patch.setattr("replay.archive.write.schema", lambda: segment.schema_of(fewer))
        patch.setattr("replay.archive.write.MANY_SEGMENTS", 99)
        lives(at)
        done = archived(at.house, directory)

    reader = open_archive(str(directory))
    table = reader.read(reader.segments()[0], ["data"])

    assert is_whole(directory, done.size)
    assert table.column("data").combine_chunks().field("title").null_count == len(table)
    assert isinstance(table, pa.Table)
