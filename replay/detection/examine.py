"""The walk of the detectors along the log: what each entry shows, and which detectors failed on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import LedgerError
from domain.families import is_subject_id
from domain.finding import LONGEST_SENTENCE, MOST_NAMED, finding_hash
from domain.thresholds import Severity
from ledger.database import Database
from replay.detection.detector import Cured, Detector, Look, Shown
from replay.estate import Estate, told_by

OFF: Final = "off"
FAULT_CHARACTERS: Final = 500
LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the entry at `position` shows to be broken, with all that a finding of it says."""

    detector: str
    position: int
    rule: str
    rule_version: str
    group: str
    severity: Severity
    sentence: str
    control: tuple[str, ...]
    about: tuple[str, ...]
    happened_at: str
    seen_at: str

    @property
    def hash(self) -> str:
        return finding_hash(self.rule, self.rule_version, self.position)


@dataclass(frozen=True, slots=True)
class Whole:
    """The rule is kept again for the group, as the entry at `position` shows."""

    detector: str
    position: int
    rule: str
    rule_version: str
    group: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The detector could not take the entry. The others go on, and so does it with the next."""

    detector: str
    version: int
    position: int
    error: str


Seen = Violation | Whole | Fault


class Examination:
    """One walk, from just behind position `after` on. Its memory does not grow with the log."""

    def __init__(self, database: Database, detectors: Sequence[Detector], after: int = 0) -> None:
        self._database, self.detectors = database, tuple(detectors)
        self._by_type: dict[str, tuple[Detector, ...]] = {}
        self.estate = Estate(database)
        self.estate.skip_to(after)

    @property
    def position(self) -> int:
        return self.estate.position

    def over(self, up_to: int) -> Iterator[Seen]:
        """What the entries up to that position show, in order. Raises CorruptEntry."""
        with self._database.reading() as transaction:
            rows = transaction.stream(
                "SELECT position, entry FROM events WHERE position > ? AND position <= ? "
                "ORDER BY position",
                (self.position, up_to),
            )
            for position, raw in rows:
                yield from self._at(position, raw)

    def _at(self, position: int, raw: bytes) -> Iterator[Seen]:
        told, estate = told_by(position, raw), self.estate
        before, after = estate.step(told)
        look = Look(position, told, before, after, estate)
        for detector in self._looking_at(told.type):
            try:
                found = _one_of_each(detector, detector.see(look))
            except LedgerError:
                raise  # the log cannot be read: that says nothing about the entry
            except Exception as error:  # noqa: BLE001 - whatever it is: it is told, and the other detectors go on
                yield Fault(
                    detector.name, detector.version, position, f"{error!r}"[:FAULT_CHARACTERS]
                )
                continue
            for one in found:
                if isinstance(one, Cured):
                    version = str(detector.version)
                    yield Whole(detector.name, position, detector.name, version, one.group)
                else:
                    yield from _violation(detector, look, one)
        estate.put(position, told, before, after)

    def _looking_at(self, type_: str) -> tuple[Detector, ...]:
        looking = self._by_type.get(type_)
        if looking is None:
            looking = tuple(one for one in self.detectors if not one.types or type_ in one.types)
            self._by_type[type_] = looking
        return looking


def _one_of_each(detector: Detector, seen: Iterable[Shown | Cured]) -> list[Shown | Cured]:
    """Two violations of one rule shown by one entry would be one finding: its hash is of rule and position."""
    found = list(seen)
    rules = [one.rule or detector.name for one in found if isinstance(one, Shown)]
    if len(rules) != len(set(rules)):
        raise ValueError(f"{detector.name} shows one rule twice at one entry: name both in one")
    return found


def _violation(detector: Detector, look: Look, shown: Shown) -> Iterator[Violation]:
    rule = shown.rule or detector.name
    severity = look.thresholds.findings.get(rule) or shown.severity or detector.severity
    if severity == OFF:
        return
    yield Violation(
        detector=detector.name,
        position=look.position,
        rule=rule,
        rule_version=shown.rule_version or str(detector.version),
        group=shown.group or look.subject,
        severity=severity,
        sentence=(shown.sentence or detector.sentence)[:LONGEST_SENTENCE],
        control=tuple(
            name[:LONGEST_TEXT]
            for name in (detector.control if shown.control is None else shown.control)
        ),
        about=_named(shown.about or (look.subject,)),
        happened_at=shown.happened_at or look.told.time,
        seen_at=look.told.recordedtime,
    )


def _named(about: Sequence[str]) -> tuple[str, ...]:
    """People first: whom a finding is about must not judge it, however much else it is about."""
    named = {one for one in about if is_subject_id(one)}
    return tuple(sorted(named, key=lambda one: (not one.startswith("principal/"), one)))[
        :MOST_NAMED
    ]
