"""An implementation outside the time that was approved for it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.parts import parts_in
from domain.reconciliation import window_of
from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS


class ImplementationOutsideWindow(Detector):
    """The approved window counts, or else the planned one. An emergency that began as one waits for none."""

    name = "implementation-outside-window"
    severity = "medium"
    sentence = "A change is implemented inside the window that was approved."
    control = ("iso27001_2022:A.8.32", "soc2_tsc:CC8.1")
    types = IMPLEMENTS

    def see(self, look: Look) -> Iterator[Shown]:
        window = window_of(look.after)
        said = look.told.data
        at = str(said.get("started_at") or said.get("implemented_at") or look.told.time)
        if window and not window["start"] <= at <= window["end"]:
            people = parts_in("change", look.after).get("implementer", ())
            yield Shown(about=(look.subject, *people), happened_at=at)
