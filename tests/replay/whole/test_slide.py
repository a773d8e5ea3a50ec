"""Sliding from moment to moment gives at each what asking for it alone gives."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.engines.python import PythonEngine
from replay.whole.held import folded
from replay.whole.slide import Slide
from tests.replay.whole.histories import History, histories


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from([1, 6, 99]), st.data())
def test_a_slide_is_what_each_moment_alone_is(
    history: History, head: int, data: st.DataObject
) -> None:
    """Forth and back, from one basis to the other, and over the head that the base holds for."""
    entries = history.entries()
    base = folded(dataclasses.replace(entries, size=min(head, entries.size)))
    moments = st.lists(st.sampled_from(list(history.moments())), min_size=1, max_size=8)
    slide = Slide(base, entries)

    for moment in data.draw(moments):
        found = {name: (v, json.loads(text)) for name, (v, text) in slide.to(moment).items()}

        assert found == alone(history, moment)
    slide.close()


@settings(max_examples=20, deadline=None)
@given(histories())
def test_neighbours_along_the_log_and_along_time(history: History) -> None:
    """Every position, up and down; and every time, up and down, of one family only."""
    entries = history.entries()
    slide = Slide(folded(entries), entries, ["incident"])
    order = list(history.moments())
    known = [moment for moment in order if moment.basis == "known"]
    effect = [one for one in order if one.basis == "effect" and one.position == entries.size]

    for moment in [*known, *reversed(known), *effect, *reversed(effect)]:
        found = {name: (v, json.loads(text)) for name, (v, text) in slide.to(moment).items()}

        expected = alone(history, moment)
        assert found == {k: v for k, v in expected.items() if k.startswith("incident/")}
    slide.close()


def alone(history: History, moment: Any) -> dict[str, tuple[int, Any]]:
    rows = PythonEngine().states(history.entries(), moment).to_pylist()
    return {row["subject"]: (row["version"], json.loads(row["state"])) for row in rows}
