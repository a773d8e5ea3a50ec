"""The Cedar schema that policies are validated against, made from the registries of events and commands.

A subject is a resource of its family's type, `Change` for `change/…`, and has the scalar members that its
events state, each of which may be missing; personal ones are left out. `Role` is what a principal is in while
a grant gives it (`principal in Role::"change-authority"`). Every action has the same context, `Asked`.
"""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from domain.command import COMMANDS
from domain.event import EVENT_TYPES
from domain.families import FAMILIES

_CEDAR_TYPES: Final[dict[type, str]] = {str: "String", bool: "Bool", int: "Long"}
READ: Final = "read"
READ_PERSONAL: Final = "read-personal"
"""Beside its commands each family has these two actions."""
ORDER: Final = "order"
READING: Final = "reading"
"""Groups of actions: what changes something, and what does not. Each family is a group of its orders too."""

HEAD: Final = """\
// parts: what the acting people have been to the subject; filled: parts that somebody has played.
// circumstances: what the order's own documentation says it may tell. onBehalf: acting in a delegated role.
type Asked = { parts: Set<String>, filled: Set<String>, circumstances: Set<String>, onBehalf: Bool };
entity Role;
entity Principal in [Role] = { kind: String, status: String, mode: String };
action "order", "reading";
"""


def resource_type(family: str) -> str:
    """`RoleDefinition` for roles, since `Role` is what a principal is in."""
    return {"role": "RoleDefinition", "principal": "Account"}.get(family, family.capitalize())


def action_of(family: str, verb: str) -> str:
    return f"{family}:{verb}"


def groups_of(action: str) -> tuple[str, ...]:
    """The groups that an action is in."""
    family, _, verb = action.partition(":")
    return (READING,) if verb in {READ, READ_PERSONAL} else (ORDER, family)


@cache
def schema_text() -> str:
    """In Cedar's own schema language."""
    parts = [HEAD]
    for family in FAMILIES:
        members = "".join(
            f"  {_quoted(name)}?: {kind},\n" for name, kind in sorted(members_of(family).items())
        )
        type_ = resource_type(family)
        parts.append(f'entity {type_} = {{\n{members}}};\naction "{family}";\n')
        orders = sorted(action_of(owner, verb) for owner, verb in COMMANDS if owner == family)
        reading = [action_of(family, verb) for verb in (READ, READ_PERSONAL)]
        parts += [_actions(some, type_) for some in (orders, reading) if some]
    return "".join(parts)


def _actions(actions: list[str], type_: str) -> str:
    """All of one group set: `action "incident:assign", … in ["order", "incident"] appliesTo { … };`"""
    named = ", ".join(map(_quoted, actions))
    groups = ", ".join(map(_quoted, groups_of(actions[0])))
    applies = f"{{ principal: Principal, resource: {type_}, context: Asked }}"
    return f"action {named}\n  in [{groups}] appliesTo {applies};\n"


@cache
def members_of(family: str) -> dict[str, str]:
    """Member → Cedar type, of what a policy may ask about a subject of the family."""
    members = {"status": "String"}
    for event in EVENT_TYPES.values():
        if event.family.name != family:
            continue
        for name, info in event.model_fields.items():
            kind = _scalar(info.annotation)
            if kind is not None and name not in event.personal:
                members[name] = kind
    return members


def _scalar(annotation: Any) -> str | None:
    """Cedar's type for text, whole numbers and booleans, also where they may be null; else None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _scalar(get_args(annotation)[0])
    if origin is Literal:
        return _one([_CEDAR_TYPES.get(type(value)) for value in get_args(annotation)])
    if origin in {Union, types.UnionType}:
        return _one([_scalar(one) for one in get_args(annotation) if one is not type(None)])
    return _CEDAR_TYPES.get(annotation) if isinstance(annotation, type) else None


def _one(kinds: list[str | None]) -> str | None:
    return kinds[0] if len(set(kinds)) == 1 else None


def _quoted(name: str) -> str:
    return f'"{name}"'
