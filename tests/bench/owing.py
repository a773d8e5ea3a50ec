"""What is owed as of any moment: a million events, a hundred thousand obligations, and one page of what stood then.

Every obligation is open before the first is settled, so that half way all of them stand at once: the most there can be.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from api.identity import LOCAL_OPERATOR
from api.owing import Owing
from domain.catalogue import EVENT_TYPES
from domain.event import Event
from domain.moments import later
from ledger.entry import Draft
from ledger.ids import new_uuid7
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import SYSTEM, View
from projections.owed import STANDINGS, OwedFilter
from projections.registry import OBLIGATIONS
from projections.runner import Runner
from projections.views import Views
from replay.moment import Moment
from tests.bench.houses import a_house, a_place
from tests.bench.measuring import Figure, seconds

OBLIGATIONS_OWED = 100_000
COMMENTS = 7
LIMIT_SECONDS = 0.2
TIMES = 7
AT_ONCE = 500
"""Subjects of one commit."""
_SAID: dict[str, str | int] = {
    "authtype": "system", "authid": SYSTEM, "recordedby": SYSTEM, "decision": "permit",
}  # fmt: skip


class Told(NamedTuple):
    event: type[Event]
    data: Mapping[str, Any]


def owing(kind: str) -> Iterator[Figure]:
    """The slowest of the moments, each a median. On PostgreSQL and SQLite alike."""
    with a_place(kind) as place, a_house(place) as house:
        ledger = house.ledger
        halfway = _owed_and_settled(ledger)
        views = Views(place.settings.resolved_views_url)
        try:
            Runner(ledger, views, [OBLIGATIONS]).run_until()
            size = ledger.head().size
            for what, ask in _questions(ledger, views, halfway).items():
                taken = statistics.median(seconds(ask) for _ in range(TIMES))
                yield Figure(
                    f"{what}, of {OBLIGATIONS_OWED:,} obligations at {size:,} events",
                    kind, taken, LIMIT_SECONDS, "s", 1.0, at_most=True,
                )  # fmt: skip
        finally:
            views.close()


def _questions(ledger: Ledger, views: Views, halfway: int) -> Mapping[str, Callable[[], object]]:
    owing = Owing(ledger, views, LOCAL_OPERATOR)
    then = ledger.entry(halfway).recordedtime
    moments = {
        "what is owed now": Moment(),
        "what was owed when all of it was, as known then": Moment(at=then, basis="known"),
        "what was owed when all of it was, in effect": Moment(at=then),
        "what was owed when a tenth of it was": Moment(position=halfway // 10),
    }
    every = OwedFilter(standing=STANDINGS)
    theirs = OwedFilter(owner="emergency-authority")
    kept: dict[str, Callable[[], object]] = {
        what: partial(owing.owed, moment, OwedFilter()) for what, moment in moments.items()
    }
    kept["what was ever owed, settled or not"] = partial(owing.owed, Moment(), every, limit=1_000)
    kept["what one role owed when all of it was"] = partial(
        owing.owed, moments["what was owed when all of it was, in effect"], theirs
    )
    return kept


def _owed_and_settled(ledger: Ledger) -> int:
    """Let all of it become owed, then eight of ten be settled. The position in between."""
    changes = [f"change/CHG{n:07d}" for n in range(1_000_001, 1_000_001 + OBLIGATIONS_OWED)]
    for first in range(0, len(changes), AT_ONCE):
        some = changes[first : first + AT_ONCE]
        due = later(ledger.now(), timedelta(seconds=first % 60))
        _tell(ledger, some, [[_DRAFTED, _BROKEN, _requested(due), *_COMMENTS] for _ in some])
    halfway = ledger.head().size
    for first in range(0, len(changes), AT_ONCE):
        some = changes[first : first + AT_ONCE]
        ends = {change: _ENDS[number % 10] for number, change in enumerate(some)}
        _tell(ledger, some, [ends[change] for change in some])
    return halfway


def _type(name: str) -> type[Event]:
    return EVENT_TYPES[f"itsm.change.{name}.v1"]


_DRAFTED = Told(_type("drafted"), {"type": "emergency", "services": {"mail": True}})
_BROKEN = Told(_type("break-glass-invoked"), {})
_COMMENTS = [Told(_type("commented"), {})] * COMMENTS
_GRANTED = Told(_type("retro-approval-granted"), {})
_LAPSED = Told(_type("retro-approval-lapsed"), {})
_ENDS: Sequence[Sequence[Told]] = (*[[_GRANTED]] * 6, *[[_LAPSED]] * 2, [], [])


def _requested(due: str) -> Told:
    return Told(_type("retro-approval-requested"), {"retro_due_at": due})


def _tell(ledger: Ledger, subjects: Sequence[str], acts: Sequence[Sequence[Told]]) -> None:
    for outcome in ledger.writer.submit([_Telling(subjects, acts)]):
        recorded(outcome)


@dataclass(slots=True)
class _Telling(Unordered):
    subjects: Sequence[str]
    acts: Sequence[Sequence[Told]]

    def settle(self, view: View) -> Sequence[Draft]:
        return [
            Draft(
                subject,
                act.event,
                {**act.event.asserts, **act.data},
                view.recordedtime,
                new_uuid7(),
                view.source,
                _SAID,
            )
            for subject, acts in zip(self.subjects, self.acts, strict=True)
            for act in acts
        ]
