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
    from domain.command import Command

Rule = Callable[["DecisionRequest"], bool]


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What is asked: may `actor` carry out `command` on `subject`, in these states, now?

    `states` holds every subject the decision reads by id, the actor's own among them. `now` is RFC 3339 text.
    """

    actor: str
    action: str
    command: Command
    subject: str
    state: State
    states: Mapping[str, State]
    now: str
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    permit: bool
    policy: str
    rules: tuple[str, ...] = field(default=())
    """The ids of the rules that decided: all that refused, or all that permitted."""


May = Callable[[DecisionRequest], Decision]
