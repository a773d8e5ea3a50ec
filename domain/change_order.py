"""What every order on a change has in common: the types it is for, and what a policy may ask of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from domain.command import Case, Command, Events, require
from domain.event import State
from domain.thresholds import at_least


class ChangeOrder(Command):
    """`types`: of the machine's column; a change of another type does not take the order."""

    types: ClassVar[tuple[str, ...]] = ("standard", "normal", "emergency")

    def circumstances(self, case: Case) -> Iterable[str]:
        """`type-standard|normal|emergency`, `risk-low|medium|high`, `risk-medium-or-more`, and `words`."""
        return [*general_words(self.state_asked(case)), *self.words(case)]

    def state_asked(self, case: Case) -> State:
        """The state that the general words are about."""
        return case.state

    def words(self, case: Case) -> Iterable[str]:
        """The circumstances of this order alone."""
        return ()

    def decide(self, case: Case) -> Events:
        """Type, then the order's own guards (`carried_out`)."""
        type_ = self.state_asked(case).get("type")
        told = f"{case.subject} is a {type_} change; {self.verb} is for {' and '.join(self.types)}"
        # A source may not have said which type it is.
        require(type_ is None or type_ in self.types, "change-type", told, case)
        return self.carried_out(case)

    def carried_out(self, case: Case) -> Events:
        return self.stating(**self.given())

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in super().given().items() if value is not None}


def general_words(state: State) -> Iterator[str]:
    if state.get("type"):
        yield f"type-{state['type']}"
    risk = state.get("risk")
    if risk:
        yield f"risk-{risk}"
    if at_least(risk, "medium"):
        yield "risk-medium-or-more"
