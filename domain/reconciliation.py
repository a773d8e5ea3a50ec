"""Which change stands behind a deployment: by reference, commits, content, or service and window, in this order.

Decided by when the deployment happened, whenever it was told: a change counts as authorized, under way or done by
the moments that its state gives. So the answer is the same from any state of the change that knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from domain.errors import Malformed
from domain.event import State
from domain.moments import LATEST
from domain.sets import members
from domain.thresholds import Thresholds
from domain.windows import Window

Way = Literal["reference", "commits", "content", "service"]
Breach = Literal["unmatched", "outside", "other-content"]
Verdict = Literal["matched", "unmatched", "outside", "other-content"]

WAYS: Final[tuple[Way, ...]] = ("reference", "commits", "content", "service")
VERDICTS: Final[tuple[Verdict, ...]] = ("matched", "unmatched", "outside", "other-content")
CHANGE_MEMBERS: Final = frozenset({
    "status", "authorized_at", "break_glass_at", "authorized_hash", "retro_content_hash", "content_hash", "commits",
    "tests", "services", "window", "approved_window", "started_at", "implemented_at", "rolled_back_at",
    "emergency_incident",
})  # fmt: skip
"""What of the state of a change is looked at here."""
_NEVER_AUTHORIZED: Final = frozenset({"cancelled", "rejected"})


def checked_verdict(said: str) -> Verdict:
    """Raises Malformed for a word that is no verdict."""
    for verdict in VERDICTS:
        if said == verdict:
            return verdict
    raise Malformed(f"expected one of {', '.join(VERDICTS)}, got {said!r}", verdict=said)


class Changes(Protocol):
    """Where changes are looked up. Each answer may hold more than was asked for, never less."""

    def state(self, subject: str) -> State: ...

    def marked(self, mark: str) -> Iterable[str]:
        """The changes that have the mark (`marks_of_change`)."""

    def on_service(self, service: str, moment: str) -> Iterable[str]:
        """The changes to the service whose claim (`claim_of`) covers the moment."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What became of a deployment. `breaches`: what is wrong, the gravest first, each in a sentence.

    `unmatched`: no change was authorized when it happened; `change` is then the one that it names, if any.
    `outside`: the window or the implementation of the change does not cover it. `other-content`: what was
    deployed is not what was approved. `by`: how the change was found.
    """

    change: str | None = None
    by: Way | None = None
    breaches: Mapping[Breach, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        return next(iter(self.breaches), "matched")


def counts(deployment: State, thresholds: Thresholds) -> bool:
    """Must a change stand behind it? By its environment; one that does not say where it ran counts."""
    where = deployment.get("environment")
    return has_run(deployment) and (where is None or where in thresholds.reconciled_environments)


def has_run(deployment: State) -> bool:
    """Was anything deployed, as far as it was told? A service that was only told to be restored was not."""
    told = deployment.get("status") in {"deployed", "failed"}
    return told or happened_at(deployment) is not None


def happened_at(deployment: State) -> str | None:
    """When it went live, else when it began, as far as it was told; else its first fact's time has to do."""
    moment: str | None = deployment.get("finished_at") or deployment.get("started_at")
    return moment


def reconciled(deployment: State, moment: str, changes: Changes) -> Reconciled:
    """`moment`: when it happened. A change that it names is the only one asked; otherwise the first way that finds
    one without a breach, and if none does, the first that finds one.
    """
    named = deployment.get("change")
    if named:
        return _of_named(deployment, moment, str(named), changes.state(str(named)))
    breached: Reconciled | None = None
    for way in WAYS[1:]:
        for found in _found(deployment, moment, way, changes):
            if not found.breaches:
                return found
            breached = breached or found
    return breached or Reconciled(None, None, {"unmatched": "no authorized change is found"})


def _of_named(deployment: State, moment: str, name: str, change: State) -> Reconciled:
    if authorized_by(change, moment):
        return Reconciled(name, "reference", _breaches(deployment, moment, name, change))
    later = change.get("authorized_at") or change.get("break_glass_at")
    why = "is not authorized" if change else "is not recorded"
    if later and change.get("status") not in _NEVER_AUTHORIZED:
        why = f"was authorized at {later} only"
    return Reconciled(name, "reference", {"unmatched": f"{name} {why}"})


def _found(deployment: State, moment: str, way: Way, changes: Changes) -> Iterator[Reconciled]:
    """Every authorized change that this way finds, those without a breach first, then by name."""
    names = sorted(set(_CANDIDATES[way](deployment, moment, changes)))
    states = {name: changes.state(name) for name in names}
    found = [
        Reconciled(name, way, _breaches(deployment, moment, name, state))
        for name, state in states.items()
        if authorized_by(state, moment) and _is_found(deployment, moment, way, state)
    ]
    yield from sorted(found, key=lambda one: len(one.breaches))


def _is_found(deployment: State, moment: str, way: Way, change: State) -> bool:
    if way != "service":
        return bool(_marks(deployment, way) & frozenset(marks_of_change(change)))
    # Nothing but its time ties it to the change: at another time it is not the change's.
    on_it = deployment.get("service") in members(change.get("services"))
    return on_it and claim_of(change) is not None and _outside(deployment, moment, change) is None


def authorized_by(change: State, moment: str) -> bool:
    """Did an authorization stand at the moment, or the invocation that stands in for one?"""
    stated = (change.get("authorized_at"), change.get("break_glass_at"))
    is_in_force = change.get("status") not in _NEVER_AUTHORIZED
    return is_in_force and any(at is not None and at <= moment for at in stated)


def _breaches(deployment: State, moment: str, name: str, change: State) -> dict[Breach, str]:
    found: dict[Breach, str | None] = {
        "outside": _outside(deployment, moment, change),
        "other-content": _other_content(deployment, change),
    }
    return {breach: f"{name}: {told}" for breach, told in found.items() if told is not None}


def _outside(deployment: State, moment: str, change: State) -> str | None:
    window = window_of(change)
    began = min(deployment.get("started_at") or moment, moment)
    if window is not None and not (window["start"] <= began and moment < window["end"]):
        return f"its window is {window['start']} to {window['end']}, the deployment ran {began} to {moment}"
    start, end = change.get("started_at"), _ended(change)
    if start is None and change.get("status") in {"authorized", "scheduled"}:
        return f"its implementation had not begun at {moment}"
    if start is not None and moment < start:
        return f"its implementation began at {start}, the deployment was at {moment}"
    if end is not None and moment > end:
        return f"its implementation ended at {end}, the deployment was at {moment}"
    return None


def _other_content(deployment: State, change: State) -> str | None:
    deployed, approved = deployment.get("content_hash"), approved_content(change)
    if deployed and approved and deployed != approved:
        return f"{approved} was approved, {deployed} was deployed"
    linked = change.get("commits") or {}
    besides = sorted(members(deployment.get("commits")) - linked.keys()) if linked else []
    if besides:
        return f"it does not link the deployed {', '.join(besides[:3])}"
    return None


def approved_content(change: State) -> str | None:
    """The hash of what was authorized; of a broken glass, of what was approved afterwards, or stands."""
    for member in ("authorized_hash", "retro_content_hash", "content_hash"):
        if change.get(member):
            return str(change[member])
    return None


def marks_of_change(change: State) -> Iterator[str]:
    """What a deployment of the change can be known by: its commits, its content, the artifacts that passed a test."""
    yield from map("commit {}".format, change.get("commits") or {})
    content = approved_content(change)
    if content is not None:
        yield f"content {content}"
    for test in (change.get("tests") or {}).values():
        if test.get("verdict") == "passed" and test.get("artifact"):
            yield f"artifact {test['artifact']}"


def marks_of_deployment(deployment: State) -> Iterator[str]:
    for way in WAYS:
        yield from sorted(_marks(deployment, way))


def _marks(deployment: State, way: Way) -> frozenset[str]:
    match way:
        case "commits":
            return frozenset(map("commit {}".format, members(deployment.get("commits"))))
        case "content":
            told = (("content", "content_hash"), ("artifact", "artifact"))
            return frozenset(f"{kind} {deployment[of]}" for kind, of in told if deployment.get(of))
        case _:
            return frozenset()


def claim_of(change: State) -> Window | None:
    """When a deployment to its services can be the change's: its window; in an emergency, its implementation.

    None: it is not authorized, or not known to be going to happen at any time.
    """
    if not (change.get("authorized_at") or change.get("break_glass_at")):
        return None
    window = window_of(change)
    if window is not None:
        return window
    start = change.get("started_at")
    return None if start is None else Window(start=start, end=_ended(change) or LATEST)


def window_of(change: State) -> Window | None:
    """None for an emergency that was begun as one: it waits for no window."""
    if change.get("emergency_incident") or change.get("break_glass_at"):
        return None
    return change.get("approved_window") or change.get("window")


def _ended(change: State) -> str | None:
    """The end of what was done: undoing it belongs to it."""
    ends: Sequence[str] = [
        change[name] for name in ("implemented_at", "rolled_back_at") if change.get(name)
    ]
    return max(ends, default=None)


def _by_marks(way: Way) -> Callable[[State, str, Changes], Iterable[str]]:
    return lambda deployment, _, changes: (
        name for mark in sorted(_marks(deployment, way)) for name in changes.marked(mark)
    )


def _on_its_service(deployment: State, moment: str, changes: Changes) -> Iterable[str]:
    service = deployment.get("service")
    return changes.on_service(str(service), moment) if service else ()


_CANDIDATES: Final[Mapping[Way, Callable[[State, str, Changes], Iterable[str]]]] = {
    "commits": _by_marks("commits"),
    "content": _by_marks("content"),
    "service": _on_its_service,
}
