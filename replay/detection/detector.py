"""What a detector is: a rule, and how one entry shows that it was broken, or is kept again.

A detector remembers nothing. What it tells of an entry follows from the log up to that entry alone, so that anybody
finds the same again at any later time: `verify --deep` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from domain.command import Case
from domain.event import State
from domain.rosters import POLICIES
from domain.thresholds import Severity, Thresholds, thresholds_in_force
from replay.estate import Estate, Told, With

NOBODY: Final = "principal/nobody"


@dataclass(frozen=True, slots=True)
class Look:
    """One entry, and the estate as it stood just before it. `before`, `after`: its own subject."""

    position: int
    told: Told
    before: State
    after: State
    estate: Estate

    @property
    def subject(self) -> str:
        return self.told.subject

    @property
    def family(self) -> str:
        return self.told.subject.split("/", 1)[0]

    @property
    def policy(self) -> State | None:
        """The policy in force then."""
        in_force = self.estate.rosters.get(POLICIES)
        return self.estate.states[in_force[-1]] if in_force else None

    @property
    def thresholds(self) -> Thresholds:
        return thresholds_in_force((self.policy or {}).get("thresholds"))

    def state(self, subject: str) -> State:
        """Of any subject, with this entry in it; `{}` for one that was not there yet."""
        return self.after if subject == self.told.subject else self.estate.states[subject]

    def case(
        self, subject: str | None = None, *, rosters: Mapping[str, Sequence[str]] | None = None
    ) -> Case:
        """To ask what the domain asks, at that moment and with this entry in its subject."""
        about = subject or self.subject
        return Case(
            about,
            self.state(about),
            With(self.estate.states, self.subject, self.after),
            self.told.authid or NOBODY,
            self.told.time,
            str,
            self.estate.rosters if rosters is None else rosters,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule broken, as one entry shows it.

    `group`: what of it is the same violation, seen again: by default the entry's subject. `about`: the subjects that it
    concerns, people among them. `happened_at`: by default the entry's time. What is None is the detector's own.
    """

    about: tuple[str, ...] = ()
    group: str | None = None
    happened_at: str | None = None
    rule: str | None = None
    rule_version: str | None = None
    severity: Severity | None = None
    sentence: str | None = None
    control: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cured:
    """The rule is kept again: what of it was broken for `group` ended with this entry."""

    group: str


class Detector(ABC):
    """`name` is the id of its rule, and `version` counts up whenever it would tell otherwise of some log.

    `types`: the event types that it looks at; none: all. `sentence` says the rule to an auditor, `control` names what it
    serves. The policy in force may give the rule another severity, or switch it off (`Thresholds.findings`).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    severity: ClassVar[Severity]
    sentence: ClassVar[str]
    control: ClassVar[tuple[str, ...]] = ()
    types: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def see(self, look: Look) -> Iterable[Shown | Cured]:
        """What this entry shows. Pure: same log, same answer."""
