"""Whatever happened, and wherever batches were cut: the tables are those of a rebuild in one go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from domain.event import EVENT_TYPES, Event
from ledger.entry import Entry
from projections.activity import ActivityByActor
from projections.projection import Projection, Tables
from projections.registry import PROJECTIONS as REGISTERED
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import ADA, BEN, Desk

SUBJECTS = (
    "incident/I1", "incident/I2", "request/R1", "problem/P1", "fact/F1", "change/C1", "change/C2",
    "freeze/Z1", "grant/G1", "grant/G2", "role/R1", "principal/PRN1",
)  # fmt: skip
TYPES = [
    t for t in EVENT_TYPES.values() if t.family.name in {s.partition("/")[0] for s in SUBJECTS}
]


class FragileCount(ActivityByActor):
    """Cannot take every seventh entry, and says so only after it has written."""

    name = "fragile"

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        super().apply(connection, tables, batch)
        if any(entry.position % 7 == 0 for entry in batch):
            raise LookupError


PROJECTIONS: tuple[Projection, ...] = (*REGISTERED, FragileCount())

happenings = st.lists(
    st.tuples(
        st.sampled_from(TYPES), st.integers(0, 1), st.integers(1, 28), st.sampled_from([ADA, BEN])
    ),
    min_size=1,
    max_size=60,
)


def told(happened: list[tuple[type[Event], int, int, str]]) -> Desk:
    desk = Desk()
    for event, which, day, actor in happened:
        subjects = [s for s in SUBJECTS if s.startswith(event.family.name + "/")]
        desk.tell(event, subjects[which % len(subjects)], event.example, day=day, actor=actor)
    return desk


def tables(desk: Desk, cuts: Sequence[int]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, after batches of these sizes in turn."""
    views = Views("sqlite://")
    try:
        for size in (*cuts, len(desk.written)):
            runner = Runner(desk, views, PROJECTIONS, batch_events=size)
            runner.prepare()
            runner.step()
        found: dict[str, list[tuple[Any, ...]]] = {}
        for projection in PROJECTIONS:
            with views.reading(projection) as reading:
                assert reading.position == len(desk.written)
                for name, table in reading.tables.items():
                    rows = reading.connection.execute(
                        select(table).order_by(*table.primary_key.columns)
                    )
                    found[f"{projection.name}.{name}"] = [tuple(row) for row in rows]
        found["parked"] = [(p.position,) for p in runner.parked("fragile")]
        return found
    finally:
        views.close()


@settings(max_examples=60, deadline=None)
@given(happened=happenings, cuts=st.lists(st.integers(1, 9), max_size=12))
def test_where_batches_were_cut_does_not_show(
    happened: list[tuple[type[Event], int, int, str]], cuts: list[int]
) -> None:
    desk = told(happened)

    assert tables(desk, cuts) == tables(desk, [])
