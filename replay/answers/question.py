"""What a proof-carrying answer says it answers, and what the answer is once a subject's facts are known.

Whoever makes an answer and whoever checks one fold by the same rules, those of `domain.effect`; a third fold,
which shares no code with this one, is `docs/check_answer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from domain.effect import Fact
from domain.event import Json
from replay.as_of import Reading, counted_at, state_of
from replay.diff import difference_between
from replay.moment import Located, Moment

FORMAT: Final = "itsm-ledger-answer@v1"

Kind: TypeAlias = Literal["state", "difference"]

MOMENTS: Final[Mapping[Kind, tuple[str, ...]]] = {"state": ("as_of",), "difference": ("from", "to")}
"""The moments that a question of each kind names."""
ANSWERS: Final[Mapping[Kind, str]] = {"state": "states", "difference": "differences"}
"""Under which name the answer about each subject stands."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment as it was asked for, and as it was found in the log.

    `asked`: times canonical, the basis named, and now as the time that it was. `found.known_at` is None unless it
    was asked for: that the head was recorded then, the file does not show.
    """

    asked: Moment
    found: Located

    @property
    def bound(self) -> str | None:
        """Entries count that were recorded by this time; None: those up to the position `found.position`."""
        return self.asked.at if self.asked.basis == "known" else self.asked.known_at


def located(moment: Moment, found: Located) -> Instant:
    """`found` is what `replay.moment.locate` says of `moment`."""
    known_at = None if moment.known_at is None else found.known_at
    return Instant(
        Moment(found.at, known_at, moment.position, found.basis),
        Located(found.basis, found.position, found.at, known_at),
    )


def told_moment(moment: Moment | Located) -> dict[str, Json]:
    return {
        "basis": moment.basis,
        "at": moment.at,
        "known_at": moment.known_at,
        "position": moment.position,
    }


def reading_at(found: Located, facts: Sequence[Fact]) -> Reading:
    """What counts at the moment. `facts`: all of the subject's that are known."""
    return counted_at(found, [fact for fact in facts if fact.position <= found.position])


def answer_about(subject: str, readings: Sequence[Reading]) -> dict[str, Any]:
    """The answer about one subject: its state at one moment, or the difference between two.

    Version 0 and `{}` where it was not there yet. Raises UnknownSubject for a difference between two such moments.
    """
    if len(readings) == 1:
        return {"subject": subject, "version": readings[0].version, "state": state_of(readings[0])}
    found = difference_between(subject, *readings)
    return {
        "subject": subject,
        "from_version": found.before.version,
        "to_version": found.after.version,
        "fields": [
            {
                "field": field.path,
                "from": field.before,
                "to": field.after,
                "positions": list(field.positions),
            }
            for field in found.fields
        ],
    }
