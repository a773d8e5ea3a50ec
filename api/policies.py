"""Policies as people hand them in: a file of Cedar text, a directory of them, or one that the ledger holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from domain.errors import Malformed, Refused, UnknownSubject
from domain.policy import policy_hash
from domain.policy_schema import schema_text
from domain.policy_text import PolicyRule, read_rules, validate
from domain.rosters import POLICIES
from domain.thresholds import thresholds_of
from ledger.ledger import Ledger

THRESHOLDS_FILE = "thresholds.json"


@dataclass(frozen=True, slots=True)
class HandedIn:
    """`name`: as it was asked for. `thresholds`: those it sets; the others are the shipped ones.

    `is_held`: the ledger holds it, which takes none that is not valid.
    """

    name: str
    texts: Mapping[str, str]
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    is_held: bool = False

    @property
    def hash(self) -> str:
        return policy_hash(self.texts, self.thresholds)


def handed_in(named: str, ledger: Ledger | None = None) -> HandedIn:
    """`policy/POL0000003` (and `in-force`) of the ledger, else a path. Raises Malformed, UnknownSubject."""
    if ledger is not None and (named == "in-force" or named.startswith("policy/")):
        return held(named, ledger)
    path = Path(named)
    if path.is_dir():
        return HandedIn(named, _texts(path), _thresholds(path / THRESHOLDS_FILE))
    return HandedIn(named, {path.name: _read(path)})


def held(named: str, ledger: Ledger) -> HandedIn:
    """Raises UnknownSubject."""
    if named == "in-force":
        members = ledger.roster(POLICIES).members
        if not members:
            raise UnknownSubject("no policy is in force", subject=named)
        named = members[-1]
    subject = named.partition("@")[0]
    state = ledger.subject(subject).state
    return HandedIn(subject, state["texts"], state["thresholds"], is_held=True)


def write_policy(policy: HandedIn, directory: Path) -> None:
    """As `handed_in` reads it. Raises Refused for a directory that is there, and writes nothing."""
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise Refused(f"{directory} is there already; name another directory") from None
    for name, text in policy.texts.items():
        (directory / name).write_text(text, "utf-8")
    thresholds = orjson.dumps(dict(policy.thresholds), option=orjson.OPT_INDENT_2)
    (directory / THRESHOLDS_FILE).write_bytes(thresholds + b"\n")


def validated(chosen: HandedIn) -> HandedIn:
    """The same, once Cedar and the thresholds' own checks passed it; one that the ledger holds they did before.

    Raises Malformed, with Cedar's messages and their places.
    """
    if chosen.is_held:
        return chosen
    if not chosen.texts:
        raise Malformed("a policy has at least one file with Cedar text")
    validate(chosen.texts, schema_text())
    thresholds_of(chosen.thresholds)
    return chosen


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """What two policies say otherwise, rule by rule; by id, in order. `thresholds`: name → both values."""

    added: tuple[PolicyRule, ...]
    removed: tuple[PolicyRule, ...]
    changed: tuple[tuple[PolicyRule, PolicyRule], ...]
    thresholds: Mapping[str, tuple[Any, Any]]


def difference(before: HandedIn, after: HandedIn) -> PolicyDifference:
    """Two rules of one id differ where Cedar reads them differently: layout and comments do not count."""
    old = {rule.id: rule for rule in read_rules(before.texts)}
    new = {rule.id: rule for rule in read_rules(after.texts)}
    both = sorted(old.keys() & new.keys())
    return PolicyDifference(
        added=tuple(new[name] for name in sorted(new.keys() - old.keys())),
        removed=tuple(old[name] for name in sorted(old.keys() - new.keys())),
        changed=tuple(
            (old[name], new[name]) for name in both if old[name].parsed != new[name].parsed
        ),
        thresholds={
            name: (before.thresholds.get(name), after.thresholds.get(name))
            for name in sorted({*before.thresholds, *after.thresholds})
            if before.thresholds.get(name) != after.thresholds.get(name)
        },
    )


def _texts(directory: Path) -> dict[str, str]:
    found = {path.name: _read(path) for path in sorted(directory.glob("*.cedar"))}
    if not found:
        raise Malformed(f"{directory} holds no *.cedar file")
    return found


def _thresholds(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        told = orjson.loads(_read(path))
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise Malformed(f"expected {path} to hold a JSON object, got another value")
    return told


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{path} cannot be read as UTF-8 text: {error}") from None
