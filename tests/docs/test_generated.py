"""The generated pages say what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.catalogue import EVENT_TYPES
from tests.generate_docs import DOCS, event_section, generated, schema_of


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_a_generated_page_is_current(path: Path) -> None:
    assert path.read_text() == generated()[path], "run `make docs`"


def test_no_schema_is_left_of_a_family_that_is_gone() -> None:
    assert set((DOCS / "schemas").iterdir()) == {
        p for p in generated() if p.parent.name == "schemas"
    }


def test_every_event_type_has_its_section() -> None:
    page = (DOCS / "events.md").read_text()

    assert [name for name in EVENT_TYPES if f"### `{name}`" not in page] == []


def test_a_personal_member_is_marked() -> None:
    section = event_section(EVENT_TYPES["itsm.incident.reported.v1"])

    assert "| `title` | string | personal |" in section
    assert "| `reported_by` | string | person |" in section
    assert '| `status` | `"new"` | always |' in section


def test_every_example_is_what_its_schema_describes() -> None:
    for event in EVENT_TYPES.values():
        described = schema_of(event.family)["$defs"][event.type_name]["properties"]
        if event.model_config.get("extra") == "allow":
            continue

        assert set(event.from_data(event.example).data()) <= set(described), event.type_name
