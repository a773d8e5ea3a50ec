"""Who may: the one port that every way in passes, and the small rule set behind it until policy text is.

A rule is a function of the request that returns its verdict or nothing. Any refusal wins; a request that
no rule permits is refused. Policies held in the ledger take the place of `BUILT_IN` without another caller
noticing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.event import State

if TYPE_CHECKING:
    from domain.command import Case, Command

Rule = Callable[["DecisionRequest"], bool]


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What is asked: may the actor of `case` carry out `command`? `action` is `family:verb`.

    The case's `states` and `rosters` hold whatever a rule looks up, the actor's own state among them.
    """

    action: str
    command: Command
    case: Case

    @property
    def actor(self) -> str:
        return self.case.actor

    @property
    def subject(self) -> str:
        return self.case.subject

    @property
    def state(self) -> State:
        return self.case.state

    @property
    def states(self) -> Mapping[str, State]:
        return self.case.states

    @property
    def on_behalf_of(self) -> str | None:
        return self.case.on_behalf_of


@dataclass(frozen=True, slots=True)
class Decision:
    permit: bool
    policy: str
    rules: tuple[str, ...] = field(default=())
    """The ids of the rules that decided: all that refused, or all that permitted."""
    grants: tuple[str, ...] = ()
    """The grants that the permission rests on."""


May = Callable[[DecisionRequest], Decision]
