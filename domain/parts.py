"""Who has played which part on a subject, and which services it is about: what each family says of its state.

Parts are what separation of duties compares with: the requester of a change, its developers, its approvers.
A policy names them by these words, so a word, once used, keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.event import Json, State

Parts = Callable[[State], Mapping[str, Iterable[Json]]]
Services = Callable[[State], Iterable[str]]

_PARTS: dict[str, Parts] = {}
_SERVICES: dict[str, Services] = {}


def has_parts(family: str, parts: Parts, services: Services | None = None) -> None:
    """Register what the family's states say. Both are pure and never fail; members may be missing."""
    if family in _PARTS:
        raise TypeError(f"{family} has its parts named twice")
    _PARTS[family] = parts
    if services is not None:
        _SERVICES[family] = services


def parts_in(family: str, state: State) -> dict[str, frozenset[str]]:
    """Part → the principals who have played it. A part that nobody has played is left out."""
    rule = _PARTS.get(family)
    if rule is None or not state:
        return {}
    played: dict[str, frozenset[str]] = {}
    for part, people in rule(state).items():
        named = [one for one in people if isinstance(one, str)]
        if named:
            played[part] = frozenset(named)
    return played


def services_in(family: str, state: State) -> frozenset[str]:
    rule = _SERVICES.get(family)
    return frozenset(rule(state)) if rule else frozenset()
