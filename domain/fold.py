"""The one fold: state is what the merge patches of a subject's events add up to.

Anyone must be able to write this again in twenty lines, so it is RFC 7396 and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, overload

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"


@overload
def merge_patch(state: Json, patch: JsonObject) -> JsonObject: ...
@overload
def merge_patch(state: Json, patch: Json) -> Json: ...
def merge_patch(state: Json, patch: Json) -> Json:
    """`state` with `patch` applied, by RFC 7396 section 2.

    Mutates neither argument. Whatever the patch does not reach is shared with `state`, whatever it
    sets whole is shared with `patch`, so neither may be changed in place afterwards. Never fails:
    not by depth either, since it does not recurse and a payload nested deeper than Python's stack
    must not become an entry that cannot be folded.
    """
    if not isinstance(patch, dict):
        return patch
    merged = state.copy() if isinstance(state, dict) else {}
    patch_in_place(merged, patch)
    return merged


def fold(patches: Iterable[JsonObject]) -> JsonObject:
    """The state after `patches` in the order given, from `{}`. Always a new object."""
    state: JsonObject = {}
    for patch in patches:
        # Nobody else holds this state yet, so it is changed in place.
        patch_in_place(state, patch)
    return state


def patch_in_place(state: JsonObject, patch: JsonObject) -> None:
    """As `merge_patch`, for whoever alone holds `state`: changes it, and nothing inside it that somebody else may hold."""
    waiting = [(patch, state)]
    # The list grows while it is walked: each object inside a patch adds itself behind the others.
    for members, into in waiting:
        for name, value in members.items():
            if value is None:
                into.pop(name, None)
            elif isinstance(value, dict):
                # Even where the state holds no object: nulls inside a patch's object must not become
                # members.
                child = _own_copy(into.get(name))
                into[name] = child
                waiting.append((value, child))
            else:
                into[name] = value


def _own_copy(value: Json) -> JsonObject:
    return value.copy() if isinstance(value, dict) else {}
