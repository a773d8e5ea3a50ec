"""What was ever stored reads back as it was: golden files are only added to, never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.catalogue import EVENT_TYPES
from domain.common import SourceStatusRecorded, TicketEvent
from domain.event import Event, event_class
from tests.golden.add_missing import EVENTS, golden_file, golden_text

FILES = sorted(EVENTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_stored_reads_back_as_it_was(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))

    event = event_class(stored["type"]).from_data(stored["data"])

    assert path.stem == stored["type"]
    assert event.data() == stored["data"]


@pytest.mark.parametrize("type_name", EVENT_TYPES)
def test_every_type_has_a_golden_file(type_name: str) -> None:
    hint = f"python -m tests.golden.add_missing writes {type_name}.json"

    assert golden_file(type_name).exists(), hint


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_the_example_of_a_type_is_one_and_shows_something(event: type[Event]) -> None:
    # What any event of a ticket may state along (`TicketEvent`) need not be shown by each.
    along = set() if issubclass(event, SourceStatusRecorded) else TicketEvent.model_fields.keys()
    members = event.model_fields.keys() - along or event.model_config.get("extra") == "allow"

    assert bool(event.example) == bool(members), "an example states the members that can vary"
    assert json.loads(golden_text(event))["type"] == event.type_name
