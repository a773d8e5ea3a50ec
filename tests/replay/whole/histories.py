"""Histories that no importer would write, as raw entries: what a fold must do alike in every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from domain.effect import Fact, correction_data
from ledger.past import line_of
from replay.moment import Located
from replay.whole.entries import Entries

SUBJECTS = ("incident/INC0010001", "incident/INC0010002", "change/CHG0010001")
TIMES = tuple(f"2026-03-0{day}T09:00:00.000000Z" for day in range(1, 8))
"""Few, so that ties are common."""
NAMES = ("status", "priority", "group", "links", "é")

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2**31, 2**53 - 1, -(2**53) + 1]),
    st.sampled_from(["", "new", "null", 'ü\n"\\', "\u0000", "🦊", "2026-03-01T09:00:00.000000Z"]),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
patches = st.dictionaries(st.sampled_from(NAMES), _values, max_size=4)


@dataclass
class History:
    """A log of raw entries, kept as the ledger would keep it: positions, versions, corrections' own data."""

    rows: list[tuple[int, bytes]] = field(default_factory=list)
    facts: dict[str, list[Fact]] = field(default_factory=dict)

    def says(self, subject: str, time: str, data: dict[str, Any]) -> int:
        position = len(self.rows) + 1
        return self._put(subject, Fact(position, time, "", data))

    def corrects(
        self, target: int, time: str, replacement: dict[str, Any], effectivetime: str | None
    ) -> int:
        subject = next(
            name for name, facts in self.facts.items() if any(f.position == target for f in facts)
        )
        bare = Fact(len(self.rows) + 1, time, "", {}, target, replacement, effectivetime)
        data = correction_data(self.facts[subject], bare)
        return self._put(subject, bare._replace(data=data))

    def _put(self, subject: str, fact: Fact) -> int:
        told: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"e-{fact.position}",
            "type": "itsm.test.said.v1",
            "subject": subject,
            "time": fact.time,
            "recordedtime": f"2026-04-01T{fact.position:02d}:00:00.000000Z",
            "subjectversion": len(self.facts.get(subject, ())) + 1,
        }
        if fact.corrects is not None:
            told |= {"corrects": fact.corrects, "replacement": json.dumps(fact.replacement)}
        if fact.effectivetime is not None:
            told["effectivetime"] = fact.effectivetime
        raw = json.dumps({**told, "data": fact.data}, ensure_ascii=False).encode()
        self.facts.setdefault(subject, []).append(line_of(fact.position, raw).fact)
        self.rows.append((fact.position, raw))
        return fact.position

    def entries(self) -> Entries:
        return Entries(len(self.rows), self.read, self.read_subject)

    def read(self, after: int, up_to: int) -> Sequence[tuple[int, bytes]]:
        return self.rows[after:up_to]

    def read_subject(self, subject: str) -> Sequence[tuple[int, bytes]]:
        return [self.rows[fact.position - 1] for fact in self.facts.get(subject, ())]

    def moments(self) -> Iterator[Located]:
        """Every position on the basis known, and every time as known at every position."""
        for position in range(1, len(self.rows) + 1):
            yield Located("known", position)
            for time in TIMES:
                yield Located("effect", position, time)


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History()
    for _ in range(draw(st.integers(1, 12))):
        time = draw(st.sampled_from(TIMES))
        targets = [f.position for its in history.facts.values() for f in its if f.corrects is None]
        if targets and draw(st.integers(0, 3)) == 0:
            moved = draw(st.one_of(st.none(), st.sampled_from(TIMES)))
            history.corrects(draw(st.sampled_from(targets)), time, draw(patches), moved)
        else:
            history.says(draw(st.sampled_from(SUBJECTS)), time, draw(patches))
    return history
