"""Which parts and circumstances the orders of an action can tell a policy, read from their code.

A word that a rule asks for and nobody ever tells makes a permit idle, and a forbid a fence with a hole.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import domain.parts
from domain.by_policy import NO_DELEGATION
from domain.command import COMMANDS, Command
from domain.families import FAMILIES
from domain.policy_text import PolicyRule

Word = tuple[str, str]
"""(`parts`, `filled` or `circumstances`; the word)"""


def words_asked(rule: PolicyRule) -> set[Word]:
    """Every word that the rule's conditions look for in the context."""
    return set(_asked(rule.parsed["conditions"]))


def _asked(node: Any) -> Iterator[Word]:
    if isinstance(node, list):
        for one in node:
            yield from _asked(one)
    elif isinstance(node, Mapping):
        for operator, told in node.items():
            if operator in {"contains", "containsAny", "containsAll"}:
                of = told["left"]["."]
                assert of["left"] == {"Var": "context"}, "a set of something else than the context"
                yield from ((of["attr"], word) for word in _literals(told["right"]))
            yield from _asked(told)


def _literals(node: Mapping[str, Any]) -> list[str]:
    if "Set" in node:
        return [word for one in node["Set"] for word in _literals(one)]
    return [str(node["Value"])]


@cache
def can_tell(action: str, kind: str, word: str) -> bool:
    """May the order of this action have the word among its `parts` (or `filled`) or `circumstances`?"""
    family, _, verb = action.partition(":")
    if kind == "circumstances" and word == NO_DELEGATION:
        return True  # told by the port itself, whatever is ordered
    command = COMMANDS.get((family, verb))
    if command is None:
        return False  # reading tells nothing
    said = _constants(command, "circumstances" if kind == "circumstances" else "parts")
    if kind != "circumstances":
        told = {family, *(name for name in FAMILIES if name in said)}
        return word in said or any(word in _family_parts(name) for name in told)
    # `f"type-{…}"` leaves its constant beginning.
    return word in said or any(one.endswith("-") and word.startswith(one) for one in said)


@cache
def _family_parts(family: str) -> frozenset[str]:
    rule = domain.parts._PARTS.get(family)
    return frozenset(rule({})) if rule else frozenset()


def _constants(command: type[Command], hook: str) -> frozenset[str]:
    """Every text in the code of the hook, and of whatever of ours it calls."""
    found: set[str] = set()
    for owner in command.__mro__:
        method = owner.__dict__.get(hook)
        if isinstance(method, FunctionType):
            _gather(method, command, found, set())
            if "super" not in method.__code__.co_names:
                break
    return frozenset(found)


def _gather(function: Any, command: type[Command], found: set[str], seen: set[Any]) -> None:
    if not isinstance(function, FunctionType) or function in seen:
        return
    if not function.__module__.startswith("domain."):
        return
    seen.add(function)
    for code in _codes(function.__code__):
        found.update(_texts(code.co_consts))
        for name in code.co_names:
            value = function.__globals__.get(name, inspect.getattr_static(command, name, None))
            _gather(value, command, found, seen)
            found.update(_texts(value))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _texts(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, tuple | frozenset):
        for one in told:
            yield from _texts(one)
