"""The whole estate, entry by entry: any subject's state and any roster as they stood just before an entry.

For questions about many moments in order. What confers authority, and what stands on a roster now, is few and
is all kept; of the others those touched last are, and the rest is folded again when somebody asks. So memory
does not grow with the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec

from domain.event import Json, State
from domain.families import AUTHORITY_FAMILIES
from domain.fold import merge_patch
from domain.rosters import keeps_rosters, roster_families, rosters_of
from ledger.database import Database
from ledger.errors import CorruptEntry
from ledger.past import each_of_family, entries_of, facts_of
from replay.change_index import ChangeIndex

KEPT_SUBJECTS: Final = 8_192
V = TypeVar("V")


class Told(msgspec.Struct):
    """The members of an entry that asking again takes."""

    id: str
    type: str
    subject: str
    time: str
    recordedtime: str
    subjectversion: int
    data: dict[str, Any]
    authid: str | None = None
    onbehalfof: str | None = None
    recordedby: str | None = None
    policy: str | None = None
    decision: str | None = None
    rules: str = ""
    grants: str = ""
    causationid: str | None = None
    decidedat: int | None = None

    def follows(self, first: Told) -> bool:
        """Did it follow from the order that `first` begins with? A client may name any cause, but no decision."""
        caused = self.causationid == first.id and self.decidedat == first.decidedat
        return caused and self.decision == first.decision == "permit"


_TOLD: Final = msgspec.json.Decoder(Told)


def told_by(position: int, raw: bytes) -> Told:
    """Raises CorruptEntry."""
    try:
        return _TOLD.decode(raw)
    except (msgspec.MsgspecError, ValueError) as fault:
        raise CorruptEntry(
            f"the entry at position {position} cannot be read: {fault!r}", position=position
        ) from fault


class Estate:
    """As it was before position `position` + 1. `states` and `rosters` are what a decision looks up."""

    def __init__(self, database: Database, kept_subjects: int = KEPT_SUBJECTS) -> None:
        self._database, self._most = database, kept_subjects
        self._kept: dict[str, State] = {}
        self._others: dict[str, State] = {}
        self._rosters: dict[str, list[str]] = {}
        self.position = 0
        self.states: Mapping[str, State] = _States(self)
        self.rosters: Mapping[str, Sequence[str]] = _Rosters(self._rosters)
        self.changes = ChangeIndex(self.states)

    def skip_to(self, position: int) -> None:
        """Go to just behind `position` without a look at each entry. Only from the start."""
        for family in roster_families():
            for one in each_of_family(self._database, family, position):
                self.position = one.position - 1
                told = told_by(one.position, one.raw)
                self._put(told.subject, *self.step(told))
        self.position = position

    def take(self, position: int, told: Told) -> None:
        """Fold the next entry."""
        self.put(position, told, *self.step(told))

    def told(self, subject: str) -> list[Told]:
        """The subject's entries so far, read from the log: for rare questions about who said what before."""
        rows = entries_of(self._database, subject)
        return [told_by(row[0], row[1]) for row in rows if row[0] <= self.position]

    def standing(self, family: str) -> Iterator[tuple[str, State]]:
        """All subjects of a family that confers authority."""
        start = f"{family}/"
        return ((name, state) for name, state in self._kept.items() if name.startswith(start))

    def step(self, told: Told) -> tuple[State, State]:
        """The state of its subject before the next entry, and with it."""
        before: State = {} if told.subjectversion == 1 else self.state(told.subject)
        return before, _patched(before, told.data)

    def put(self, position: int, told: Told, before: State, after: State) -> None:
        """Fold the next entry, of which `step` told these states."""
        self._put(told.subject, before, after)
        self.position = position

    def state(self, subject: str) -> State:
        """`{}` for one that was not there yet."""
        found = self._kept.get(subject)
        if found is None:
            found = self._others.get(subject)
        if found is None:
            found = self._folded(subject)
            self._keep(subject, found)
        return found

    def _put(self, subject: str, before: State, after: State) -> None:
        family = subject.split("/", 1)[0]
        if family == "change":
            self.changes.moved(subject, before, after)
        stands: frozenset[str] = frozenset()
        if keeps_rosters(family):
            stood, stands = rosters_of(subject, before), rosters_of(subject, after)
            if stood != stands:
                self._move(subject, stood, stands)
        if stands or family in AUTHORITY_FAMILIES:
            self._others.pop(subject, None)
            self._kept[subject] = after
        else:
            self._kept.pop(subject, None)
            self._keep(subject, after)

    def _move(self, subject: str, stood: frozenset[str], stands: frozenset[str]) -> None:
        for name in stood - stands:
            self._rosters[name].remove(subject)
            if not self._rosters[name]:
                del self._rosters[name]
        for name in stands - stood:
            self._rosters.setdefault(name, []).append(subject)

    def _folded(self, subject: str) -> State:
        rows = [row for row in entries_of(self._database, subject) if row[0] <= self.position]
        state: State = {}
        for fact in facts_of(rows):
            state = _patched(state, fact.data)
        return state

    def _keep(self, subject: str, state: State) -> None:
        self._others.pop(subject, None)
        self._others[subject] = state
        if len(self._others) > self._most:
            for oldest in list(self._others)[: self._most // 4 + 1]:
                del self._others[oldest]


def _patched(state: State, patch: dict[str, Json]) -> State:
    return merge_patch(cast("dict[str, Json]", state), patch)


class _States(Mapping[str, State]):
    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def __getitem__(self, subject: str) -> State:
        return self._estate.state(subject)

    def __iter__(self) -> Iterator[str]:
        return iter(())  # never listed: there is one for every subject that anybody may name

    def __len__(self) -> int:
        return 0


class _Rosters(Mapping[str, Sequence[str]]):
    def __init__(self, rosters: Mapping[str, list[str]]) -> None:
        self._rosters = rosters

    def __getitem__(self, name: str) -> Sequence[str]:
        return self._rosters.get(name, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._rosters)

    def __len__(self) -> int:
        return len(self._rosters)


class With(Mapping[str, V]):
    """A mapping with one member in place of its own."""

    def __init__(self, rest: Mapping[str, V], name: str, value: V) -> None:
        self._rest, self._name, self._value = rest, name, value

    def __getitem__(self, name: str) -> V:
        return self._value if name == self._name else self._rest[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As `[]`, and twice as fast as what a Mapping comes with."""
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)
