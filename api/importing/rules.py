"""The rules of a mapping for one family, made ready: a difference between two rows in, events out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from api.importing.cells import Cells, Layout
from api.importing.conditions import ALWAYS, Alternative, Condition, condition, possible
from api.importing.faults import BadRow
from api.importing.linked import back_links, link_columns, linked, unlinked
from api.importing.schema import Keep, Rule, Scalar, SourceMapping, Value
from api.importing.telling import More, Place, Told, more_of, own_columns
from api.importing.values import Check, Take, Translation, taking
from domain.common import Linked, SourceStatusRecorded, TicketEvent, Unlinked, common_event
from domain.event import Event, Json, event_class
from ledger.observe import check_stated

KEPT_DIFFERENCES = 4_096
"""Few sets of columns change together; for each that was met, the rules it can concern are remembered."""
KEPT_DATA = 1_024
"""Patches that are remembered for each rule: most rows say what others said before."""
SAID_CHARACTERS = 20_000
"""The longest comment or reason, as `PersonalText` has it."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """`reads`: where the columns stand that the data is made of. `made`: data by what stood in them."""

    event: type[Event]
    asked: Condition
    reads: Callable[[Cells], Hashable]
    members: tuple[tuple[str, Take], ...]
    source: tuple[tuple[str, Take], ...] = ()
    said: tuple[tuple[str, Take], ...] = ()
    more: More | None = None
    made: dict[Hashable, dict[str, Json]] = field(default_factory=dict)

    def told(self, row: Cells, *, first: bool) -> Told:
        """Raises LedgerError for a bad row. The same cells give the same data, which nobody may change."""
        key = (first, self.reads(row))
        data = self.made.get(key)
        if data is None:
            data = self._data(row, first=first)
            if len(self.made) >= KEPT_DATA:
                self.made.clear()
            self.made[key] = data
        if not self.said:
            return Told(self.event, data, {})
        said = {name: str(text) for name, take in self.said if (text := take(row)) is not None}
        return Told(self.event, data, said)

    def tell_more(
        self, told: list[Told], before: Cells, row: Cells, ordinal: int, *, first: bool
    ) -> None:
        assert self.more is not None
        for one in self.more.rows(before, row):
            if not self.more.is_about_nothing(one):
                number = f"{ordinal}.{len(told) + 1}"
                told.append(self.more.added(self.told(one, first=first), one, number))

    def _data(self, row: Cells, *, first: bool) -> dict[str, Json]:
        data: dict[str, Json] = {member: take(row) for member, take in self.members}
        if self.source:
            data["source"] = {name: take(row) for name, take in self.source}
        return _first_stated(data) if first else data


class FamilyRules:
    def __init__(
        self, family: str, mapping: SourceMapping, layout: Layout, given: Translation
    ) -> None:
        events = [(event_class(rule.event), rule) for rule in mapping.events]
        self._rules = [
            _ready(event, rule, layout, given, more_of(event, rule, mapping, layout, given))
            for event, rule in events
            if event.family.name == family
        ]
        recorded = common_event(family, SourceStatusRecorded)
        keep = mapping.keep
        self._keep = None if keep is None else _keeping(recorded, keep, layout, given)
        self._keep_mask = layout.mask(None if keep is None else keep.read_columns())
        self._columns = own_columns(mapping, layout)
        self._links = link_columns(mapping.links, layout)
        self._link_mask = layout.mask(mapping.links)
        self._linked, self._unlinked = common_event(family, Linked), common_event(family, Unlinked)
        self._concerned: dict[tuple[bool, int], Sequence[tuple[_Ready, Condition]]] = {}

    def told(
        self, mask: int, before: Cells, row: Cells, place: Place, *, first: bool
    ) -> list[Told]:
        """What the row becomes, in the order of the rules. Raises LedgerError for a bad row."""
        told: list[Told] = []
        for rule, alternatives in self._concerned_by(mask, first=first):
            if _any_fits(alternatives, before, row):
                if rule.more is None:
                    told.append(rule.told(row, first=first))
                else:
                    rule.tell_more(told, before, row, place.ordinal, first=first)
        if self._keep is not None and mask & self._keep_mask:
            _keep_along(told, self._keep.told(row, first=first))
        if mask & self._link_mask:
            gone = unlinked(self._links, mask, before, row)
            come = linked(self._links, mask, before, row, place.find)
            pairs = ((self._unlinked, gone), (self._linked, come))
            told += [Told(event, {"links": links}, {}) for event, links in pairs if links]
            told += self._linked_back(mask, before, row, place.subject)
        return told

    def _linked_back(self, mask: int, before: Cells, row: Cells, subject: str) -> Iterator[Told]:
        for name, link_id, link in back_links(self._links, mask, before, row, subject):
            event = self._unlinked if link is None else self._linked
            own = self._columns.own(row)._replace(record=name)
            yield Told(event, {"links": {link_id: link}}, {}, own)

    def _concerned_by(self, mask: int, *, first: bool) -> Sequence[tuple[_Ready, Condition]]:
        """The rules that these changes do not rule out, each with the alternatives left to it."""
        found = self._concerned.get((first, mask))
        if found is None:
            left = [(rule, possible(rule.asked, mask, first=first)) for rule in self._rules]
            found = [(rule, alternatives) for rule, alternatives in left if alternatives]
            if len(self._concerned) >= KEPT_DIFFERENCES:
                self._concerned.clear()
            self._concerned[first, mask] = found
        return found


def _keep_along(told: list[Told], kept: Told) -> None:
    """The row's first event says it along; where there is none that can, it is an event of its own."""
    first = told[0] if told else None
    is_its_own = first is not None and (first.own is None or first.own.record is None)
    if first is not None and is_its_own and issubclass(first.event, TicketEvent):
        told[0] = first._replace(data={**first.data, **kept.data})
    else:
        told.append(kept)


def _any_fits(alternatives: Sequence[Alternative], before: Cells, row: Cells) -> bool:
    # A generator for any() would cost more than what it asks.
    for each in alternatives:  # noqa: SIM110 - asked for each rule of each row
        if each.fits(before, row):
            return True
    return False


def _first_stated(data: dict[str, Json]) -> dict[str, Json]:
    """On a first row there is nothing to clear, so what is missing need not be stated."""
    return {
        member: _first_stated(value) if isinstance(value, dict) else value
        for member, value in data.items()
        if value is not None
    }


def _ready(
    event: type[Event], rule: Rule, layout: Layout, given: Translation, more: More | None
) -> _Ready:
    spoken = [(name, value) for name, value in rule.said().items() if value is not None]
    return _Ready(
        event,
        condition(rule.when, layout),
        _picker(rule.members.values(), layout),
        tuple(
            (member, taking(value, given, _stated_as(event, member)))
            for member, value in rule.members.items()
        ),
        said=tuple((name, taking(value, given, _check_said)) for name, value in spoken),
        more=more,
    )


def _keeping(event: type[Event], keep: Keep, layout: Layout, given: Translation) -> _Ready:
    values = (*keep.members().values(), *keep.columns.values())
    return _Ready(
        event,
        (ALWAYS,),
        _picker(values, layout),
        tuple(
            (member, taking(value, given, _stated_as(event, member)))
            for member, value in keep.members().items()
        ),
        tuple(
            (name, taking(value, given, _kept_as(event, name)))
            for name, value in keep.columns.items()
        ),
    )


def _picker(values: Iterable[Value], layout: Layout) -> Callable[[Cells], Hashable]:
    columns = dict.fromkeys(column for value in values for column in value.all_columns())
    if not columns:
        return lambda _: ()
    return itemgetter(*(layout.index(column) for column in columns))


def _stated_as(event: type[Event], member: str) -> Check:
    return lambda told: check_stated(event, {member: told})


def _kept_as(event: type[Event], column: str) -> Check:
    return lambda told: check_stated(event, {"source": {column: told}})


def _check_said(told: Scalar) -> None:
    text = str(told)
    if len(text) > SAID_CHARACTERS:
        raise BadRow(
            f"a comment or reason has {len(text)} characters; at most {SAID_CHARACTERS} fit"
        )
    if text.startswith("sd:"):
        raise BadRow("a comment or reason may not begin with `sd:`")
