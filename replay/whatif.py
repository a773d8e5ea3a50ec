"""What other rules would have decided: a candidate policy, asked again about everything that was decided.

Each recorded decision, and each observed fact, of a period is put to the candidate as it was put then: the
same actor and order, in the state and with the grants of that moment. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from domain.by_policy import by_policy
from domain.command import COMMANDS, Case, Command
from domain.event import State
from domain.may import DecisionRequest
from domain.policy_schema import action_of
from domain.rosters import POLICIES
from ledger.database import Database
from replay.estate import Estate, Told, told_by

CANDIDATE: Final = "policy/candidate"
"""Stands for the candidate among the subjects; no number is spelt so."""
NO_PERMIT: Final = "no-permit:"

Progress = Callable[[int, int], None]
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A decision that the candidate takes otherwise. `rules`: those of the candidate that refuse.

    `decided`: what was recorded, `permit` with the rules that permitted then, or `observed`.
    """

    position: int
    time: str
    subject: str
    action: str
    actor: str
    decided: str
    decided_by: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(slots=True)
class WhatIf:
    """`asked`: decisions and facts put to the candidate. `unknown`: facts of which nobody says who did it, or
    too little of what.

    `by_rule`: how many each refusing rule of the candidate would have refused.
    """

    start: int
    end: int
    asked: int = 0
    unknown: int = 0
    otherwise: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)


def candidate_state(texts: Mapping[str, str], thresholds: Mapping[str, object]) -> State:
    return {
        "status": "published",
        "texts": dict(texts),
        "thresholds": dict(thresholds),
        "reference": "candidate",
    }


def what_if(
    database: Database,
    candidate: State,
    *,
    found: WhatIf,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - a listener need not listen
) -> Iterator[Otherwise]:
    """What the candidate decides otherwise among the positions of `found`, in order; it counts along.

    Raises CorruptEntry, and Malformed for a candidate that cannot be read.
    """
    estate, start, end = Estate(database), found.start, found.end
    estate.skip_to(start - 1)
    asking = _Asking(estate, candidate)
    with database.reading() as transaction:
        rows = transaction.stream(
            "SELECT position, entry FROM events WHERE position >= ? AND position <= ? ORDER BY position",
            (start, end),
        )
        for position, raw in rows:
            told = told_by(position, raw)
            one = asking.otherwise(position, told, found)
            if one is not None:
                yield one
            estate.take(position, told)
            if position % 1_000 == 0:
                progress(position - start + 1, end - start + 1)


class _Asking:
    def __init__(self, estate: Estate, candidate: State) -> None:
        self._estate = estate
        self._states = _With(estate.states, CANDIDATE, candidate)
        self._rosters: Mapping[str, Sequence[str]] = _With(estate.rosters, POLICIES, (CANDIDATE,))
        self._first_of_order = ""

    def otherwise(self, position: int, told: Told, found: WhatIf) -> Otherwise | None:
        """None as well for what nobody decided: the genesis, and what followed from the same order."""
        ordered = ORDER_OF.get(told.type)
        if ordered is None or told.decision not in {"permit", "observed"}:
            return None
        if told.causationid is not None and told.causationid == self._first_of_order:
            return None
        self._first_of_order = told.id
        if told.decision == "observed" and not self._is_person(told):
            found.unknown += 1
            return None
        command = ordered.recalled(told.data)
        if command is None:
            found.unknown += 1
            return None
        found.asked += 1
        rules = self._refused_by(told, command)
        if not rules:
            return None
        found.otherwise += 1
        for rule in rules:
            found.by_rule[rule] = found.by_rule.get(rule, 0) + 1
        return Otherwise(
            position,
            told.time,
            told.subject,
            action_of(ordered.family.name, ordered.verb),
            str(told.authid),
            told.decision,
            tuple(told.rules.split()),
            rules,
        )

    def _is_person(self, told: Told) -> bool:
        """Did the source say who did it? What only a source vouches for was done by nobody that is known."""
        actor = self._estate.state(told.authid or "")
        return actor.get("kind") in {"person", "service"}

    def _refused_by(self, told: Told, command: Command) -> tuple[str, ...]:
        state = self._estate.state(told.subject)
        states: Mapping[str, State] = self._states
        if told.decision == "observed":
            # Elsewhere they were somebody; which roles they had there is not known.
            actor = {
                **self._estate.state(str(told.authid)),
                "status": "registered",
                "mode": "govern",
            }
            states = _With(states, str(told.authid), actor)
        case = Case(
            told.subject,
            state,
            states,
            str(told.authid),
            told.time,
            str,
            self._rosters,
            told.subjectversion - 1,
            told.onbehalfof,
        )
        action = action_of(command.family.name, command.verb)
        verdict = by_policy(DecisionRequest(action, command, case))
        if verdict.permit:
            return ()
        if told.decision == "observed" and verdict.rules[0].startswith(NO_PERMIT):
            return ()
        return verdict.rules


class _With(Mapping[str, V]):
    """A mapping with one member in place of its own."""

    def __init__(self, rest: Mapping[str, V], name: str, value: V) -> None:
        self._rest, self._name, self._value = rest, name, value

    def __getitem__(self, name: str) -> V:
        return self._value if name == self._name else self._rest[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)


ORDER_OF: Final[Mapping[str, type[Command]]] = {
    command.yields.type_name: command for command in COMMANDS.values()
}
"""Event type → the order that it tells of."""
