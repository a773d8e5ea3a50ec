"""The examiner: lets the detectors follow the log, and raises what they find, each violation once.

What a stretch of the log shows and how far the detectors came are one transaction; what the log does not tell yet is
told then, under a key of its own. So whatever is interrupted is neither lost nor said twice, and any number of
processes may examine. What is seen again is counted, and the log told of it once a minute at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from threading import Event
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.command import Command
from domain.errors import CanNot, LedgerError
from domain.event import State
from domain.finding import OPEN, RaiseFinding, RecordRecurrence, RemediateFinding, ReopenFinding
from domain.moments import later
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.taken import Request
from ledger.view import SYSTEM
from ledger.writer import Outcome, Recorded
from projections.violations import Failed, Key, Named, Sightings, Tallied, Violations
from replay.detection.detector import Detector
from replay.detection.examine import Examination, Fault, Violation, Whole
from replay.detection.openings import unauthorized_changes
from replay.detection.registry import DETECTORS

STRETCH_ENTRIES: Final = 2_000
"""Of a detector that is far behind so many are examined before those at the head are looked at again."""
GROUP_FINDINGS: Final = 500
AGAIN: Final = timedelta(minutes=1)
"""How often at most the log is told that a violation was seen again."""
RETRY: Final = timedelta(minutes=10)
"""A policy that refuses the system is asked again so much later: each refusal is recorded."""
POLL_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0
CLIENT: Final = "findings"

Progress = Callable[[int, int], None]
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Examiner:
    """One for each process that examines; its own thread alone uses it."""

    ledger: Ledger
    violations: Violations
    detectors: Sequence[Detector] = DETECTORS
    failure: str | None = None
    """The code of what went wrong with the last look; None: nothing."""
    _walks: list[Examination] | None = None
    _waiting: dict[Key, str] = field(default_factory=dict)
    """What the log was told of, or refused, lately → when to tell again."""

    def run(self, stop: Event) -> None:
        """Follow the log until `stop` is set. What fails is told, and tried again."""
        while not stop.is_set():
            try:
                busy = self.step()
                self.failure = None
            except (LedgerError, SQLAlchemyError) as error:
                # What the database of the read models says may hold values: its kind is told, and no more.
                code = error.code if isinstance(error, LedgerError) else type(error).__name__
                if self.failure != code:
                    _log.error("examination-failed", code=code)
                self.failure, self._walks = code, None
                stop.wait(RETRY_SECONDS)
                continue
            if not busy:
                self.ledger.database.wait_for_append(POLL_SECONDS)

    def run_until(self, progress: Progress = lambda done, total: None) -> None:  # noqa: ARG005 - a listener need not listen
        """Return once everything up to the head of now is examined and told. Raises LedgerError."""
        head = self.ledger.head().size
        while self._slowest() < head:
            self._examine(head)
            progress(self._slowest(), head)
        while self._tell():
            pass

    def step(self) -> bool:
        """One stretch for each walk that is behind, and what it gave to tell. False: there was nothing to do."""
        examined = self._examine(self.ledger.head().size)
        return self._tell() or examined

    # Examining

    def _slowest(self) -> int:
        return min((walk.position for walk in self._begun()), default=self.ledger.head().size)

    def _begun(self) -> list[Examination]:
        """Detectors that came equally far walk together."""
        if self._walks is None:
            by_name = {Named(one.name, one.version): one for one in self.detectors}
            at = sorted(self.violations.positions(by_name).items(), key=lambda one: one[1])
            self._walks = [
                Examination(self.ledger.database, [by_name[name] for name, _ in group], position)
                for position, group in groupby(at, key=lambda one: one[1])
            ]
        return self._walks

    def _examine(self, head: int) -> bool:
        walks = [walk for walk in self._begun() if walk.position < head]
        for walk in walks:
            sightings = _sightings(walk, min(head, walk.position + STRETCH_ENTRIES))
            if not self.violations.take(sightings):
                if not self._followed(walk):
                    self._walks = None
                return True
            if sightings.failed:
                first = sightings.failed[0]._asdict()
                _log.error("detector-failed", entries=len(sightings.failed), **first)
        return bool(walks)

    def _followed(self, walk: Examination) -> bool:
        """Another process was faster: go to where it is, without a word. False: it has not come as far as this walk."""
        came = self.violations.look()
        at = {came.get(Named(one.name, one.version), 0) for one in walk.detectors}
        if len(at) != 1 or walk.position > max(at):
            return False
        for _ in walk.over(max(at)):
            pass
        return True

    # Telling

    def _tell(self) -> bool:
        now = self.ledger.now()
        self._waiting = {key: at for key, at in self._waiting.items() if at > now}
        untold = self.violations.untold(GROUP_FINDINGS, but=self._waiting)
        if not untold:
            return False
        new = [one for one in untold if not one.told]
        again = [one for one in untold if one.told]
        told = [
            one
            for one, outcome in zip(new, self._raise(new), strict=True)
            if self._raised(one, outcome, now)
        ]
        # Before it is noted that they are raised: whoever is interrupted here orders them again, under the same key.
        told = self._opened(told, now)
        told += [one for one in again if self._told_again(one, now)]
        self.violations.tell(told)
        return bool(told)

    def _raised(self, one: Tallied, outcome: Outcome, now: str) -> bool:
        if not self._is_taken(one, outcome, now):
            return False
        assert isinstance(outcome, Recorded)
        one.finding, one.told = outcome.receipts[-1].subject, one.count
        if (
            outcome.replayed
        ):  # it was raised before, and the process ended before it could note that
            one.told = int(self.ledger.load(one.finding).state["count"])
        return True

    def _opened(self, raised: Sequence[Tallied], now: str) -> list[Tallied]:
        """Those of which everything is ordered that follows from them; the others wait."""
        follows = [
            (one, order)
            for one in raised
            for order in unauthorized_changes([(one.key.rule, one.key.about)])
        ]
        outcomes = self._submit([order for _, order in follows])
        refused = {
            one.key
            for (one, _), outcome in zip(follows, outcomes, strict=True)
            # One whose change was authorized meanwhile refuses it, as it should.
            if not isinstance(outcome, CanNot) and not self._is_taken(one, outcome, now)
        }
        return [one for one in raised if one.key not in refused]

    def _raise(self, new: Sequence[Tallied]) -> Iterable[Outcome]:
        orders = [_order(_raising(one), request=_request(one.key)) for one in new]
        return self._submit(orders)

    def _submit(self, orders: Sequence[Order]) -> list[Outcome]:
        return (
            self.ledger.writer.submit([self.ledger.undecided(order) for order in orders])
            if orders
            else []
        )

    def _told_again(self, one: Tallied, now: str) -> bool:
        finding = str(one.finding)
        state = self.ledger.load(finding).state
        orders = [_order(command, finding) for command in _following(one, state)]
        if not all(self._is_taken(one, outcome, now) for outcome in self._submit(orders)):
            return False
        one.told, one.told_whole = one.count, one.whole
        self._waiting[one.key] = later(now, AGAIN)
        return True

    def _is_taken(self, one: Tallied, outcome: Outcome, now: str) -> bool:
        if isinstance(outcome, Recorded):
            return True
        self._waiting[one.key] = later(now, RETRY)
        _log.warning("finding-refused", rule=one.key.rule, about=one.key.about, code=outcome.code)
        return False


def _sightings(walk: Examination, up_to: int) -> Sightings:
    found = Sightings(
        [Named(one.name, one.version) for one in walk.detectors], walk.position, up_to
    )
    versions = {one.name: one.version for one in walk.detectors}
    for seen in walk.over(up_to):
        match seen:
            case Violation():
                key = Key(seen.rule, seen.rule_version, seen.group)
                detector = Named(seen.detector, versions[seen.detector])
                found.saw(key, detector, seen.position, _first(seen))
            case Whole():
                found.whole[Key(seen.rule, seen.rule_version, seen.group)] = seen.position
            case Fault():
                found.failed.append(Failed(seen.detector, seen.version, seen.position, seen.error))
    return found


def _first(seen: Violation) -> dict[str, object]:
    return {
        "severity": seen.severity,
        "sentence": seen.sentence,
        "controls": dict.fromkeys(seen.control, True),
        "about": dict.fromkeys(seen.about, True),
        "happened_at": seen.happened_at,
        "seen_at": seen.seen_at,
    }


def _raising(one: Tallied) -> Command:
    return RaiseFinding(
        rule=one.key.rule,
        rule_version=one.key.rule_version,
        group=one.key.about,
        first_position=one.first_position,
        last_position=one.last_position,
        count=one.count,
        **one.first,
    )


def _following(one: Tallied, state: State) -> Iterator[Command]:
    """What the log is to be told of a finding that was raised before."""
    status, evidence = state["status"], state.get("evidence_position", 0)
    # Who begins anew, because the read models were lost, is told old news first: what the log says is not undone by it.
    last = max(one.last_position, state["last_position"])
    if one.count > state["count"]:
        yield RecordRecurrence(count=one.count, last_position=one.last_position)
    if status == "remediated" and last > evidence:
        yield ReopenFinding(cause="recurred")
        status = "raised"
    if one.whole > max(last, evidence) and status in (*OPEN, "risk_accepted"):
        yield RemediateFinding(evidence_position=one.whole)


def _order(command: Command, subject: str | None = None, request: Request | None = None) -> Order:
    return Order(command, Actor(SYSTEM, "system"), subject, request=request)


def _request(key: Key) -> Request:
    """The same for whoever raises it, and whenever."""
    told = hashlib.sha256("\n".join(key).encode())
    return Request(CLIENT, told.hexdigest(), told.digest())
