"""Columns that name other records: when one changes, the old link goes and the new one comes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from api.importing.cells import Cells, Layout, names_of
from api.importing.schema import LinkTo
from domain.event import Json

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9._-]")
ID_CHARACTERS = 64

Find = Callable[[str], str | None]
"""The subject of an earlier row that goes by a name; None if there is none."""


@dataclass(frozen=True, slots=True)
class LinkColumn:
    name: str
    index: int
    bit: int
    link: LinkTo

    def named_by(self, row: Cells, *, but_not_by: Cells) -> list[str]:
        others = set(names_of(but_not_by[self.index], self.link.split))
        return [name for name in names_of(row[self.index], self.link.split) if name not in others]


def link_columns(links: Mapping[str, LinkTo], layout: Layout) -> tuple[LinkColumn, ...]:
    return tuple(
        LinkColumn(name, layout.index(name), layout.mask([name]), link)
        for name, link in links.items()
    )


def unlinked(
    columns: tuple[LinkColumn, ...], mask: int, previous: Cells, row: Cells
) -> dict[str, Json]:
    """The links that no longer hold, by id, each None."""
    return {
        link_id(column.name, name): None
        for column in columns
        if mask & column.bit
        for name in column.named_by(previous, but_not_by=row)
    }


def linked(
    columns: tuple[LinkColumn, ...], mask: int, previous: Cells, row: Cells, find: Find
) -> dict[str, Json]:
    """The links that hold from now on, by id."""
    return {
        link_id(column.name, name): {
            "to": (column.link.back and find(name)) or column.link.to.replace("{}", name),
            "relation": column.link.relation,
        }
        for column in columns
        if mask & column.bit
        for name in column.named_by(row, but_not_by=previous)
    }


class BackLink(NamedTuple):
    """On the record that goes by `name`: its link to the row's subject under `id`; None where that is gone."""

    name: str
    id: str
    link: Json


def back_links(
    columns: tuple[LinkColumn, ...], mask: int, previous: Cells, row: Cells, subject: str
) -> Iterator[BackLink]:
    """What the records that are named link back, those first that no longer do."""
    for column in columns:
        if column.link.back and mask & column.bit:
            back = link_id(column.name, subject[subject.index("/") + 1 :])
            link = {"to": subject, "relation": column.link.back}
            for name in column.named_by(previous, but_not_by=row):
                yield BackLink(name, back, None)
            for name in column.named_by(row, but_not_by=previous):
                yield BackLink(name, back, link)


def link_id(column: str, cell: str) -> str:
    """`LNK-rfc-CHG0000132`. One id means one link for ever, so a link that returns has its old id."""
    plain = f"{column}-{cell}"
    made = _NOT_IN_AN_ID.sub("-", plain)
    if made != plain or len(made) > ID_CHARACTERS:
        # Two values must not meet in one id only because of what an id may hold.
        digest = hashlib.sha256(plain.encode()).hexdigest()[:12]
        made = f"{made[: ID_CHARACTERS - 13]}-{digest}"
    return "LNK-" + made
