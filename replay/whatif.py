"""What other rules would have decided: a candidate policy, asked again about everything that was decided.

Each recorded decision, and each observed fact, of a period is put to the candidate as it was put then: the
same actor and order, in the state and with the grants of that moment. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import domain.catalogue  # noqa: F401 - `ORDER_OF` is complete only once every command is registered
from domain.by_policy import by_policy
from domain.command import COMMANDS, Case, Command
from domain.event import State
from domain.may import Decision, DecisionRequest
from domain.policy_schema import action_of
from domain.rosters import POLICIES
from ledger.database import Database
from replay.estate import Estate, Told, With, told_by

CANDIDATE: Final = "policy/candidate"
"""Stands for the candidate among the subjects; no number is spelt so."""
NO_PERMIT: Final = "no-permit:"

Progress = Callable[[int, int], None]


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
    for again in asked_again(database, candidate, found=found, progress=progress):
        verdict, told = again.verdict, again.told
        unpermitted = not verdict.permit and verdict.rules[0].startswith(NO_PERMIT)
        # Which roles they had elsewhere is not known, so that only a rule that forbids says anything.
        if verdict.permit or (told.decision == "observed" and unpermitted):
            continue
        found.otherwise += 1
        for rule in verdict.rules:
            found.by_rule[rule] = found.by_rule.get(rule, 0) + 1
        yield Otherwise(
            again.position,
            told.time,
            told.subject,
            again.action,
            str(told.authid),
            str(told.decision),
            tuple(told.rules.split()),
            verdict.rules,
        )


@dataclass(frozen=True, slots=True)
class Again:
    """A decision or fact that was put to the candidate, and what that said."""

    position: int
    told: Told
    action: str
    verdict: Decision


def asked_again(
    database: Database,
    candidate: State,
    *,
    found: WhatIf,
    progress: Progress = lambda done, total: None,  # noqa: ARG005 - a listener need not listen
) -> Iterator[Again]:
    """Everything of the period that can be asked, with the candidate's verdict. Raises as `what_if` does."""
    estate, start, end = Estate(database), found.start, found.end
    estate.skip_to(start - 1)
    asking = _Asking(estate, candidate)
    with database.reading() as transaction:
        rows = transaction.stream(
            "SELECT position, entry FROM events WHERE position >= ? AND position <= ? ORDER BY position",
            (start, end),
        )
        for order in _by_order((position, told_by(position, raw)) for position, raw in rows):
            again = asking.again(*_own(order), found)
            if again is not None:
                yield again
            for position, told in order:
                estate.take(position, told)
                if position % 1_000 == 0:
                    progress(position - start + 1, end - start + 1)


def _by_order(entries: Iterator[tuple[int, Told]]) -> Iterator[list[tuple[int, Told]]]:
    """The entries of each order together; whatever nobody ordered alone."""
    order: list[tuple[int, Told]] = []
    for position, told in entries:
        if order and not told.follows(order[0][1]):
            yield order
            order = []
        order.append((position, told))
    if order:
        yield order


def _own(order: Sequence[tuple[int, Told]]) -> tuple[int, Told]:
    """The event that the order is about: the first of its subject. Those of other subjects come before it."""
    subject = order[-1][1].subject
    return next(each for each in order if each[1].subject == subject)


class _Asking:
    def __init__(self, estate: Estate, candidate: State) -> None:
        self._estate = estate
        self._states = With(estate.states, CANDIDATE, candidate)
        self._rosters: Mapping[str, Sequence[str]] = With(estate.rosters, POLICIES, (CANDIDATE,))

    def again(self, position: int, told: Told, found: WhatIf) -> Again | None:
        """None for what nobody decided, as the genesis, and for what tells too little."""
        ordered = ORDER_OF.get(told.type)
        if ordered is None or told.decision not in {"permit", "observed"}:
            return None
        if told.decision == "observed" and not is_somebody_s(told, self._estate.states):
            found.unknown += 1
            return None
        command = ordered.recalled(told.data)
        if command is None:
            found.unknown += 1
            return None
        found.asked += 1
        action = action_of(ordered.family.name, ordered.verb)
        return Again(position, told, action, self._verdict(told, action, command))

    def _verdict(self, told: Told, action: str, command: Command) -> Decision:
        state = self._estate.state(told.subject)
        states: Mapping[str, State] = self._states
        if told.decision == "observed":
            states = with_actor(states, str(told.authid))
        return by_policy(
            DecisionRequest(action, command, case_of(told, state, states, self._rosters))
        )


def is_somebody_s(told: Told, states: Mapping[str, State]) -> bool:
    """Did the source say who did it? What only a source vouches for was done by nobody that is known."""
    return (states.get(told.authid or "") or {}).get("kind") in {"person", "service"}


def with_actor(states: Mapping[str, State], actor: str) -> Mapping[str, State]:
    """Elsewhere they were somebody who may act; which roles they had there is not known."""
    return With(states, actor, {**states[actor], "status": "registered", "mode": "govern"})


def case_of(
    told: Told, state: State, states: Mapping[str, State], rosters: Mapping[str, Sequence[str]]
) -> Case:
    """In which what the entry tells was decided, or would have been."""
    return Case(
        told.subject,
        state,
        states,
        str(told.authid),
        told.time,
        str,
        rosters,
        told.subjectversion - 1,
        told.onbehalfof,
    )


ORDER_OF: Final[Mapping[str, type[Command]]] = {
    command.yields.type_name: command for command in COMMANDS.values()
}
"""Event type → the order that it tells of."""
