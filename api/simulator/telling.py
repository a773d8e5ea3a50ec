"""What tells something in a quarter, under a name by which it is found again."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.simulator.desk import Desk


@dataclass(frozen=True, slots=True)
class Case:
    """`moment`: one at which to look at the subject; `position`: the entry that the story turns on."""

    name: str
    subject: str
    what: str
    moment: str | None = None
    position: int | None = None


@dataclass(slots=True)
class Telling:
    """Each method of those below is a life; what it tells is kept under its name."""

    desk: Desk
    told: dict[str, Case] = field(default_factory=dict)

    def tell(
        self,
        name: str,
        subject: str,
        what: str,
        moment: str | None = None,
        position: int | None = None,
    ) -> None:
        self.told[name] = Case(name, subject, what, moment, position)
