"""The worked example of a type that grew: an attachment that later says what it was scanned for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

import domain.catalogue  # noqa: F401 - registers every type
from domain.errors import Malformed
from domain.event import EVENT_TYPES, Event, Json
from domain.fold import fold
from domain.upcasting import UPCASTERS, read_event, upcaster

V1 = "itsm.incident.report-filed.v1"
V2 = "itsm.incident.report-filed.v2"


@pytest.fixture
def a_type_that_grew() -> Iterator[type[Event]]:
    """Version 1 knew a page count; version 2 also says in which language the report is."""

    class IncidentReportFiled(Event, family="incident", version=2):
        pages: int
        language: str

    @upcaster(V1, to=V2)
    def lift(data: Mapping[str, Json]) -> Mapping[str, Json]:
        return {**data, "language": "und"}  # BCP 47: undetermined. An old report never said.

    yield IncidentReportFiled
    del EVENT_TYPES[V2], UPCASTERS[V1]


def test_an_old_event_reads_as_the_newest_version(a_type_that_grew: type[Event]) -> None:
    event = read_event(V1, {"pages": 3})

    assert isinstance(event, a_type_that_grew)
    assert event.data() == {"pages": 3, "language": "und"}


def test_a_new_event_reads_as_it_is(a_type_that_grew: type[Event]) -> None:
    assert read_event(V2, {"pages": 3, "language": "de"}).data()["language"] == "de"


def test_the_fold_takes_an_old_event_as_it_was_recorded(a_type_that_grew: type[Event]) -> None:
    """No upcaster adds a member to a state: the log alone tells it."""
    assert fold([{"pages": 3}]) == {"pages": 3}


def test_old_data_that_lacks_its_own_members_is_malformed(a_type_that_grew: type[Event]) -> None:
    with pytest.raises(Malformed, match="pages"):
        read_event(V1, {})


def test_a_type_is_lifted_one_way_only(a_type_that_grew: type[Event]) -> None:
    with pytest.raises(TypeError, match="twice"):
        upcaster(V1, to=V2)(lambda data: data)
