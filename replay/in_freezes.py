"""Changes that were planned, or implemented, inside a freeze, and on whose exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.change_conflicts import ON_CALENDAR
from domain.event import State
from domain.freeze import ALL_SERVICES, FreezeDeclared
from domain.sets import members
from domain.windows import Span, overlap
from ledger.database import Database
from ledger.ledger import Ledger
from ledger.past import entries_of_family
from replay.acts import Act, act_of
from replay.before import Before, Step, steps_of
from replay.change_story import Story, stories
from replay.period import NEVER, Answered, Period


@dataclass(frozen=True, slots=True)
class FreezeException:
    """`verdict`: the owner's last word, by when the implementation began if it did. `act`: who said it, and on
    which grants.
    """

    id: str
    verdict: str
    by: str | None
    at: str | None
    act: Act


@dataclass(frozen=True, slots=True)
class InFreeze:
    """A change and a freeze of one of its services that share a moment. `span`: of the freeze, from its start to
    its end or to when it was lifted. `window`, `implementation`: those of the two that overlap it; the
    implementation's end None: it goes on. `excepted`: the freeze's owner let it happen, by then.

    `declared_before`: the freeze was recorded before the implementation began, or before now.
    """

    change: str
    change_status: str | None
    change_position: int
    services: tuple[str, ...]
    freeze: str
    freeze_status: str | None
    freeze_position: int
    span: Mapping[str, str]
    window: Mapping[str, str] | None
    implementation: Mapping[str, str | None] | None
    began_position: int | None
    declared_before: bool
    excepted: bool
    exception: FreezeException | None


def in_freezes(ledger: Ledger, period: Period) -> Answered:
    """Changes whose window, or whose implementation, shares a moment with a freeze and the period."""
    size = ledger.head().size
    before = Before(ledger.database, size)
    freezes = _freezes(ledger.database, size)
    found = [
        one
        for story in stories(ledger.database, size)
        for freeze, steps in freezes.items()
        for one in _in_freeze(story, freeze, steps, before, period)
    ]
    return Answered(period, size, tuple(found))


def _freezes(database: Database, size: int) -> dict[str, list[Step]]:
    rows: dict[str, list[tuple[int, bytes]]] = {}
    for one in entries_of_family(database, "freeze", size):
        rows.setdefault(one.subject, []).append((one.position, one.raw))
    return {freeze: steps_of(of_it) for freeze, of_it in rows.items()}


def _in_freeze(
    story: Story, freeze: str, steps: list[Step], before: Before, period: Period
) -> Iterator[InFreeze]:
    state = steps[-1].after
    services, span = _shared(story.state, state), _span(state)
    if not services or span is None:
        return
    window, implementation = _window(story), _implementation(story)
    met = [_meets(one, span, period) for one in (window, implementation)]
    if not any(met):
        return
    began = story.began
    exception = _exception(story, steps, before)
    told: Mapping[str, str | None] | None = implementation if met[1] else None
    if told is not None and told["end"] == NEVER:
        told = {**told, "end": None}
    declared = next(one for one in steps if one.said.type == FreezeDeclared.type_name)
    yield InFreeze(
        change=story.subject,
        change_status=story.state.get("status"),
        change_position=story.last.position,
        services=services,
        freeze=freeze,
        freeze_status=state.get("status"),
        freeze_position=declared.position,
        span=span,
        window=window if met[0] else None,
        implementation=told,
        began_position=began.step.position if began else None,
        declared_before=began is None or declared.position < began.step.position,
        excepted=exception is not None and exception.verdict == "granted",
        exception=exception,
    )


def _shared(change: State, freeze: State) -> tuple[str, ...]:
    about, frozen = members(change.get("services")), members(freeze.get("services"))
    return tuple(sorted(about if ALL_SERVICES in frozen else about & frozen))


def _span(freeze: State) -> dict[str, str] | None:
    interval = freeze.get("interval")
    if interval is None:
        return None
    end = min(interval["end"], freeze.get("lifted_at") or NEVER)
    return {"start": interval["start"], "end": end} if interval["start"] < end else None


def _window(story: Story) -> dict[str, str] | None:
    """What is not authorized yet, or was called off, occupies no time."""
    window = story.state.get("window")
    is_planned = story.state.get("status") in ON_CALENDAR
    return dict(window) if window and is_planned else None


def _implementation(story: Story) -> dict[str, str] | None:
    if story.began is None:
        return None
    return {"start": story.began.at, "end": story.ended_at or NEVER}


def _meets(one: Span | None, span: Span, period: Period) -> bool:
    if one is None or not overlap(one, span):
        return False
    both = {"start": max(one["start"], span["start"]), "end": min(one["end"], span["end"])}
    return period.meets(both)


def _exception(story: Story, steps: list[Step], before: Before) -> FreezeException | None:
    """The last verdict on this change by when it began. Of two at one moment the denial holds."""
    began = story.began
    said = [
        (str(one.get("at", "")), one.get("verdict") == "denied", name, step, one)
        for step in steps
        for name, one in (step.said.data.get("exceptions") or {}).items()
        if one.get("change") == story.subject
        and (began is None or step.position < began.step.position)
    ]
    if not said:
        return None
    _, _, name, step, one = max(said, key=lambda each: each[:2])
    return FreezeException(
        name, str(one.get("verdict")), one.get("by"), one.get("at"), act_of(before, step)
    )
