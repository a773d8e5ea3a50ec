"""Facts that were recorded long after they happened, or before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from domain.moments import later
from replay.detection.detector import Detector, Look, Shown


class RecordedLate(Detector):
    """Those of one source on one day are one finding: an import of a former year is told once, with its count."""

    name = "recorded-late"
    severity = "low"
    sentence = "What happens is recorded soon."
    control = ("iso27001_2022:A.8.15", "soc2_tsc:CC2.1")

    def see(self, look: Look) -> Iterator[Shown]:
        told = look.told
        if told.decision == "observed" and told.time < _cutoff(
            told.recordedtime[:10], look.thresholds.late_fact_days
        ):
            yield Shown(about=_of(look), group=_group(look))


class DatedAhead(Detector):
    """A clock of a source that goes ahead, or a fact that is made up."""

    name = "dated-ahead"
    severity = "medium"
    sentence = "Nothing is recorded before it happened."
    control = ("iso27001_2022:A.8.17",)

    def see(self, look: Look) -> Iterator[Shown]:
        told = look.told
        if told.decision != "observed" or told.time <= told.recordedtime:
            return
        tolerance = timedelta(minutes=look.thresholds.clock_tolerance_minutes)
        if told.time > later(told.recordedtime, tolerance):
            yield Shown(about=(look.subject, *_of(look)), group=_group(look))


@lru_cache(maxsize=4)
def _cutoff(day: str, days: int) -> str:
    return later(f"{day}T00:00:00.000000Z", -timedelta(days=days))


def _of(look: Look) -> tuple[str, ...]:
    return (str(look.told.recordedby),) if look.told.recordedby else ()


def _group(look: Look) -> str:
    return f"{look.told.recordedby} {look.told.recordedtime[:10]}"
