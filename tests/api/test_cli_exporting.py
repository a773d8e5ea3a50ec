"""`export` writes the log for other tools: whole or not at all, and only what the reader may read."""

from __future__ import annotations

import errno
import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Self

import pytest

from tests.api.shell import Shell, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


FILES = {
    "ocel-json": "log.jsonocel",
    "ocel-sqlite": "log.sqlite",
    "xes": "log.xes",
    "cloudevents": "log.jsonl",
    "csv": "log.csv",
}


@pytest.mark.parametrize("format_", FILES)
def test_a_file_is_written_in_the_format_that_its_name_tells(shell: Shell, format_: str) -> None:
    shell.report("Mail is slow")

    told = shell.ok("export", "-o", str(shell.directory / FILES[format_]), "--json").json

    assert told["format"] == format_
    assert told["events"] == told["up_to"] - told["after"] > 0
    assert (shell.directory / FILES[format_]).stat().st_size > 0


def test_what_was_counted_is_what_the_file_holds(shell: Shell) -> None:
    shell.report("Mail is slow")
    path = shell.directory / "log.json"

    told = shell.ok("export", "ocel-json", "-o", str(path), "--family", "incident", "--json").json

    written = json.loads(path.read_bytes())
    assert told["events"] == len(written["events"]) == 1
    assert told["objects"] == len(written["objects"])
    assert told["relations"] == sum(len(one["relationships"]) for one in written["events"])


def test_a_name_that_tells_no_format_is_refused_with_those_there_are(shell: Shell) -> None:
    done = shell("export", "-o", str(shell.directory / "log.json"))

    assert done.code == 2
    assert "ocel-json, ocel-sqlite, xes, cloudevents, csv" in done.err


def test_a_format_that_is_none_is_refused_with_those_there_are(shell: Shell) -> None:
    done = shell("export", "pdf", "-o", str(shell.directory / "log.pdf"))

    assert done.code == 2
    assert "there is no format 'pdf'" in done.err
    assert not (shell.directory / "log.pdf").exists()


def test_a_file_that_is_named_gz_is_compressed_and_the_same_each_time(shell: Shell) -> None:
    shell.report("Mail is slow")
    first, second = shell.directory / "a.xes.gz", shell.directory / "b.xes.gz"

    for path in (first, second):
        shell.ok("export", "-o", str(path), "--family", "incident")

    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).startswith(b"<?xml")


def test_a_database_is_not_compressed(shell: Shell) -> None:
    done = shell("export", "-o", str(shell.directory / "log.sqlite.gz"))

    assert done.code == 2
    assert "not compressed" in done.err


def test_a_file_that_was_there_is_replaced_as_a_whole(shell: Shell) -> None:
    """An SQLite file too: nothing of the old one stays in it, and nothing lies beside it afterwards."""
    path = shell.directory / "log.sqlite"
    path.write_text("an old file of somebody's")

    shell.ok("export", "-o", str(path))

    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [each.name for each in shell.directory.glob(".log*")] == []


def test_a_full_disk_leaves_the_old_file_and_says_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shell.directory / "log.xes"
    path.write_text("the old one")
    given = Path.open

    class Full:
        def __init__(self, file: IO[Any]) -> None:
            self._file = file

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def writelines(self, _: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        opened = given(self, mode, *rest, **more)
        return Full(opened) if mode == "wb" and self.name == "log.xes" else opened

    monkeypatch.setattr(Path, "open", full)
    done = shell("export", "-o", str(path))

    assert done.code == 6
    assert "No space left on device" in done.err
    assert path.read_text() == "the old one"
    assert [each.name for each in shell.directory.glob(".log*")] == []


def test_a_directory_is_no_file(shell: Shell) -> None:
    done = shell("export", "xes", "-o", str(shell.directory))

    assert done.code == 2
    assert "cannot be used" in done.err


def test_lines_go_to_standard_output_and_a_database_does_not(shell: Shell) -> None:
    shell.report("Mail is slow")

    done = shell.ok("export", "cloudevents", "-o", "-", "--family", "incident")
    refused = shell("export", "ocel-sqlite", "-o", "-")

    assert [json.loads(line)["type"] for line in done.out.splitlines()] == [
        "itsm.incident.reported.v1"
    ]
    assert refused.code == 2


def test_a_period_is_told_by_positions_or_by_moments(shell: Shell) -> None:
    shell.report("one")
    size = int(shell.ok("export", "csv", "-o", str(shell.directory / "a"), "--json").json["up_to"])
    path = str(shell.directory / "b.csv")

    by_position = shell.ok("export", "-o", path, "--after", "3", "--up-to", "5", "--json").json
    from_on = shell.ok("export", "-o", path, "--from", str(size), "--to", str(size), "--json").json
    nothing = shell.ok("export", "-o", path, "--to", "2001-01-01T00:00:00Z")

    assert by_position["events"] == 2
    assert from_on["events"] == 1
    assert "no events" in nothing.err


@pytest.mark.parametrize(
    ("period", "why"),
    [
        (("--after", "5", "--up-to", "3"), "before it begins"),
        (("--from", "5", "--to", "3"), "before it begins"),
        (("--up-to", "1000000"), "expected a position up to"),
        (("--from", "yesterday"), "expected a moment or a position"),
        (("--from", "1", "--up-to", "3"), "not some of each"),
        (("--family", "incidents"), "there is no family 'incidents'"),
    ],
)
def test_a_period_or_a_family_that_is_none_is_refused(
    shell: Shell, period: tuple[str, ...], why: str
) -> None:
    done = shell("export", "-o", str(shell.directory / "log.xes"), *period)

    assert done.code == 2
    assert why in done.err
    assert not (shell.directory / "log.xes").exists()


def test_a_token_exports_what_it_reads_and_no_more(shell: Shell) -> None:
    """Without --family what it may read; with one that it may not, nothing at all."""
    shell.report("Mail is slow")
    token = shell.ok(
        "token", "issue", "principal/PRN0000002", "--scope", "incident:read", "--json"
    ).json["token"]
    path = shell.directory / "log.jsonl"

    shell.ok("export", "-o", str(path), ITSM_LEDGER_TOKEN=token)
    refused = shell("export", "-o", str(path), "--family", "change", ITSM_LEDGER_TOKEN=token)

    families = {json.loads(line)["subject"].split("/")[0] for line in path.read_text().splitlines()}
    assert families == {"incident"}
    assert refused.code == 7
    assert "change:read" in refused.err


def test_an_export_is_noted_as_a_reading_of_so_many_entries(shell: Shell) -> None:
    told = shell.ok("export", "-o", str(shell.directory / "log.csv"), "--json").json

    reading = shell.ok("show", "ledger/LDG0000001", "--json").json["state"]["reading"]
    assert (reading["what"], reading["entries"]) == ("entries", told["events"])
