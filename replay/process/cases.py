"""Which cases a view of a process looks at, and how it says so.

A case belongs to the period by its first event that counts; all of its events up to the moment count then, whenever they
happened. What still runs at the moment is censored: told apart from what ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ledger.cases import each_case
from ledger.ledger import Ledger
from ledger.past import Extent
from replay.looking import Looking
from replay.moment import Located, Moment
from replay.period import Period
from replay.process.machines import family_named, holder_path
from replay.process.steps import Case, HolderPath, moment_text, steps_of

GROUP: Final = "assignment_group"
NOBODY: Final[HolderPath] = ()
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about. `family`: by name. `held_by`: the member of states that says who has a case.

    The moment is by default now, on the basis `effect`: what was so, as it is known at the head.
    """

    family: str
    period: Period = field(default_factory=Period)
    moment: Moment = field(default_factory=Moment)
    held_by: str = GROUP


class Cases:
    """The cases of a question, one after the other by name; counted while they are read.

    Raises Malformed for a family or, where holders are asked for, a member that there is none of; MomentRefused,
    BeyondHead; CorruptEntry while reading. `until`: up to when what still runs has run.
    """

    def __init__(self, ledger: Ledger, asked: Question, *, holders: bool = False) -> None:
        self.family, self.period = family_named(asked.family), asked.period
        self.held_by = asked.held_by if holders else None
        self._path = holder_path(self.family, asked.held_by) if holders else NOBODY
        self._database = ledger.database
        head = ledger.head()
        moment = _by_default_in_effect(asked.moment)
        looking = Looking(ledger, moment, Extent(head.size, head.recordedtime))
        self.located, self.until = looking.located, looking.compared
        self.cases = self.events = self.backwards = 0

    def __iter__(self) -> Iterator[Case]:
        self.cases = self.events = self.backwards = 0
        for subject, rows in each_case(self._database, self.family, self.located.position):
            steps = steps_of(rows, self.located, self._path)
            if not steps or not self.period.holds(moment_text(steps[0].at)):
                continue
            case = Case(subject, steps)
            self.cases += 1
            self.events += len(steps)
            self.backwards += case.backwards
            yield case

    def told(self) -> Answer:
        """What every answer begins with, once the cases were read."""
        return {
            "family": self.family,
            **_told_moment(self.located),
            "until": self.until,
            **self.period.told(),
            **({} if self.held_by is None else {"held_by": self.held_by}),
            "cases": self.cases,
            "events": self.events,
            "backwards": self.backwards,
        }


def _told_moment(located: Located) -> Answer:
    return {
        "basis": located.basis,
        "at": located.at,
        "known_at": located.known_at,
        "position": located.position,
    }


def _by_default_in_effect(moment: Moment) -> Moment:
    if moment.basis is None and moment.position is None:
        return replace(moment, basis="effect")
    return moment
