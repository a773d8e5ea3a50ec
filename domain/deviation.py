"""Control deviations: a control was passed by, and the ledger says so. Each is a subject of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from domain.command import Case, On
from domain.event import Event, Json, Subject, Word


class ControlDeviationRecorded(Event, family="ledger", source=(), to="recorded"):
    """What deviated from which control: the effect of another event, recorded together with it."""

    example: ClassVar[Mapping[str, Json]] = {
        "control": "retro-approval",
        "deviation": "lapsed",
        "about": "change/CHG0010042",
    }

    control: Word
    deviation: Word
    about: Subject


def deviating(control: str, deviation: str, about: str, case: Case) -> On:
    """The event, on a subject of its own."""
    event = ControlDeviationRecorded(control=control, deviation=deviation, about=about)
    return On(f"ledger/DEV-{case.new_id()}", event)
