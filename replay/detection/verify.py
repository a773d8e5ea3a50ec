"""Are the findings those that the log shows: none missing, none invented?

Every detector walks the whole log again, and what it sees is compared with what was raised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.event import State
from domain.finding import FindingRaised, finding_hash
from ledger.database import Database
from ledger.past import entries_of_family
from projections.violations import Key, Named
from replay.detection.detector import Detector
from replay.detection.examine import Examination, Violation
from replay.detection.registry import DETECTORS
from replay.estate import told_by
from replay.report import Problem


@dataclass(slots=True)
class _Raised:
    """A finding as the log tells it: the position where it was raised, what that says, and its count now."""

    finding: str
    position: int
    said: State
    last_position: int
    count: int
    seen: int = 0
    """How often the detectors see it up to `last_position`."""


def finding_problems(
    database: Database,
    size: int,
    examined: Mapping[Named, int],
    detectors: Sequence[Detector] = DETECTORS,
    untold: Collection[Key] = (),
) -> list[Problem]:
    """`examined`: how far each detector came; what is behind that is not missing yet, nor is what is `untold`: seen, and
    to be raised. Both are read before `size` is.

    Findings of a former version of a detector stand; only their hash is checked. Raises CorruptEntry.
    """
    raised: dict[Key, _Raised] = {}
    problems = list(_gather(database, size, raised))
    first: dict[Key, Violation] = {}
    for seen in Examination(database, detectors).over(size):
        if isinstance(seen, Violation):
            key = Key(seen.rule, seen.rule_version, seen.group)
            first.setdefault(key, seen)
            found = raised.get(key)
            if found is not None and seen.position <= found.last_position:
                found.seen += 1
    versions = {one.name: one.version for one in detectors}
    for key, found in raised.items():
        if key in first:
            problems += _differences(found, first[key])
        elif not _is_former(key, versions):
            told = f"{found.finding} says that {key.about} breaks {key.rule}, which the log does not show"
            problems.append(Problem(found.position, "finding", told))
    for key, seen in first.items():
        came = examined.get(Named(seen.detector, versions[seen.detector]), 0)
        if key not in raised and seen.position <= came and key not in untold:
            told = f"that {key.about} breaks {key.rule} was seen, and no finding was raised"
            problems.append(Problem(seen.position, "finding", told))
    return problems


def _is_former(key: Key, versions: Mapping[str, int]) -> bool:
    """Is it of a version of a known detector that came before this one? What that saw is not known here."""
    version = key.rule_version
    return version.isdecimal() and 0 < int(version) < versions.get(key.rule, 0)


def _gather(database: Database, size: int, raised: dict[Key, _Raised]) -> Iterator[Problem]:
    by_finding: dict[str, _Raised] = {}
    for one in entries_of_family(database, "finding", size):
        said = told_by(one.position, one.raw)
        if said.type == FindingRaised.type_name:
            yield from _gathered(one.subject, one.position, said.data, raised, by_finding)
        elif "count" in said.data and one.subject in by_finding:
            known = by_finding[one.subject]
            known.count, known.last_position = said.data["count"], said.data["last_position"]


def _gathered(
    finding: str,
    position: int,
    said: State,
    raised: dict[Key, _Raised],
    by_finding: dict[str, _Raised],
) -> Iterator[Problem]:
    key = Key(said["rule"], said["rule_version"], said["group"])
    if said["hash"] != finding_hash(key.rule, key.rule_version, said["first_position"]):
        yield Problem(position, "finding", f"{finding} is not what its hash says")
    if key in raised:
        told = f"{finding} says again what {raised[key].finding} says"
        yield Problem(position, "finding", told)
        return
    raised[key] = by_finding[finding] = _Raised(
        finding, position, said, said["last_position"], said["count"]
    )


def _differences(found: _Raised, seen: Violation) -> Iterator[Problem]:
    shown = {
        "first_position": seen.position,
        "severity": seen.severity,
        "sentence": seen.sentence,
        "controls": dict.fromkeys(seen.control, True),
        "about": dict.fromkeys(seen.about, True),
        "happened_at": seen.happened_at,
        "seen_at": seen.seen_at,
    }
    for member, value in shown.items():
        if found.said[member] != value:
            told = f"{found.finding} says {member} {found.said[member]}, the log shows {value}"
            yield Problem(found.position, "finding", told)
    if found.count != found.seen:
        told = f"{found.finding} counts {found.count}, the log shows {found.seen}"
        yield Problem(found.position, "finding", told)
