"""Held states as a table: what `intervals.py` tells, in columns that a filter is fast on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from domain.effect import Fact
from domain.moments import from_text
from ledger.past import Line
from replay.whole.intervals import Held, held_states

FOREVER: Final = 2**62
"""The end of an interval that has none; beyond every position, and every moment in microseconds."""

GROUPED: Final[dict[str, type[str | int]]] = {
    "status": str,
    "assignment_group": str,
    "priority": int,
    "impact": int,
    "urgency": int,
    "service": str,
    "category": str,
    "risk": str,
}
"""Members that people count by, kept as columns: whoever asks for these reads no state."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TYPES: Final = {str: pa.string(), int: pa.int64()}
HELD: Final = pa.schema(
    [
        ("subject", pa.string()),
        ("family", pa.string()),
        ("position", pa.int64()),
        ("version", pa.int64()),
        ("known_from", pa.int64()),
        ("known_to", pa.int64()),
        ("recorded_from_us", pa.int64()),
        ("recorded_to_us", pa.int64()),
        ("effect_from_us", pa.int64()),
        ("effect_to_us", pa.int64()),
        *((name, _TYPES[kind]) for name, kind in GROUPED.items()),
        ("state", pa.string()),
    ]
)
"""`known_…`: positions, `recorded_…_us`: when those were recorded; `effect_…_us`: when it was so. `us`: microseconds since 1970.
Half open, and of no length where the next entry has the same time; null where the state was none of that basis.
"""


class Columns:
    """Held states on their way into a table."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, subject: str, held: Held) -> None:
        position, version, known, recorded, effect, state, members = held
        self._rows.append(
            (
                subject,
                subject.partition("/")[0],
                position,
                version,
                *(known or _NOT_OF_THAT_BASIS),
                *(recorded or _NOT_OF_THAT_BASIS),
                *(effect or _NOT_OF_THAT_BASIS),
                *map(members.get, GROUPED),
                state,
            )
        )

    def table(self) -> pa.Table:
        """As HELD. Afterwards there are none."""
        # One tuple for each column; without rows there would be none.
        values = list(zip(*self._rows, strict=True)) or [()] * len(HELD)
        self._rows = []
        told: dict[str, Any] = dict(zip(HELD.names, values, strict=True))
        told["known_to"] = pc.fill_null(pa.array(told["known_to"], pa.int64()), FOREVER)
        for basis in ("recorded", "effect"):
            start, end = f"{basis}_from_us", f"{basis}_to_us"
            told[start] = _microseconds(told[start])
            told[end] = pc.fill_null(_microseconds(told[end]), FOREVER)
        told |= {name: _of_kind(told[name], kind) for name, kind in GROUPED.items()}
        told["state"] = pa.array(told["state"], pa.binary()).cast(pa.string())
        return pa.table(told, schema=HELD)


_NOT_OF_THAT_BASIS: Final = (None, None)


def _of_kind(values: Sequence[Any], kind: type) -> pa.Array:
    """A value of another kind, which no registered event states, is none."""
    if not {*map(type, values)} <= {kind, type(None)}:
        values = [value if type(value) is kind else None for value in values]
    return pa.array(values, _TYPES[kind])


def microseconds(time: str) -> int:
    """Since 1970."""
    return (from_text(time) - _EPOCH) // _MICROSECOND


def _microseconds(times: Sequence[str | None]) -> pa.Array:
    """Since 1970, of canonical times."""
    return pa.array(times, pa.string()).cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def held_table(lines: Iterable[Line]) -> pa.Table:
    """Of lines in any order in which each subject's come by version."""
    facts: dict[str, list[Fact]] = {}
    for line in lines:
        facts.setdefault(line.subject, []).append(line.fact)
    columns = Columns()
    for subject in sorted(facts):
        for held in held_states(facts[subject]):
            columns.add(subject, held)
    return columns.table()


def by_subject(lines: Iterable[Line]) -> Iterator[tuple[str, list[Fact]]]:
    """Of lines in the order of their subjects."""
    for subject, its in groupby(lines, key=itemgetter(0)):
        yield subject, [line.fact for line in its]
