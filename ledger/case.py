"""What a decision may look at, loaded when it asks: subjects and rosters, each with the version that it was seen at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from domain.event import State
from domain.population import Census
from ledger.rosters import Roster
from ledger.states import Loaded


class Looks(Protocol):
    """Where a decision looks: at the log as it is held under the lock, or at what a process has at hand."""

    def load(self, subject: str) -> Loaded: ...

    def roster(self, name: str) -> Roster: ...


class Knows(Looks, Protocol):
    """The same, and whoever counts grants as they were."""

    def census(self) -> Census: ...


class States(Mapping[str, State]):
    """Any subject's state, loaded when it is asked for. `versions`: of all that were."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._states: dict[str, State] = {}
        self.versions: dict[str, int] = {}

    def __getitem__(self, subject: str) -> State:
        if subject not in self._states:
            self.take(subject)
        return self._states[subject]

    def get(self, subject: str, default: Any = None) -> Any:
        """As `[]`, and several times as fast as what a Mapping comes with."""
        found = self._states.get(subject)
        return self.take(subject).state if found is None else found

    def take(self, subject: str) -> Loaded:
        loaded = self._looks.load(subject)
        self._states[subject], self.versions[subject] = loaded.state, loaded.version
        return loaded

    def put(self, subject: str, state: State) -> None:
        """What is not looked up: the subject that is about to be created."""
        self._states[subject] = state

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)


class Rosters(Mapping[str, Sequence[str]]):
    """Any roster's members, loaded when they are asked for. `versions`: of all that were."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._rosters: dict[str, Roster] = {}

    def __getitem__(self, name: str) -> Sequence[str]:
        if name not in self._rosters:
            self._rosters[name] = self._looks.roster(name)
        return self._rosters[name].members

    def get(self, name: str, default: Any = None) -> Any:
        """As for `States`."""
        found = self._rosters.get(name)
        return self[name] if found is None else found.members

    @property
    def versions(self) -> dict[str, int]:
        return {name: roster.version for name, roster in self._rosters.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._rosters)

    def __len__(self) -> int:
        return len(self._rosters)
