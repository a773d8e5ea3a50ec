"""Whatever happened: what is owed at a position is what the fold up to there says, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import EVENT_TYPES, Event
from domain.fold import merge_patch
from domain.obligations import obligations_of
from projections.obligations import Obligations
from projections.owed import AsOf, what_is_owed
from projections.runner import Runner
from projections.views import Views
from tests.projections.desk import Desk

SUBJECTS = {
    "change": "change/C1", "incident": "incident/I1", "problem": "problem/P1", "grant": "grant/G1",
    "finding": "finding/F1", "review": "review/R1",
}  # fmt: skip
TYPES = [event for event in EVENT_TYPES.values() if event.family.name in SUBJECTS]
MOMENT = "2026-03-15T00:00:00.000000Z"


def folded(desk: Desk, position: int) -> set[tuple[str, str, str, str]]:
    states: dict[str, Mapping[str, Any]] = {}
    for entry in desk.written[:position]:
        states[entry.subject] = merge_patch(dict(states.get(entry.subject, {})), entry.data)
    return {
        (subject, one.kind, one.item, one.due)
        for subject, state in states.items()
        for one in obligations_of(subject, state)
        if one.ended is None
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TYPES), min_size=1, max_size=40), st.integers(1, 7))
def test_what_is_owed_at_each_position_is_what_the_fold_says(
    happened: list[type[Event]], batch: int
) -> None:
    desk = Desk()
    for event in happened:
        desk.tell(event, SUBJECTS[event.family.name], event.example)
    views = Views("sqlite://")

    Runner(desk, views, [Obligations()], batch_events=batch).run_until()

    for position in range(1, len(happened) + 1):
        found = what_is_owed(views, AsOf(position, MOMENT), limit=1_000)
        rows = {
            (row["subject"], row["kind"], row["item"] or "", row["due_at"]) for row in found.rows
        }
        assert rows == folded(desk, position)
    views.close()
