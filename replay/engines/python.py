"""The plain engine: entry by entry in Python. It needs the memory of all states, and is the one the others are held to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import pyarrow as pa

from domain.effect import Fact
from domain.fold import patch_in_place
from replay.as_of import counted_at, state_of
from replay.engines.engine import STATES
from replay.moment import Located
from replay.whole.entries import Entries


class PythonEngine:
    def states(
        self, entries: Entries, moment: Located, families: Collection[str] | None = None
    ) -> pa.Table:
        found = _known if moment.basis == "known" else _effect
        states = found(entries, moment, families)
        subjects = sorted(states)
        return pa.table(
            {
                "subject": subjects,
                "version": [states[subject][0] for subject in subjects],
                "state": [orjson.dumps(states[subject][1]).decode() for subject in subjects],
            },
            schema=STATES,
        )


def _known(
    entries: Entries, moment: Located, families: Collection[str] | None
) -> dict[str, tuple[int, dict[str, Any]]]:
    states: dict[str, tuple[int, dict[str, Any]]] = {}
    for subject, version, fact in entries.lines():
        if fact.position <= moment.position and _is_of(subject, families):
            _, state = states.get(subject) or (0, {})
            patch_in_place(state, fact.data)
            states[subject] = (version, state)
    return states


def _effect(
    entries: Entries, moment: Located, families: Collection[str] | None
) -> dict[str, tuple[int, dict[str, Any]]]:
    facts: dict[str, list[Fact]] = {}
    for subject, _, fact in entries.lines():
        if fact.position <= moment.position and _is_of(subject, families):
            facts.setdefault(subject, []).append(fact)
    readings = {subject: counted_at(moment, its) for subject, its in facts.items()}
    return {
        subject: (reading.version, state_of(reading))
        for subject, reading in readings.items()
        if reading.version
    }


def _is_of(subject: str, families: Collection[str] | None) -> bool:
    return families is None or subject.partition("/")[0] in families
