"""An implementation outside the time that was approved for it."""

from __future__ import annotations

from collections.abc import Iterator

from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS


class ImplementationOutsideWindow(Detector):
    """The approved window counts, or else the planned one. Without either nothing is known to be broken."""

    name = "implementation-outside-window"
    severity = "medium"
    sentence = "A change is implemented inside the window that was approved."
    control = ("iso27001_2022:A.8.32", "soc2_tsc:CC8.1")
    types = IMPLEMENTS

    def see(self, look: Look) -> Iterator[Shown]:
        window = look.after.get("approved_window") or look.after.get("window")
        said = look.told.data
        at = str(said.get("started_at") or said.get("implemented_at") or look.told.time)
        if window and not window["start"] <= at <= window["end"]:
            yield Shown(happened_at=at)
