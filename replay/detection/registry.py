"""Every detector that runs. A new one is one line here."""

from __future__ import annotations

from replay.detection.detector import Detector
from replay.detection.who_may import WhoMay

DETECTORS: tuple[Detector, ...] = (WhoMay(),)
