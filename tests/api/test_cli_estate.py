"""`state`, `counts` and `diff` of the whole estate: what analysts script against, with an archive and without."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.api.shell import Shell, fill, shell_with_ledger

ONE, TWO = "incident/INC0010001", "incident/INC0010002"
DRAFT = '{"type":"normal","title":"Move the queue","services":["mail"]}'


@pytest.fixture(params=["from the log", "from an archive", "from an archive that is behind"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """Two incidents, one of them assigned, and a change."""
    shell = shell_with_ledger(tmp_path)[0]
    kept = Shell(shell.directory, {**shell.env, "ITSM_LEDGER_ARCHIVE": str(tmp_path / "archive")})
    behind, archived = request.param.endswith("behind"), request.param != "from the log"
    shell.report("Mail is slow", impact=2, urgency=3)
    if behind:
        shell.ok("archive", "-o", str(tmp_path / "archive"))
    shell.order("incident", "assign", '{"assignment_group":"=mail"}', ONE)
    shell.report("No printer")
    shell.order("change", "draft", DRAFT)
    if archived and not behind:
        shell.ok("archive", "-o", str(tmp_path / "archive"))
    return kept if archived else shell


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def position_of(shell: Shell, subject: str, version: int) -> int:
    position: int = shell.ok("history", subject, "--json").json["events"][version - 1]["position"]
    return position


def test_a_state_on_each_line_says_which_moment_it_holds_for(shell: Shell) -> None:
    told = lines(shell.ok("state", "--family", "incident", "--json").out)

    assert [(one["subject"], one["family"], one["version"]) for one in told] == [
        (ONE, "incident", 2),
        (TWO, "incident", 1),
    ]
    assert told[0]["state"]["status"] == "assigned"
    assert {one["basis"] for one in told} == {"known"}
    assert told[0]["position"] == told[1]["position"]


def test_the_estate_at_a_position_and_at_a_time_is_that_of_then(shell: Shell) -> None:
    first = position_of(shell, ONE, 1)
    time = shell.ok("history", ONE, "--json").json["events"][0]["time"]

    by_position = lines(shell.ok("state", "--position", str(first), "--json").out)
    by_time = lines(shell.ok("state", "--at", time, "--json", "--family", "incident").out)

    assert {one["subject"] for one in by_position if one["family"] == "incident"} == {ONE}
    assert [(one["subject"], one["state"]["status"]) for one in by_time] == [(ONE, "new")]
    assert by_time[0]["basis"] == "effect"
    assert by_time[0]["at"] == time


def test_only_what_a_filter_chooses_is_told(shell: Shell) -> None:
    told = lines(shell.ok("state", "--where", "assignment_group is not null", "--json").out)
    none = shell.ok("state", "--where", "status = closed")

    assert [one["subject"] for one in told] == [ONE]
    assert none.out.startswith("0 subjects, as known (position ")


def test_personal_values_are_shown_when_they_are_asked_for_only(shell: Shell) -> None:
    hidden = lines(shell.ok("state", "--family", "incident", "--json").out)
    shown = lines(shell.ok("state", "--family", "incident", "--personal", "--json").out)

    assert hidden[0]["state"]["title"] == "[personal]"
    assert shown[0]["state"]["title"] == "Mail is slow"


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_file_holds_the_same_whatever_its_form(shell: Shell, tmp_path: Path, ending: str) -> None:
    """Each row with its label; and no cell that a spreadsheet would calculate."""
    path = tmp_path / f"estate.{ending}"

    said = shell.ok("state", "--family", "incident", "-o", str(path))

    assert f"{path}: 2 subjects, as known (position " in said.err
    first = first_row(path)
    assert (first["subject"], int(first["version"]), first["basis"]) == (ONE, 2, "known")
    assert first["status"] == "assigned"
    assert int(first["priority"]) == 3
    assert first["assignment_group"] == ("'=mail" if ending == "csv" else "=mail")
    assert not list(tmp_path.glob("*.new"))


def first_row(path: Path) -> dict[str, Any]:
    if path.suffix == ".csv":
        return next(csv.DictReader(path.read_text().splitlines()))
    if path.suffix == ".jsonl":
        told = lines(path.read_text())[0]
        return {**told, **told["state"]}
    row = pq.read_table(path).to_pylist()[0]
    assert json.loads(row["state"])["priority"] == row["state.priority"] == 3
    return {name.removeprefix("state."): value for name, value in row.items()}


def test_what_cannot_be_asked_is_named(shell: Shell, tmp_path: Path) -> None:
    for arguments, code, told in (
        (["state", "--where", "status = 'x"], 2, "character 10"),
        (["state", "--where", "title = Mail"], 2, "title is personal"),
        (["state", "--family", "gadget"], 2, "there is no family 'gadget'"),
        (["state", "--at", "yesterday"], 2, "RFC 3339"),
        (["state", "--position", "999999"], 2, "expected a position from 1 to"),
        (["state", "--basis", "known", "--at", "2026-01-01T00:00:00Z", "--known-at", "2026-01-01T00:00:00Z"], 2, "known_at"),
        (["state", "-o", str(tmp_path / "estate.xlsx")], 2, ".parquet, .csv, .jsonl"),
        (["counts", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], 2, "not before"),
        (["counts", "--from", "2026-01-02T00:00:00Z", "--by", "title"], 2, "title is personal"),
        (["counts", "--from", "2026-01-02T00:00:00Z", "--by", "a b"], 2, "the name of a member"),
        (["diff", "--at", "2026-01-01T00:00:00Z", "--from", "2026-01-01T00:00:00Z", "--basis", "known"], 2, "leave out the basis"),
        (["diff", ONE, "--from", "1", "--family", "incident"], 2, "--family is for the whole estate"),
    ):  # fmt: skip
        done = shell(*arguments)

        assert done.code == code, arguments
        assert told in done.err, (arguments, done.err)


def test_counts_over_time_have_a_line_for_each_moment(shell: Shell) -> None:
    opened = shell.ok("history", ONE, "--json").json["events"][0]["time"]
    arguments = ["--from", opened, "--every", "hour", "--family", "incident"]

    told = shell.ok("counts", *arguments, "--json").json
    said = shell.ok("counts", *arguments).out.splitlines()

    assert told["moments"] == [opened]
    assert told["series"] == [{"values": {"status": "new"}, "counts": [1]}]
    assert said == ["moment\tnew", f"{opened}\t1"]


def test_the_difference_of_the_estate_names_subjects_fields_and_entries(shell: Shell) -> None:
    first, second = position_of(shell, ONE, 1), position_of(shell, ONE, 2)

    told = {
        one["subject"]: one
        for one in lines(
            shell.ok("diff", "--from", str(first), "--family", "incident", "--json").out
        )
    }
    said = shell.ok("diff", "--from", str(first), "--family", "incident").out

    assert {name: one["became"] for name, one in told.items()} == {ONE: "changed", TWO: "added"}
    assert told[ONE]["entries"] == [{"position": second, "why": "in-time"}]
    assert {"field": "status", "from": "new", "to": "assigned", "positions": [second]} in told[ONE][
        "fields"
    ]
    assert f"{ONE}  changed  version 1 → 2  (entries {second} in-time)" in said


def test_an_archive_of_another_ledger_answers_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "mine").mkdir()
    other = shell_with_ledger(tmp_path / "other")[0]
    mine = shell_with_ledger(tmp_path / "mine")[0]
    other.ok("archive", "-o", str(tmp_path / "archive"))
    fill(mine, 60)

    done = mine("state", ITSM_LEDGER_ARCHIVE=str(tmp_path / "archive"))
    missing = mine("state", ITSM_LEDGER_ARCHIVE=str(tmp_path / "nothing"))

    assert "is of another ledger, or of another course of this one" in done.err
    assert "there is no archive at" in missing.err
    assert done.code == missing.code != 0


def test_an_archive_whose_versions_were_changed_is_named(tmp_path: Path) -> None:
    shell = shell_with_ledger(tmp_path)[0]
    shell.ok("archive", "-o", str(tmp_path / "archive"))
    (versions,) = (tmp_path / "archive" / "versions").glob("*/*.parquet")
    versions.write_bytes(versions.read_bytes().replace(b"recovery", b"everybody"[:8]))

    done = shell("state", ITSM_LEDGER_ARCHIVE=str(tmp_path / "archive"))

    assert done.code != 0
    assert "00000.parquet is not what was written: remove versions/" in done.err


def test_versions_of_another_course_of_the_ledger_answer_nothing(tmp_path: Path) -> None:
    """As of a backup that went on otherwise: the same name, the same size, other entries."""
    shell = shell_with_ledger(tmp_path)[0]
    shell.ok("archive", "-o", str(tmp_path / "archive"))
    (index,) = (tmp_path / "archive" / "versions").glob("*/versions.json")
    told = json.loads(index.read_text())
    index.write_text(json.dumps({**told, "root": "A" * 43 + "="}))

    done = shell("state", ITSM_LEDGER_ARCHIVE=str(tmp_path / "archive"))

    assert done.code != 0
    assert "archive/versions is of another ledger, or of another course of this one" in done.err


@pytest.mark.parametrize("lost", ["removed", "never made", "damaged"])
def test_versions_that_are_missing_are_made_by_the_next_run(tmp_path: Path, lost: str) -> None:
    """Also where the archive itself is up to date, as after a kill while they were folded."""
    shell = shell_with_ledger(tmp_path)[0]
    archive = tmp_path / "archive"
    shell.ok("archive", "-o", str(archive), *(["--no-versions"] if lost == "never made" else []))
    shell.ok("archive", "-o", str(archive), "--no-versions")
    if lost == "removed":
        shutil.rmtree(archive / "versions")
    elif lost == "damaged":
        next((archive / "versions").glob("*/versions.json")).write_text("{")

    shell.ok("archive", "-o", str(archive))

    asked = ["state", "--position", "200", "--json"]
    told = shell.ok(*asked, ITSM_LEDGER_ARCHIVE=str(archive))
    assert list((archive / "versions").glob("*/versions.json"))
    assert lines(told.out) == lines(shell.ok(*asked).out)


def test_up_to_now_is_on_the_basis_of_where_it_begins(shell: Shell) -> None:
    """A late fact is known now as it was in effect: only what changed in between differs."""
    time = shell.ok("history", ONE, "--json").json["events"][0]["time"]
    first = position_of(shell, ONE, 1)

    by_time = lines(shell.ok("diff", "--from", time, "--family", "incident", "--json").out)
    by_position = lines(shell.ok("diff", "--from", str(first), "--json").out)
    known = lines(shell.ok("diff", "--from", time, "--basis", "known", "--json").out)
    alone = shell.ok("diff", ONE, "--from", time, "--json").json

    assert {(one["from"]["basis"], one["to"]["basis"]) for one in by_time} == {("effect", "effect")}
    for rows in (by_position, known):
        assert {(one["from"]["basis"], one["to"]["basis"]) for one in rows} == {("known", "known")}
    assert (alone["from"]["basis"], alone["to"]["basis"]) == ("effect", "effect")
