"""What is owed, or was at any moment: the questions that are put to `obligations.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import orjson
from sqlalchemy import ColumnElement, Table, and_, case, select

from domain.errors import Malformed
from domain.obligations import Kind
from projections.obligations import Obligations
from projections.paging import Order, page_of
from projections.projection import Answer, Tables
from projections.views import Views

Standing = Literal["open", "overdue", "met", "met-late", "lapsed", "cancelled"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
OWED: Final[tuple[Standing, ...]] = ("open", "overdue")
_TOLD: Final = (
    "subject", "kind", "item", "owners", "services", "due_at", "arose_at", "arose_position", "until_at",
    "until_position",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment to look from. `position`: by what was recorded up to there. `moment`: what is due before it, is overdue.

    `happened_by`: of that, what happened by then alone (the basis effect); None: all (the basis known). Both are
    RFC 3339 UTC text with microseconds.
    """

    position: int
    moment: str
    happened_by: str | None = None


@dataclass(frozen=True, slots=True)
class OwedFilter:
    """What is asked for; empty, or None, asks for all. `owner`: a principal's id, or a role's name."""

    standing: Sequence[Standing] = OWED
    kinds: Sequence[Kind] = ()
    owner: str | None = None
    subject: str | None = None


_OBLIGATIONS = Obligations()


def what_is_owed(
    views: Views,
    as_of: AsOf,
    wanted: OwedFilter | None = None,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of obligations as they stood, the earliest due first. `position` is that of the answer.

    Each row: `subject`, `kind`, `item` (None where there is one of the kind), `owners`, `services`, `due_at`, `state`,
    `arose_at` and `arose_position` of the entry that made it owed, `settled_at` and `settled_position` (None as long
    as it is owed). Raises Malformed for a limit, cursor, kind or standing that is none, and ViewNotReady.
    """
    asked = wanted or OwedFilter()
    _check(asked.kinds, KINDS, "kind")
    _check(asked.standing, STANDINGS, "state")
    with views.reading(_OBLIGATIONS) as reading:
        position = min(as_of.position, reading.position)
        seen = AsOf(position, as_of.moment, as_of.happened_by)
        table = reading.tables["obligations"]
        ended = _ended(table, seen)
        standing = _standing(table, ended, seen.moment)
        order = Order("due_at", table.c.due_at, table.c.id)
        columns = [table.c.id, *(table.c[name] for name in _TOLD), standing.label("state")]
        stands = _stands(ended, standing, asked.standing or STANDINGS)
        conditions = [*_begun(table, seen), stands, *_conditions(reading.tables, asked)]
        found = page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)
    return Answer(position, [_told(row) for row in found.rows], found.next_cursor)


def _check(given: Sequence[str], known: Sequence[str], what: str) -> None:
    for one in given:
        if one not in known:
            raise Malformed(f"expected a {what} of {', '.join(known)}; got {one!r}")


def _begun(table: Table, seen: AsOf) -> list[ColumnElement[bool]]:
    begun = [table.c.since_position <= seen.position]
    if seen.happened_by is not None:
        begun.append(table.c.since_at <= seen.happened_by)
    return begun


def _ended(table: Table, seen: AsOf) -> ColumnElement[bool]:
    ended = table.c.until_position <= seen.position
    return ended if seen.happened_by is None else and_(ended, table.c.until_at <= seen.happened_by)


def _standing(table: Table, ended: ColumnElement[bool], moment: str) -> ColumnElement[str]:
    late = and_(table.c.outcome == "met", table.c.until_at > table.c.due_at)
    return case(
        (and_(ended, late), "met-late"),
        (ended, table.c.outcome),
        (table.c.due_at < moment, "overdue"),
        else_="open",
    )


def _stands(
    ended: ColumnElement[bool],
    standing: ColumnElement[str],
    asked: Sequence[Standing],
) -> ColumnElement[bool]:
    """An interval that goes on in another one stands as nothing.

    Said by the plain columns first, so that an index can leave out what was settled long ago.
    """
    among = standing.in_(asked)
    return and_(~ended, among) if set(asked) <= set(OWED) else among


def _conditions(tables: Tables, wanted: OwedFilter) -> list[ColumnElement[bool]]:
    table, owned = tables["obligations"], tables["owned"]
    conditions: list[ColumnElement[bool]] = []
    if wanted.kinds:
        conditions.append(table.c.kind.in_(wanted.kinds))
    if wanted.subject is not None:
        conditions.append(table.c.subject == wanted.subject)
    if wanted.owner is not None:
        theirs = select(owned.c.id).where(owned.c.owner == wanted.owner)
        conditions.append(table.c.id.in_(theirs))
    return conditions


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in _TOLD if not name.startswith("until_")}
    is_settled = row["state"] not in OWED
    return {
        **told,
        "item": row["item"] or None,
        "owners": orjson.loads(row["owners"]),
        "services": orjson.loads(row["services"]),
        "state": row["state"],
        "settled_at": row["until_at"] if is_settled else None,
        "settled_position": row["until_position"] if is_settled else None,
    }
