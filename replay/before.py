"""What the ledger knew just before an entry: the states and rosters that somebody's authority rests on.

Every subject is read once, however many entries are asked about.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from domain.authority import Authority, authority_of
from domain.command import Case
from domain.event import State
from domain.fold import merge_patch
from domain.grant import RoleGrantRequested
from domain.principal import PrincipalIdentified
from domain.rosters import grants_delegated_to, grants_held_by, same_person_as
from ledger.database import Database
from ledger.past import Envelope, entries_of, entries_of_family, envelope_of


class Step(NamedTuple):
    """One entry of a subject. `before` and `after`: the fold by position without it, and with it."""

    position: int
    said: Envelope
    before: State
    after: State


def steps_of(rows: Iterable[tuple[int, bytes]]) -> list[Step]:
    """The steps of one subject's entries, in order. Raises CorruptEntry."""
    steps: list[Step] = []
    state: State = {}
    for position, raw in rows:
        said = envelope_of(position, raw)
        before, state = state, merge_patch(dict(state), said.data)
        steps.append(Step(position, said, before, state))
    return steps


class Before:
    """Subjects as they stood before any position up to `size`, the ledger's when it is made."""

    def __init__(self, database: Database, size: int) -> None:
        self._database, self.size = database, size
        self._steps: dict[str, Sequence[Step]] = {}
        self._identified: list[tuple[int, str, str]] | None = None
        self._grants_by_holder: dict[str, list[str]] | None = None

    def steps(self, subject: str) -> Sequence[Step]:
        """All of the subject's, up to `size`; none of one that is not known."""
        if subject not in self._steps:
            rows = entries_of(self._database, subject)
            self._steps[subject] = steps_of(row[:2] for row in rows if row[0] <= self.size)
        return self._steps[subject]

    def last_step(self, subject: str, position: int) -> Step | None:
        """The subject's last entry before that position."""
        steps = self.steps(subject)
        found = bisect_left(steps, position, key=lambda step: step.position)
        return steps[found - 1] if found else None

    def state(self, subject: str, position: int) -> State:
        """`{}` for one that was not there yet."""
        step = self.last_step(subject, position)
        return step.after if step else {}

    def people(self, principals: Iterable[str], position: int) -> frozenset[str]:
        """Every principal, then, of the humans that these belong to."""
        found: set[str] = set()
        for one in principals:
            first = str(self.state(one, position).get("person") or one)
            found |= {one, first, *self._same_person(first, position)}
        return frozenset(found)

    def authority(self, step: Step, grants: Iterable[str], services: Iterable[str]) -> Authority:
        """What the grants gave to whoever acted in that entry, asked as the decision itself asked it."""
        said, position = step.said, step.position
        actor = str(said.authid)
        rosters = dict(self._rosters(actor, said.onbehalfof, list(grants), position))
        states = _States(self, position)
        case = Case(
            said.subject,
            step.before,
            states,
            actor,
            said.time,
            str,
            rosters,
            on_behalf_of=said.onbehalfof,
        )
        return authority_of(case, services)

    def grants_of(self, holder: str) -> Sequence[str]:
        """Every grant that was ever asked for on behalf of this holder, in the order of the log."""
        if self._grants_by_holder is None:
            asked = entries_of_family(
                self._database, "grant", self.size, (RoleGrantRequested.type_name,)
            )
            self._grants_by_holder = {}
            for one in asked:
                named = str(envelope_of(one.position, one.raw).data.get("holder"))
                self._grants_by_holder.setdefault(named, []).append(one.subject)
        return self._grants_by_holder.get(holder, ())

    def _rosters(
        self, actor: str, on_behalf_of: str | None, grants: list[str], position: int
    ) -> Iterator[tuple[str, Sequence[str]]]:
        holder = on_behalf_of or actor
        for one in {actor, holder}:
            first = str(self.state(one, position).get("person") or one)
            yield same_person_as(first), self._same_person(first, position)
        own = [one for one in grants if self.state(one, position).get("holder") == holder]
        yield grants_held_by(holder), own
        if on_behalf_of is not None:
            for delegate in self.people([actor], position):
                yield grants_delegated_to(delegate), own

    def _same_person(self, first: str, position: int) -> list[str]:
        if self._identified is None:
            linked = entries_of_family(
                self._database, "principal", self.size, (PrincipalIdentified.type_name,)
            )
            self._identified = [
                (one.position, one.subject, str(envelope_of(one.position, one.raw).data["person"]))
                for one in linked
            ]
        return [other for at, other, of in self._identified if of == first and at < position]


class _States(Mapping[str, State]):
    def __init__(self, before: Before, position: int) -> None:
        self._before, self._position = before, position

    def __getitem__(self, subject: str) -> State:
        return self._before.state(subject, self._position)

    def __iter__(self) -> Iterator[str]:
        return iter(())  # never listed: there is one for every subject that anybody may name

    def __len__(self) -> int:
        return 0
