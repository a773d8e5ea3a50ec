"""When a change begins to be implemented, as far as an entry tells: what several detectors look at."""

from __future__ import annotations

from typing import Final

from domain.change_implementation import (
    BreakGlassInvoked,
    EmergencyImplementationStarted,
    ImplementationCompleted,
    ImplementationStarted,
)
from replay.detection.detector import Look

STARTS: Final = frozenset(
    {ImplementationStarted.type_name, EmergencyImplementationStarted.type_name}
)
BREAKS_GLASS: Final = BreakGlassInvoked.type_name
COMPLETES: Final = ImplementationCompleted.type_name
IMPLEMENTS: Final = STARTS | {COMPLETES}


def begins(look: Look) -> bool:
    """Is this the first that the log tells of the implementation? A source may tell only that it is done."""
    if look.told.type in STARTS:
        return True
    return look.told.type == COMPLETES and "started_at" not in look.before


def began_at(look: Look) -> str:
    """When; by then at the latest, where nobody said so."""
    said = look.told.data
    return str(said.get("started_at") or said.get("implemented_at") or look.told.time)
