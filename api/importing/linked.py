"""Columns that name other records: when one changes, the old link goes and the new one comes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from api.importing.cells import Cells, Layout
from api.importing.schema import LinkTo
from domain.event import Json

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]")
ID_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class LinkColumn:
    name: str
    index: int
    bit: int
    link: LinkTo


def link_columns(links: Mapping[str, LinkTo], layout: Layout) -> tuple[LinkColumn, ...]:
    return tuple(
        LinkColumn(name, layout.index(name), layout.mask([name]), link)
        for name, link in links.items()
    )


def unlinked(columns: tuple[LinkColumn, ...], mask: int, previous: Cells) -> dict[str, Json]:
    """The links that no longer hold, by id, each None."""
    return {
        link_id(column.name, cell): None
        for column in columns
        if mask & column.bit and (cell := previous[column.index]) is not None
    }


def linked(columns: tuple[LinkColumn, ...], mask: int, row: Cells) -> dict[str, Json]:
    """The links that hold from now on, by id."""
    return {
        link_id(column.name, cell): {
            "to": column.link.to.replace("{}", cell),
            "relation": column.link.relation,
        }
        for column in columns
        if mask & column.bit and (cell := row[column.index]) is not None
    }


def link_id(column: str, cell: str) -> str:
    """`LNK-rfc-CHG0000132`. One id means one link for ever, so a link that returns has its old id."""
    plain = f"{column}-{cell}"
    made = _NOT_IN_AN_ID.sub("-", plain)
    if made != plain or len(made) > ID_CHARACTERS:
        # Two values must not meet in one id only because of what an id may hold.
        digest = hashlib.sha256(plain.encode()).hexdigest()[:12]
        made = f"{made[: ID_CHARACTERS - 13]}-{digest}"
    return "LNK-" + made
