"""An archive grows with its ledger, and is never less than it was."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from pyarrow import fs

from ledger.errors import CorruptEntry, NotConsistent
from replay.archive.read import open_archive
from replay.archive.store import KEEP_SECONDS, Store
from replay.archive.verify import verify_archive
from replay.archive.write import Archived, archive
from replay.errors import ArchiveUnusable, SegmentAltered
from tests.contract.databases import fresh_database_url
from tests.replay.archive.conftest import SEGMENT_ENTRIES
from tests.replay.archive.forging import flip, manifest_of, write_manifest
from tests.replay.archive.places import archived, lives
from tests.replay.given_log import Desk, desk, tamper

pytestmark = pytest.mark.usefixtures("small_segments")
FAR_AHEAD = 4_000_000_000.0
"""A moment, in seconds since 1970, at which whatever is superseded was so for long."""


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def is_whole(directory: Path, size: int) -> bool:
    report = verify_archive(Store(str(directory)))
    return report.is_clean and report.size == size


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


class Full(Store):
    """A disk that takes so many more files."""

    def __init__(self, location: str, files: int) -> None:
        super().__init__(location)
        self._left = files

    def write(self, name: str, content: bytes) -> None:
        if not self._left:
            raise self._unusable(name, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._left -= 1
        super().write(name, content)


@pytest.mark.parametrize("room", range(3))
def test_a_full_disk_leaves_the_archive_as_it_was(
    at: Desk, tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file there is no room for, the former manifest stands; with room again the next run goes on."""
    monkeypatch.setattr("replay.archive.write.MANY_SEGMENTS", 99)
    directory = tmp_path / "archive"
    lives(at)
    before = archived(at.house, directory)
    lives(at)
    checkpoint, url = at.house.checkpoint(), at.house.settings.database_url

    with suppress(ArchiveUnusable):
        archive(at.house.ledger, url, checkpoint, Full(str(directory), room))
        raise AssertionError("the disk was full")

    assert is_whole(directory, before.size)
    after = archived(at.house, directory)
    assert is_whole(directory, after.size)


def test_a_disk_that_is_full_in_the_middle_of_a_file_is_told(at: Desk, tmp_path: Path) -> None:
    """The file is no file: neither its name nor what was begun of it is left."""
    lives(at)
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "from replay.archive.store import Store\n"
        "Store(sys.argv[1]).write('entries/000000000.parquet', bytes(2_000))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "archive"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ArchiveUnusable" in done.stderr
    assert files(tmp_path / "archive") == {}


_KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from api.compose import open_house
from replay.archive.store import KEEP_SECONDS, Store
from replay.archive.write import archive
from tests.replay.given_log import settings_for

for module in ("manifest", "segment", "write"):
    __import__("replay.archive." + module)
    sys.modules["replay.archive." + module].SEGMENT_ENTRIES = 128
sys.modules["replay.archive.write"].MANY_SEGMENTS = 99

class Killed(Store):
    left = int(sys.argv[4])
    def write(self, name, content):
        if not self.left:
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.{os.getpid()}.new").write_bytes(content[:100])
            os.kill(os.getpid(), signal.SIGKILL)
        Killed.left -= 1
        super().write(name, content)

house = open_house(settings_for(sys.argv[1], Path(sys.argv[2])))
archive(house.ledger, sys.argv[1], house.checkpoint(), Killed(sys.argv[3]))
"""


@pytest.mark.parametrize("written", range(3))
def test_kill_9_in_the_middle_leaves_the_archive_as_it_was(tmp_path: Path, written: int) -> None:
    """Whatever it had written when it was killed, the former manifest stands, and the next run goes on."""
    url, directory = fresh_database_url("sqlite", tmp_path), tmp_path / "archive"
    with desk(url, tmp_path) as at:
        lives(at)
        before = archived(at.house, directory)
        lives(at)

        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, url, tmp_path, directory, str(written)], check=False
        )

        assert killed.returncode == -signal.SIGKILL
        assert is_whole(directory, before.size)
        after = archived(at.house, directory)
        assert after.size > before.size
        assert is_whole(directory, after.size)


def test_a_first_run_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    """What it left without a manifest is no archive, and does not hinder the next run."""
    url, directory = fresh_database_url("sqlite", tmp_path), tmp_path / "archive"
    with desk(url, tmp_path) as at:
        lives(at)
        subprocess.run([sys.executable, "-c", _KILLED, url, tmp_path, directory, "1"], check=False)
        with pytest.raises(ArchiveUnusable, match="no archive"):
            open_archive(str(directory))

        done = archived(at.house, directory)

        assert is_whole(directory, done.size)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An archive of another ledger, whose log has the same name."""
    home = tmp_path / "other"
    home.mkdir()
    with desk(fresh_database_url("sqlite", home), home) as at:
        lives(at)
        archived(at.house, home / "archive")
    return home / "archive"


def test_the_archive_of_another_ledger_is_refused(at: Desk, other: Path) -> None:
    """Nothing is written into it, whether it is longer or shorter than this ledger."""
    before = files(other)

    with pytest.raises(ArchiveUnusable, match="backup of before, or another's"):
        archived(at.house, other)
    lives(at)
    lives(at)
    with pytest.raises(ArchiveUnusable, match="not an archive of this ledger"):
        archived(at.house, other)

    assert files(other) == before


def test_an_archive_that_is_ahead_is_refused(tmp_path: Path) -> None:
    """The ledger is a backup of before: the archive holds more than it, and is left as it is."""
    url = fresh_database_url("sqlite", tmp_path)
    path = Path(url.removeprefix("sqlite:///"))
    with desk(url, tmp_path) as at:
        pass
    shutil.copy(path, tmp_path / "backup.db")
    from tests.replay.archive.places import housed

    with housed(url, tmp_path) as house:
        lives(Desk(house, at.clock, at.recorder))
        archived(house, tmp_path / "archive")
    before = files(tmp_path / "archive")

    with (
        housed(f"sqlite:///{tmp_path / 'backup.db'}", tmp_path) as house,
        pytest.raises(ArchiveUnusable, match="backup of before"),
    ):
        archived(house, tmp_path / "archive")

    assert files(tmp_path / "archive") == before


def test_an_archive_that_contradicts_the_ledger_is_refused(at: Desk, tmp_path: Path) -> None:
    """Its checkpoint is this ledger's, over other entries than the ledger has: somebody changed the past."""
    lives(at)
    archived(at.house, tmp_path / "archive")
    manifest = manifest_of(tmp_path / "archive")
    signed = at.house.signer.checkpoint(manifest["size"], bytes(32))
    write_manifest(tmp_path / "archive", {**manifest, "checkpoint": signed})
    lives(at)

    with pytest.raises(NotConsistent):
        archived(at.house, tmp_path / "archive")


@pytest.mark.parametrize("member", ["size", "root", "segments", "checkpoint"])
def test_a_manifest_that_was_altered_is_not_built_upon(
    at: Desk, tmp_path: Path, member: str
) -> None:
    """What it says is held against the ledger before anything is written behind it."""
    directory = tmp_path / "archive"
    lives(at)
    archived(at.house, directory)
    manifest = manifest_of(directory)
    first = {**manifest["segments"][0], "peaks": manifest["segments"][-1]["peaks"][:1]}
    altered = {
        "size": manifest["size"] - 1,
        "root": "AAAA",
        "segments": [first, *manifest["segments"][1:]],
        "checkpoint": "nothing\n",
    }
    write_manifest(directory, {**manifest, member: altered[member]})
    before = files(directory)
    lives(at)

    with pytest.raises(ArchiveUnusable):
        archived(at.house, directory)

    assert files(directory) == before


def test_entries_that_were_changed_in_the_database_are_not_archived(
    at: Desk, tmp_path: Path
) -> None:
    """They do not lead to the signed root: the archive stays as it was, and `verify` is pointed to."""
    lives(at)
    checkpoint, url = at.house.checkpoint(), at.house.settings.database_url
    tamper(url, ("UPDATE events SET entry = ? WHERE position = 5", [b'{"forged": true}']))

    with pytest.raises(CorruptEntry):
        archive(at.house.ledger, url, checkpoint, Store(str(tmp_path / "archive")))

    assert not (tmp_path / "archive" / "manifest.json").exists()


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
