"""The policy that this software ships, and the roles it names: what a new ledger's genesis puts in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

TITLE = "Shipped policy"


@dataclass(frozen=True, slots=True)
class ShippedRole:
    name: str
    title: str
    privileged: bool
    conflicts: tuple[str, ...]


@cache
def shipped_texts() -> Mapping[str, str]:
    """File name → Cedar text."""
    found = files("domain").joinpath("policies").iterdir()
    return {
        file.name: file.read_text("utf-8")
        for file in sorted(found, key=lambda one: one.name)
        if file.name.endswith(".cedar")
    }


@cache
def shipped_roles() -> tuple[ShippedRole, ...]:
    import yaml  # noqa: PLC0415 - a ledger that has its roles need not load it

    text = files("domain").joinpath("policies", "roles.yaml").read_text("utf-8")
    said: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return tuple(
        ShippedRole(
            name,
            told["title"],
            bool(told.get("privileged", False)),
            tuple(told.get("conflicts", ())),
        )
        for name, told in said.items()
    )
