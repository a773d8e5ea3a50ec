"""What differs between two states, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from domain.event import Json, State
from domain.fold import merge_patch

Change = dict[str, Json]
"""`{"from": …, "to": …}`; null where there was, or is, nothing."""


def changed_fields(
    before: State, after: State, among: Iterable[str] | None = None
) -> dict[str, Change]:
    """Each member that differs, by its path: names joined by dots where objects lie within objects.

    Lists are compared whole. An object that appears or vanishes is told by its members. `among`: the
    only members that can differ, where the caller knows them.
    """
    names = _either(before, after) if among is None else among
    return {
        path: {"from": old, "to": new} for path, old, new in _differing("", names, before, after)
    }


def apply_patch(state: dict[str, Json], patch: Mapping[str, Json]) -> dict[str, Change]:
    """Fold one merge patch into `state`, in place, and tell what it changed, as `changed_fields` would."""
    changes: dict[str, Change] = {}
    for name, new in patch.items():
        old, kind = state.get(name), type(new)
        if old is new:
            continue
        if kind is dict or type(old) is dict:
            before: dict[str, Json] = {} if old is None else {name: old}
            after = merge_patch(before, {name: new})
            changes.update(changed_fields(before, after))
            state.pop(name, None)
            state.update(after)
        elif new is None:
            del state[name]
            changes[name] = {"from": old, "to": None}
        elif old != new or type(old) is not kind:
            state[name] = new
            changes[name] = {"from": old, "to": new}
    return changes


def states(patch: Mapping[str, Json], path: str) -> bool:
    """Does the merge patch state or clear the field, a part of it, or all of an object it lies in?"""
    for name, value in patch.items():
        if path == name:
            return True
        if path.startswith(name + ".") and (
            not isinstance(value, dict) or states(value, path[len(name) + 1 :])
        ):
            return True
    return False


def _differing(
    prefix: str, names: Iterable[str], before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[tuple[str, Json, Json]]:
    for name in names:
        old, new = before.get(name), after.get(name)
        # The fold shares what a patch did not reach: most members end here.
        if old is new:
            continue
        if _objects(old, new):
            was, became = old or {}, new or {}
            yield from _differing(f"{prefix}{name}.", _either(was, became), was, became)
        elif old != new or type(old) is not type(new):  # false is not 0
            yield prefix + name, old, new


def _either(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    return [*before, *(name for name in after if name not in before)]


def _objects(old: Json, new: Json) -> bool:
    """Both objects, or one of them where nothing was; an empty one is a value of its own."""
    if old is None or new is None:
        return isinstance(old or new, dict) and bool(old or new)
    return isinstance(old, dict) and isinstance(new, dict)
