"""Writes a golden file for each event type that has none yet: `python -m tests.golden.add_missing`.

It never changes a file that is there: what an entry of some year said must read the same for ever.
"""

from __future__ import annotations

import json
from pathlib import Path

from domain.catalogue import EVENT_TYPES
from domain.event import Event

EVENTS = Path(__file__).parent / "events"


def golden_file(type_name: str) -> Path:
    return EVENTS / f"{type_name}.json"


def golden_text(event: type[Event]) -> str:
    stored = {"type": event.type_name, "data": event.from_data(event.example).data()}
    return json.dumps(stored, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    EVENTS.mkdir(exist_ok=True)
    for type_name, event in EVENT_TYPES.items():
        path = golden_file(type_name)
        if not path.exists():
            path.write_text(golden_text(event), encoding="utf-8")
            print(f"added {path.name}")


if __name__ == "__main__":
    main()
