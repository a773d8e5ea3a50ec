"""What is no XES, is damaged, or is meant to harm: told by its line, and never more than it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.importing.faults import CannotRead, InputTruncated
from api.importing.formats import rows_of
from api.importing.mapping import layout_of
from api.importing.stream import CutShort
from api.importing.xes import DEEPEST
from tests.api.importing_house import opened, take, types
from tests.api.xes_files import event, held, log, tickets, trace

BOMB = "<!DOCTYPE log [" + '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB + log(trace("INC1", event("&i;"))), "document type"),
        (
            '<!DOCTYPE log [<!ENTITY x SYSTEM "/etc/passwd">]>' + log(trace("&x;")),
            "document type",
        ),
        ('<!DOCTYPE log SYSTEM "http://example.com/xes.dtd">' + log(), "document type"),
        ("<html><body/></html>", "expected an XES log, got XML that begins with <html>"),
        ("<log><event-types/></log>", "got <event-types> in <log>"),
        ("<log><trace><string key='a' value='b'>", "not well-formed"),
        ("<log>\xff", "not well-formed"),
        ("<log", "not well-formed"),
        ("<?xml version='1.0' encoding='klingon'?><log/>", "unknown encoding: klingon"),
        ("<?xml version='1.0' encoding='shift_jis'?><log/>", "its encoding cannot be read"),
        (log(trace("INC1", '<event><string key="a" value="&nbsp;"/></event>')), "undefined entity"),
        (log(trace("INC1") + '<string key="x" value="y"/>' + "<trace/><x/>"), "got <x> in <log>"),
    ],
)
def test_a_file_that_is_no_xes_records_nothing(content: str, why: str, tmp_path: Path) -> None:
    raw = content.encode("latin-1")
    with opened(tmp_path) as house:
        size = house.ledger.head().size
        with pytest.raises(CannotRead) as refused:
            take(house, held(tmp_path, raw), tickets())

        assert why in str(refused.value)
        assert house.ledger.head().size == size


@pytest.mark.parametrize(
    ("behind", "why"),
    [
        ("<trace><string key='a' value='b'></trace>", "not well-formed XML (mismatched tag)"),
        ("<surprise/>", "got <surprise> in <log>"),
        (
            trace("INC2", event(), '<string key="late" value="x"/>'),
            "a trace has an attribute behind its events",
        ),
        (
            trace("INC2", "<event>" + '<string key="a" value="b">' * (DEEPEST + 1)),
            f"nested deeper than {DEEPEST}",
        ),
    ],
)
def test_what_stood_before_the_damage_is_recorded_and_the_line_is_told(
    behind: str, why: str, tmp_path: Path
) -> None:
    text = log(trace("INC1", event()), "\n", behind)
    with opened(tmp_path) as house:
        with pytest.raises(InputTruncated) as stop:
            take(house, held(tmp_path, text), tickets())

        assert why in str(stop.value)
        assert stop.value.facts["line"] == 5
        assert types(house, "incident/INC1") == ["reported"]


def endless(opening: str, again: str, megabytes: int) -> Iterator[bytes]:
    yield opening.encode()
    for _ in range(megabytes):
        yield (again * (1_048_576 // len(again))).encode()


@pytest.mark.parametrize(
    ("opening", "again"),
    [
        ('<log><trace><string key="concept:name" value="', "a"),
        ("<log><trace><event>", '<string key="{}" value="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"/>'),
        ('<log><trace><event><list key="l"><values>', '<string key="k" value="aaaaaaaaaaaaaaa"/>'),
    ],
)
def test_an_event_without_end_is_given_up(opening: str, again: str) -> None:
    """Memory is bounded by the longest event that is taken."""
    loaded = tickets().mapping
    chunks = endless(opening, again, 100) if "{}" not in again else _numbered(opening, again)

    with pytest.raises(CutShort, match="longer than"):
        list(rows_of(chunks, loaded, layout_of(loaded)))

    assert next(chunks, None) is not None  # nobody read on


def _numbered(opening: str, again: str) -> Iterator[bytes]:
    yield opening.encode()
    for block in range(100):
        yield "".join(again.format(f"k{block}.{at}") for at in range(16_000)).encode()
