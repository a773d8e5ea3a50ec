"""Views of processes, as both ways in answer them: the right it takes, the question, and that it was asked.

Answers hold no personal values: groups are no persons, persons are principals, and texts are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from api.identity import Identity
from api.readings import note
from domain.errors import Malformed
from ledger.ledger import Ledger
from replay.moment import Moment
from replay.period import period_between
from replay.process.activities import way_named
from replay.process.cases import GROUP, Answer, Question
from replay.process.conformance import KINDS, Kind, conformance
from replay.process.drawing import as_svg
from replay.process.graph import Graph, Thinning, directly_follows
from replay.process.handovers import handovers
from replay.process.machines import family_named
from replay.process.pages import Page, page_from
from replay.process.ping_pong import ping_pong
from replay.process.push_to_front import push_to_front
from replay.process.reopenings import reopenings
from replay.process.times import times_in_status
from replay.process.variants import variants

MOST_FRONT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """As somebody words it. `start`, `end`: of the period, RFC 3339."""

    family: str = "incident"
    start: str | None = None
    end: str | None = None
    moment: Moment = field(default_factory=Moment)
    held_by: str = GROUP
    limit: int = 100
    after: int = 0

    def by(self, holder: str) -> Asked:
        return replace(self, held_by=holder)

    def page(self, limit: int, after: int) -> Asked:
        return replace(self, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class Mining:
    """Asked by `identity`. Each question raises ScopeMissing or MayNot for who may not read the family, and Malformed for
    what cannot be asked.
    """

    ledger: Ledger
    identity: Identity

    def times(self, asked: Asked) -> Answer:
        return self._noted(times_in_status(self.ledger, self._question(asked)))

    def handovers(self, asked: Asked) -> Answer:
        return self._paged(handovers, asked)

    def ping_pong(self, asked: Asked) -> Answer:
        return self._paged(ping_pong, asked)

    def reopenings(self, asked: Asked) -> Answer:
        return self._paged(reopenings, asked)

    def push_to_front(self, asked: Asked, front: Sequence[str] = ()) -> Answer:
        question, page = self._question(asked), page_from(asked.limit, asked.after)
        if len(front) > MOST_FRONT:
            raise Malformed(f"expected at most {MOST_FRONT} names of the front line")
        return self._noted(push_to_front(self.ledger, question, page, frozenset(front)))

    def variants(self, asked: Asked, by: str) -> Answer:
        question, page = self._question(asked), page_from(asked.limit, asked.after)
        return self._noted(variants(self.ledger, question, page, way_named(by)))

    def conformance(self, asked: Asked, kind: str | None = None) -> Answer:
        question, page = self._question(asked), page_from(asked.limit, asked.after)
        return self._noted(conformance(self.ledger, question, page, _kind(kind)))

    def graph(self, asked: Asked, by: str, thinning: Thinning) -> Graph:
        question = self._question(asked)
        found = directly_follows(self.ledger, question, way_named(by), thinning)
        note(self.ledger, self.identity, "past-state", entries=len(found.edges))
        return found

    def picture(self, asked: Asked, by: str, thinning: Thinning) -> str:
        """The graph as an SVG. Raises Malformed for more edges than anybody sees."""
        return as_svg(self.graph(asked, by, thinning.drawable()))

    def _paged(self, view: Callable[[Ledger, Question, Page], Answer], asked: Asked) -> Answer:
        question, page = self._question(asked), page_from(asked.limit, asked.after)
        return self._noted(view(self.ledger, question, page))

    def _question(self, asked: Asked) -> Question:
        family = family_named(asked.family)
        self.identity.require(family, "read")
        period = period_between(asked.start, asked.end)
        return Question(family, period, asked.moment, asked.held_by)

    def _noted(self, found: Answer) -> Answer:
        note(self.ledger, self.identity, "past-state", entries=len(found["items"]))
        return found


def _kind(text: str | None) -> Kind | None:
    """Raises Malformed."""
    for kind in KINDS:
        if text == kind:
            return kind
    if text is None:
        return None
    raise Malformed(f"expected one of {', '.join(KINDS)}, got {text!r}")
