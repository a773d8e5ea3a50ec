"""OCEL 2.0, in both spellings: pm4py and the ledger agree on events, objects, relations and values."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.ledger import Ledger
from replay.errors import ExportFailed
from replay.exports.columns import Columns
from replay.exports.ocel_json import ocel_json
from replay.exports.ocel_sqlite import column_names, write_ocel_sqlite
from replay.exports.selection import Selection
from replay.exports.told import Scalar
from tests.replay.exports.given_exports import (
    BIG,
    CONTROL,
    FIRST,
    LATE,
    NASTY,
    ODD_NAME,
    ODD_NUMBER,
    OUTSIDE,
    activities,
    activity,
    lines,
    named_in,
    related,
    selection,
    states,
    written,
)
from tests.replay.exports.read_back import counted, read_ocel_json, read_ocel_sqlite, record

FORMATS = ["json", "sqlite"]


def exported(chosen: Selection, format_: str, directory: Path) -> Path:
    path = directory / f"log.{format_}"
    if format_ == "json":
        return written(ocel_json(chosen), path)
    write_ocel_sqlite(chosen, path)
    return path


def read(path: Path) -> Any:
    return read_ocel_json(path) if path.suffix == ".json" else read_ocel_sqlite(path)


def document(chosen: Selection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(b"".join(ocel_json(chosen)))
    return told


@pytest.mark.parametrize("format_", FORMATS)
def test_pm4py_counts_the_events_and_objects_that_the_ledger_holds(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    """None is dropped for want of an object."""
    log = read(exported(selection(trapped), format_, tmp_path))

    entries = lines(trapped)
    named = {name for entry in entries for _, name in related(entry)}
    assert counted(log.events["ocel:activity"]) == activities(entries)
    assert set(log.objects["ocel:oid"]) == named
    assert counted(log.objects["ocel:type"]) == Counter(name.split("/")[0] for name in named)


def test_pm4py_counts_the_relations_by_qualifier(trapped: Ledger, tmp_path: Path) -> None:
    log = read(exported(selection(trapped), "sqlite", tmp_path))

    relations = [named for entry in lines(trapped) for named in related(entry)]
    links = [
        (qualifier, name)
        for subject, state in states(lines(trapped)).items()
        for qualifier, name in set(named_in(state))
        if name != subject
    ]
    assert counted(log.relations["ocel:qualifier"]) == Counter(q for q, _ in relations)
    assert counted(log.o2o["ocel:qualifier"]) == Counter(q for q, _ in links)
    assert {"subject", "actor", "grant", "assigned_to", "change", "related"} <= {
        qualifier for qualifier, _ in relations
    }


def test_where_a_reader_keeps_one_relation_to_an_object_it_keeps_the_subject(
    trapped: Ledger, tmp_path: Path
) -> None:
    """pm4py's JSON reader has one qualifier for an event and an object: the last."""
    log = read(exported(selection(trapped), "json", tmp_path))

    entries = lines(trapped)
    pairs = sum(len({name for _, name in related(entry)}) for entry in entries)
    assert len(log.relations) == pairs
    assert counted(log.relations["ocel:qualifier"])["subject"] == len(entries)


@pytest.mark.parametrize("format_", FORMATS)
def test_microseconds_and_integers_stay_intact(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    log = read(exported(selection(trapped), format_, tmp_path))

    times = {
        f"entry/{entry['sequence'].lstrip('0')}": datetime.fromisoformat(entry["time"])
        for entry in lines(trapped)
    }
    read_times = dict(zip(log.events["ocel:eid"], log.events["ocel:timestamp"], strict=True))
    assert {name: time.to_pydatetime() for name, time in read_times.items()} == times
    (first,) = record(log.objects, ocel_oid=FIRST)
    (late,) = record(log.objects, ocel_oid=LATE)
    assert first["source.big"] == BIG
    assert late["source.negative"] == -(2**31) - 5


@pytest.mark.parametrize("format_", FORMATS)
def test_texts_arrive_as_they_were_said(trapped: Ledger, format_: str, tmp_path: Path) -> None:
    """Quotes, line ends, emoji, and what XML could not hold."""
    log = read(exported(selection(trapped, personal=True), format_, tmp_path))

    (first,) = record(log.objects, ocel_oid=FIRST)
    (comment,) = [
        row
        for row in record(log.events, ocel_activity="itsm.incident.commented")
        if row.get("comment") == NASTY
    ]
    assert first["source.text"] == NASTY
    assert first["source.control"] == CONTROL
    assert first["title"] == NASTY
    assert comment["decision"] == "observed"


@pytest.mark.parametrize("format_", FORMATS)
def test_personal_values_are_shown_to_who_may_see_them_only(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    log = read(exported(selection(trapped), format_, tmp_path))

    (first,) = record(log.objects, ocel_oid=FIRST)
    comments = {
        row["comment"] for row in record(log.events, ocel_activity="itsm.incident.commented")
    }
    assert first["title"] == "[personal]"
    assert comments == {"[personal]"}
    assert b"sd:sha-256" not in (tmp_path / f"log.{format_}").read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_what_an_object_held_is_told_with_the_time_at_which_it_was_stated(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    """Nothing of it is initial but what the subject was created with."""
    log = read(exported(selection(trapped), format_, tmp_path))

    (first,) = record(log.objects, ocel_oid=FIRST)
    changes = record(log.object_changes, ocel_oid=FIRST)
    groups = [change for change in changes if change["ocel:field"] == "assignment_group"]
    assert "assignment_group" not in first
    assert [(one["assignment_group"], one["ocel:timestamp"].to_pydatetime()) for one in groups] == [
        ("mail", datetime(2026, 2, 1, 10, 0, 0, 123457, UTC))
    ]


def test_a_member_of_two_kinds_is_text_and_a_cleared_one_is_null(trapped: Ledger) -> None:
    told = document(selection(trapped))

    (first,) = [one for one in told["objects"] if one["id"] == FIRST]
    (kinds,) = [one["attributes"] for one in told["objectTypes"] if one["name"] == "incident"]
    mixed = [one["value"] for one in first["attributes"] if one["name"] == "source.mixed"]
    big = [
        (one["time"][:4], one["value"])
        for one in first["attributes"]
        if one["name"] == "source.big"
    ]
    assert {one["name"]: one["type"] for one in kinds}["source.mixed"] == "string"
    assert mixed == [None, "7", "seven", None]
    assert big == [("1970", BIG), ("2026", None)]
    assert {one["type"] for one in kinds} <= {"string", "integer", "boolean", "time"}


def test_a_correction_is_an_event_that_restates_its_object(trapped: Ledger) -> None:
    told = document(selection(trapped))

    (late,) = [one for one in told["objects"] if one["id"] == LATE]
    (event,) = [one for one in told["events"] if one["type"] == "itsm.incident.fact-corrected"]
    services = [one["value"] for one in late["attributes"] if one["name"] == "service"]
    assert services == ["mial", "mail"]
    assert isinstance({one["name"]: one["value"] for one in event["attributes"]}["corrects"], int)


def test_what_is_named_and_not_exported_is_an_object_without_attributes(trapped: Ledger) -> None:
    """Relations never lead to an object that is not in the file."""
    told = document(selection(trapped, "incident"))

    objects = {one["id"]: one for one in told["objects"]}
    ends = {
        end["objectId"]
        for one in (*told["events"], *told["objects"])
        for end in one["relationships"]
    }
    assert ends <= objects.keys()
    assert objects[OUTSIDE]["attributes"] == []
    assert {one["type"].split(".")[1] for one in told["events"]} == {"incident"}
    assert {"principal", "change", "grant"} <= {one["type"] for one in told["objects"]}


def test_a_period_begins_with_what_its_objects_held_before(trapped: Ledger) -> None:
    entries = lines(trapped)
    start = max(at for at, entry in enumerate(entries, 1) if entry["subject"] == FIRST) - 1

    told = document(selection(trapped, after=start))

    (first,) = [one for one in told["objects"] if one["id"] == FIRST]
    initial = {
        one["name"]: one["value"] for one in first["attributes"] if one["time"][:4] == "1970"
    }
    assert initial["assignment_group"] == "mail"
    assert initial["source.mixed"] == "seven"
    assert {"objectId": OUTSIDE, "qualifier": "change"} in first["relationships"]
    assert OUTSIDE in {one["id"] for one in told["objects"]}
    assert "role" not in {one["type"] for one in told["objects"]}
    assert len(told["events"]) == len(entries) - start


def test_sqlite_has_the_tables_and_columns_of_the_standard(trapped: Ledger, tmp_path: Path) -> None:
    path = exported(selection(trapped), "sqlite", tmp_path)

    with closing(sqlite3.connect(path)) as database:
        tables = {
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(object_incident)")]
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
        maps = dict(database.execute("SELECT ocel_type, ocel_type_map FROM event_map_type"))
    assert {
        "event",
        "object",
        "event_object",
        "object_object",
        "event_map_type",
        "object_map_type",
    } <= tables
    assert columns[:3] == ["ocel_id", "ocel_time", "ocel_changed_field"]
    assert maps["itsm.incident.fact-corrected"] == "itsm_incident_fact_corrected"
    assert f"event_{maps['itsm.incident.fact-corrected']}" in tables
    assert broken == []


def test_sqlite_tells_names_apart_that_differ_in_case_only(trapped: Ledger, tmp_path: Path) -> None:
    path = exported(selection(trapped), "sqlite", tmp_path)

    with closing(sqlite3.connect(path)) as database:
        held = database.execute(
            'SELECT "source.GROUP", "source.group (2)" FROM object_incident '
            "WHERE ocel_changed_field LIKE 'source.group%' AND ocel_id = ?",
            (FIRST,),
        ).fetchall()
    assert (1, None) in held
    assert (None, "x") in held


@pytest.mark.parametrize("format_", FORMATS)
def test_a_source_may_call_its_columns_anything(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    log = read(exported(selection(trapped), format_, tmp_path))

    changed = record(log.object_changes, ocel_oid=FIRST, ocel_field=f"source.{ODD_NAME}")
    assert [one.get(f"source.{ODD_NAME}") for one in changed] == ["held", None]


def test_both_spellings_say_the_same(trapped: Ledger, tmp_path: Path) -> None:
    by_json = read(exported(selection(trapped), "json", tmp_path))
    by_sqlite = read(exported(selection(trapped), "sqlite", tmp_path))

    def changes(log: Any) -> Counter[tuple[str, str, str]]:
        table = log.object_changes
        return Counter(
            zip(
                table["ocel:oid"],
                table["ocel:field"].str.lower(),
                map(str, table["ocel:timestamp"]),
                strict=True,
            )
        )

    assert {k.replace(" (2)", "") for _, k, _ in changes(by_sqlite)} == {
        k for _, k, _ in changes(by_json)
    }
    assert sum(changes(by_json).values()) == sum(changes(by_sqlite).values())
    assert set(by_json.objects["ocel:oid"]) == set(by_sqlite.objects["ocel:oid"])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_period_without_events_is_a_file_without_events(
    trapped: Ledger, format_: str, tmp_path: Path
) -> None:
    chosen = selection(trapped, after=trapped.head().size)

    path = exported(chosen, format_, tmp_path)

    assert chosen.counts.events == chosen.counts.objects == 0
    if format_ == "json":
        assert json.loads(path.read_bytes()) == {
            "eventTypes": [],
            "objectTypes": [],
            "events": [],
            "objects": [],
        }
    else:
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM event").fetchone() == (0,)


def test_a_database_that_cannot_be_written_is_told(trapped: Ledger, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="unable to open"):
        write_ocel_sqlite(selection(trapped), tmp_path / "not there" / "log.sqlite")


@pytest.mark.parametrize("names", [["a", "A"], ["A", "a"], ["Ocel_Id", "ocel_time"]])
def test_no_two_columns_have_names_that_sqlite_takes_for_one(names: list[str]) -> None:
    columns = [name.lower() for name in column_names(names).values()]

    assert len({*columns, "ocel_id", "ocel_time", "ocel_changed_field"}) == len(names) + 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2], "integer"),
        ([True, False], "boolean"),
        (["a", "b"], "string"),
        (["2026-03-02T09:30:00.000000Z"], "time"),
        (["2026-03-02T09:30:00Z"], "string"),
        ([True, 1], "string"),
        ([1, True], "string"),
        ([1, "a"], "string"),
        (["a", 1], "string"),
        (["2026-03-02T09:30:00.000000Z", "later"], "string"),
        (["later", "2026-03-02T09:30:00.000000Z"], "string"),
    ],
)
def test_an_attribute_has_the_kind_that_all_its_values_have(
    values: list[Scalar | None], kind: str
) -> None:
    columns = Columns()
    for value in values:
        columns.meet({"it": value})

    assert columns.kinds == {"it": kind}


def test_every_activity_is_told_by_its_own_name(trapped: Ledger) -> None:
    told = document(selection(trapped))

    assert [one["type"] for one in told["events"]] == [activity(entry) for entry in lines(trapped)]
    assert ODD_NUMBER in {one["id"] for one in told["objects"]}
