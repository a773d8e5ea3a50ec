"""One case as process mining sees it: what happened to a subject, step by step, and what stood after each.

`effect`: each fact with its correction in its place, a retracted one left out, by (time, position). `known`: every entry
as it was said, corrections among them, by position; there a clock that ran backwards shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from domain.effect import standing
from domain.moments import to_text
from ledger.database import Row
from ledger.errors import CorruptEntry
from ledger.past import facts_of
from replay.moment import Located

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
MICROSECONDS: Final = 1_000_000
"""Of a second. Times and durations inside are whole microseconds, in answers whole seconds, rounded down."""


class Step(NamedTuple):
    """`at`: microseconds since 1970. `before`, `status`, `holder`: as they stood before and after it."""

    position: int
    type: str
    at: int
    before: str | None
    status: str | None
    holder: str | None
    patch: dict[str, Any]

    @property
    def name(self) -> str:
        """`reopened` of `itsm.incident.reopened.v1`."""
        return self.type.split(".")[2] if self.type.count(".") >= 3 else self.type


@dataclass(frozen=True, slots=True)
class Case:
    """`steps` is never empty."""

    subject: str
    steps: Sequence[Step]

    @property
    def status(self) -> str | None:
        """Where it stood in the end."""
        return self.steps[-1].status

    @property
    def backwards(self) -> int:
        """Steps that are dated before the one before them."""
        return sum(later.at < earlier.at for earlier, later in pairwise(self.steps))


class _Told(msgspec.Struct):
    type: str
    time: str
    data: dict[str, Any]
    corrects: int | None = None


class _Happened(NamedTuple):
    time: str
    position: int
    type: str
    patch: dict[str, Any]


_TOLD: Final = msgspec.json.Decoder(_Told)
HolderPath = tuple[str, ...]
"""Where a state says who has the case: `("assignment_group",)`, or `("source", "organization")`."""


def steps_of(rows: Sequence[Row], located: Located, held_by: HolderPath) -> list[Step]:
    """The (position, bytes, …) of one subject's entries as steps. Raises CorruptEntry."""
    told = [(row[0], _told(row[0], row[1])) for row in rows]
    if located.basis == "known":
        happened = [_Happened(one.time, position, one.type, one.data) for position, one in told]
    else:
        happened = sorted(_in_effect(rows, told, located.at or ""), key=_by_effect)
    return list(_folded(happened, held_by))


def _told(position: int, raw: bytes) -> _Told:
    try:
        return _TOLD.decode(raw)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise CorruptEntry(
            f"the entry at position {position} cannot be read: {fault!r}", position=position
        ) from fault


def _in_effect(
    rows: Sequence[Row], told: Sequence[tuple[int, _Told]], until: str
) -> Iterator[_Happened]:
    if all(one.corrects is None for _, one in told):
        yield from (
            _Happened(one.time, position, one.type, one.data)
            for position, one in told
            if one.time <= until
        )
        return
    types = {position: one.type for position, one in told}
    for fact in standing(facts_of(row[:2] for row in rows)):
        is_retracted = fact.said_by != fact.position and not fact.data
        if not is_retracted and fact.time <= until:
            yield _Happened(fact.time, fact.position, types[fact.position], fact.data)


def _by_effect(one: _Happened) -> tuple[str, int]:
    return one.time, one.position


def _folded(happened: Iterable[_Happened], held_by: HolderPath) -> Iterator[Step]:
    status: str | None = None
    holder: Any = None
    for time, position, type_, patch in happened:
        before = status
        if "status" in patch:
            status = named(patch["status"])
        holder = member_after(holder, patch, held_by)
        at = microseconds(time, position)
        yield Step(position, type_, at, before, status, named(holder), patch)


def member_after(before: Any, patch: Any, path: HolderPath) -> Any:
    """What stands at `path` after an RFC 7396 patch of a state where `before` stood there. None: nothing.

    The fold of that one place, without the rest of the state.
    """
    for name in path:
        if not isinstance(patch, dict):
            return None
        if name not in patch:
            return before
        patch = patch[name]
    # An object is not followed: what holds a case is a word.
    return None if isinstance(patch, dict) else patch


def named(value: Any) -> str | None:
    """A value as a name: text as it is, what is none as JSON writes it. None and empty text: nobody."""
    if isinstance(value, str):
        return value or None
    return None if value is None else msgspec.json.encode(value).decode()


def microseconds(time: str, position: int) -> int:
    """Raises CorruptEntry for a time that is none."""
    try:
        return (datetime.fromisoformat(time) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError) as fault:
        raise CorruptEntry(
            f"the entry at position {position} is dated {time!r}", position=position
        ) from fault


def moment_text(at: int) -> str:
    return to_text(_EPOCH + at * _MICROSECOND)
