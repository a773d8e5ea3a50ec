"""Where each family's workflow ends. Facts: `terminal` in `state_machines.yaml`.

Some of these can be left again, as a closed incident that is reopened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.event import State

TERMINAL: Final[Mapping[str, frozenset[str]]] = {
    "incident": frozenset({"closed", "cancelled"}),
    "request": frozenset({"closed", "rejected", "cancelled"}),
    "problem": frozenset({"closed", "rejected"}),
    "change": frozenset({"closed", "cancelled"}),
    "model": frozenset({"retired"}),
    "grant": frozenset({"rejected", "revoked", "expired"}),
    "freeze": frozenset({"lifted", "expired"}),
    "review": frozenset({"closed"}),
}


def is_finished(family: str, state: State) -> bool:
    """Has its workflow ended? Never, for a family without one."""
    return state.get("status") in TERMINAL.get(family, ())
