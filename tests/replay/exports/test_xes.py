"""XES (IEEE 1849-2016): a trace for each subject, read back by pm4py and by a plain XML parser."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import datetime
from pathlib import Path

from ledger.ledger import Ledger
from replay.exports.xes import REPLACEMENT, xes
from tests.replay.exports.given_exports import (
    BIG,
    CONTROL,
    FIRST,
    LATE,
    LONELY,
    NASTY,
    activities,
    activity,
    lines,
    selection,
    written,
)
from tests.replay.exports.read_back import counted, read_xes, record

NAMESPACE = "{http://www.xes-standard.org/}"


def test_pm4py_counts_the_traces_and_events_that_the_ledger_holds(
    trapped: Ledger, tmp_path: Path
) -> None:
    log = read_xes(written(xes(selection(trapped)), tmp_path / "log.xes"))

    entries = lines(trapped)
    assert counted(log["concept:name"]) == activities(entries)
    assert counted(log["case:concept:name"]) == Counter(entry["subject"] for entry in entries)
    assert counted(log["org:resource"]) == Counter(entry["authid"] for entry in entries)


def test_the_events_of_a_trace_come_in_the_order_of_their_versions(trapped: Ledger) -> None:
    """Whatever their times say: the first incident's third event lies a month before its first."""
    root = ET.fromstring(b"".join(xes(selection(trapped))))

    for trace in root.iter(f"{NAMESPACE}trace"):
        versions = [
            int(each.attrib["value"])
            for event in trace.iter(f"{NAMESPACE}event")
            for each in event
            if each.attrib["key"] == "version"
        ]
        assert versions == list(range(1, len(versions) + 1))


def test_microseconds_and_integers_stay_intact(trapped: Ledger, tmp_path: Path) -> None:
    log = read_xes(written(xes(selection(trapped)), tmp_path / "log.xes"))

    times = {
        int(entry["sequence"]): datetime.fromisoformat(entry["time"]) for entry in lines(trapped)
    }
    read = zip(log["position"], log["time:timestamp"], strict=True)
    assert {int(position): time.to_pydatetime() for position, time in read} == times
    first, *_ = record(log[log["version"] == 1], case_concept_name=FIRST)
    late, *_ = record(log[log["version"] == 1], case_concept_name=LATE)
    assert first["data.source.big"] == BIG
    assert late["data.source.negative"] == -(2**31) - 5


def test_texts_arrive_as_they_were_said_but_for_what_xml_cannot_hold(trapped: Ledger) -> None:
    """Line ends, `]]>` and emoji are whole; a control character is U+FFFD."""
    root = ET.fromstring(b"".join(xes(selection(trapped, personal=True))))

    texts = {each.attrib["key"]: each.attrib["value"] for each in trace(root, FIRST)[0]}
    (comment,) = [
        each.attrib["value"] for each in trace(root, LONELY)[0] if each.attrib["key"] == "comment"
    ]
    assert texts["data.source.text"] == NASTY
    assert texts["data.title"] == NASTY
    assert texts["data.source.control"] == re.sub("[\x07\x0b\x1f\ufffe]", REPLACEMENT, CONTROL)
    assert comment == NASTY


def test_personal_values_are_shown_to_who_may_see_them_only(trapped: Ledger) -> None:
    text = b"".join(xes(selection(trapped)))

    assert b"sd:sha-256" not in text
    assert b'key="comment" value="[personal]"' in text
    assert b"He said" not in b"".join(
        line for line in text.split(b"\n") if b"data.title" in line and b"data.source" not in line
    )


def test_the_group_is_that_of_the_record_when_the_event_happened(trapped: Ledger) -> None:
    root = ET.fromstring(b"".join(xes(selection(trapped))))

    groups = [
        {each.attrib["key"]: each.attrib["value"] for each in event}.get("org:group")
        for event in trace(root, FIRST)
    ]
    assert groups == [None, "mail", "mail", "mail", "mail"]


def test_a_period_has_the_traces_that_have_events_in_it(trapped: Ledger) -> None:
    entries = lines(trapped)
    after = len(entries) - 3

    chosen = selection(trapped, after=after)
    root = ET.fromstring(b"".join(xes(chosen)))

    named = [
        each.attrib["value"]
        for event in root.iter(f"{NAMESPACE}event")
        for each in event
        if each.attrib["key"] == "concept:name"
    ]
    assert sorted(named) == sorted(activity(entry) for entry in entries[after:])
    assert len(list(root.iter(f"{NAMESPACE}trace"))) == chosen.counts.subjects


def test_a_period_without_events_is_a_log_without_traces(trapped: Ledger) -> None:
    root = ET.fromstring(b"".join(xes(selection(trapped, after=trapped.head().size))))

    assert root.tag == f"{NAMESPACE}log"
    assert list(root.iter(f"{NAMESPACE}trace")) == []


def trace(root: ET.Element, subject: str) -> list[ET.Element]:
    """The events of the subject's trace."""
    for one in root.iter(f"{NAMESPACE}trace"):
        if any(each.attrib.get("value") == subject for each in one):
            return list(one.iter(f"{NAMESPACE}event"))
    raise AssertionError(subject)
