"""Pauses of a ticket: without anything that shows them, or just before its time is up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from domain.incident import IncidentPutOnHold
from domain.moments import later
from domain.request import RequestPutOnHold
from replay.detection.detector import Detector, Look, Shown


class PauseWithoutProof(Detector):
    """The ledger's own workflow asks for it; a source may leave it out."""

    name = "pause-without-proof"
    severity = "low"
    sentence = "A ticket is put on hold for a reason, with what shows that it waits."
    control = ("itil4:incident-management", "itil4:service-level-management")
    types = frozenset({IncidentPutOnHold.type_name, RequestPutOnHold.type_name})

    def see(self, look: Look) -> Iterator[Shown]:
        if not (look.after.get("hold_reason") and look.after.get("hold_reference")):
            yield Shown()


class PauseBeforeBreach(Detector):
    """The target is counted from the report on, around the clock: pauses before this one do not move it here."""

    name = "pause-before-breach"
    severity = "medium"
    sentence = "A clock is not stopped just before the time for a resolution is up."
    control = ("itil4:service-level-management",)
    types = frozenset({IncidentPutOnHold.type_name})

    def see(self, look: Look) -> Iterator[Shown]:
        terms = look.thresholds
        targets = {str(name): hours for name, hours in terms.resolution_target_hours.items()}
        hours = targets.get(f"p{look.after.get('priority')}")
        since = look.after.get("reported_at")
        if hours is None or since is None:
            return
        up = later(since, timedelta(hours=hours))
        just_before = later(up, -timedelta(minutes=terms.pause_before_breach_minutes))
        if just_before <= look.told.time < up:
            yield Shown()
