"""Is everything that was made from the log what the log makes of it?

Snapshots, owners, rosters and read models are derived: no leaf hash covers them, but decisions and answers
do rest on them. Here they are made again and compared, and so are the populations that access reviews name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from domain.errors import LedgerError
from domain.event import Json
from domain.fold import merge_patch
from ledger.database import Database, Row
from ledger.entry import parse_entry
from ledger.errors import CorruptEntry
from ledger.stored import StoredSnapshot, stored_by_subject, stored_snapshots, stored_subjects
from ledger.view import SYSTEM
from projections.compare import compare_rebuilt
from projections.errors import ViewNotReady
from projections.feed import Feed
from projections.registry import PROJECTIONS
from projections.views import Views
from projections.violations import Violations
from replay.detection.verify import finding_problems
from replay.report import Problem, Problems, Report
from replay.verify import Progress, verify
from replay.verify_reviews import check_reviews
from replay.verify_rosters import RosterCheck

SUBJECTS_AT_ONCE = 1_000

Comparison = Callable[[], Sequence[Problem]]
"""Makes something again from the log, and tells where it differs."""


def verify_deep(
    database: Database,
    checkpoints: Sequence[str] = (),
    comparisons: Sequence[Comparison] = (),
    progress: Progress | None = None,
) -> Report:
    """As `verify`; then every subject is folded and compared with its snapshots, its owner and the rosters
    it stands on, the populations of access reviews are counted again, and `comparisons` are made. Progress
    counts entries twice over: hashed, then folded.
    """
    told = progress or _silent
    report = verify(database, checkpoints, lambda done, total: told(done, 2 * total))
    problems = Problems()
    _fold_all(database, report.size, problems, told)
    check_reviews(database, report.size, problems)
    for compare in comparisons:
        for problem in compare():
            problems.add(problem.position, problem.kind, problem.message)
    return _joined(report, problems)


def read_model_comparisons(feed: Feed, views: Views) -> list[Comparison]:
    """One for each projection. Those that were never built are not compared."""
    return [_read_model_comparison(feed, views, projection.name) for projection in PROJECTIONS]


def finding_comparison(database: Database, feed: Feed, violations: Violations) -> Comparison:
    """Every detector walks the log again: findings that are missing, or that nothing shows."""

    def compare() -> list[Problem]:
        # In this order: what is raised meanwhile is untold here, or is in the log by then.
        examined, untold = violations.look(), violations.untold_keys()
        size = feed.head().size
        try:
            return finding_problems(database, size, examined, untold=untold)
        except CorruptEntry:
            return []  # `verify` has told of it

    return compare


def _read_model_comparison(feed: Feed, views: Views, name: str) -> Comparison:
    def compare() -> list[Problem]:
        try:
            differences = compare_rebuilt(feed, views, name)
        except ViewNotReady:
            return []
        except LedgerError as error:
            position = error.facts.get("position", 1)
            at = position if isinstance(position, int) else 1
            return [Problem(at, "read-model", f"{name} cannot be rebuilt: {error}")]
        return [
            Problem(
                1,
                "read-model",
                f"{found.projection}: row {found.key} of {found.table} is {found.live}, "
                f"the log makes it {found.rebuilt}",
            )
            for found in differences
        ]

    return compare


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def _joined(report: Report, deep: Problems) -> Report:
    problems = Problems()
    for problem in (*report.problems, *deep):
        problems.add(problem.position, problem.kind, problem.message)
    unlisted = report.unlisted + deep.unlisted + problems.unlisted
    return replace(report, problems=tuple(problems), unlisted=unlisted)


def _fold_all(database: Database, size: int, problems: Problems, progress: Progress) -> None:
    subjects = {key: (name, owner) for key, name, owner in stored_subjects(database)}
    keys = sorted(subjects)
    done = 0
    rosters = RosterCheck(database, problems)
    # By keys that exist: a forged one may lie anywhere.
    for at in range(0, len(keys), SUBJECTS_AT_ONCE):
        chunk = keys[at : at + SUBJECTS_AT_ONCE]
        first, end = chunk[0], chunk[-1] + 1
        fold = _SubjectFold(stored_snapshots(database, first, end), problems, rosters)
        seen: set[int] = set()
        for key, rows in groupby(stored_by_subject(database, first, end), itemgetter(0)):
            name, owner = subjects.get(key, (f"the subject with key {key}", None))
            done += fold.take(key, name, owner, rows)
            seen.add(key)
        fold.tell_leftover(subjects)
        for key in sorted(set(chunk) - seen):
            problems.add(1, "owner", f"{subjects[key][0]} is a known subject without any entry")
        progress(size + min(done, size), 2 * size)
    rosters.compare()


class _SubjectFold:
    """Snapshots are read before entries, so that each has its entries however the log grows."""

    def __init__(
        self,
        snapshots: dict[tuple[int, int], StoredSnapshot],
        problems: Problems,
        rosters: RosterCheck,
    ) -> None:
        self._snapshots, self._problems, self._rosters = snapshots, problems, rosters

    def take(self, key: int, name: str, owner: str | None, rows: Iterator[Row]) -> int:
        """How many entries were folded."""
        state: dict[str, Json] = {}
        folded = 0
        for _, version, position, raw in rows:
            snapshot = self._snapshots.pop((key, version), None)
            try:
                said = parse_entry(raw or b"", position)
            except CorruptEntry:
                # `verify` has told of it. Whatever follows cannot be folded.
                self._forget(key)
                break
            before, state = state, merge_patch(state, said["data"])
            self._rosters.take(name, position, before, state)
            folded += 1
            if version == 1 and owner != _owner_by(said):
                told = f"{name} belongs to {owner}, its first entry says {_owner_by(said)}"
                self._problems.add(position, "owner", told)
            if snapshot is not None and not _is_snapshot_of(snapshot, position, state):
                told = f"the snapshot of {name} at version {version} is not the fold of its entries"
                self._problems.add(position, "snapshot", told)
        return folded

    def _forget(self, key: int) -> None:
        for at in [at for at in self._snapshots if at[0] == key]:
            del self._snapshots[at]

    def tell_leftover(self, subjects: Mapping[int, tuple[str, str | None]]) -> None:
        for key, version in self._snapshots:
            name = subjects.get(key, (f"the subject with key {key}", None))[0]
            told = f"a snapshot of {name} stands at version {version}, which it does not have"
            self._problems.add(1, "snapshot", told)


def _owner_by(said: Mapping[str, Any]) -> str | None:
    """Whoever observed the first entry owns the subject; what the ledger itself noted is its own."""
    recorder = said.get("recordedby")
    is_observed = said.get("decision") == "observed" and recorder != SYSTEM
    return str(recorder) if is_observed else None


def _is_snapshot_of(snapshot: StoredSnapshot, position: int, state: Mapping[str, Json]) -> bool:
    try:
        told = orjson.loads(snapshot.state)
    except (ValueError, TypeError):
        return False
    return bool(told == state) and snapshot.position == position
