"""The principal that a mapping's facts are recorded by: registered once, by whoever imports first."""

from __future__ import annotations

from api.importing.schema import SourceMapping
from domain.errors import CanNot, MayNot, UnknownSubject
from domain.event import State
from domain.principal import RegisterPrincipal
from ledger.govern import Actor, Order
from ledger.ledger import Ledger


def register_source(ledger: Ledger, mapping: SourceMapping, actor: Actor) -> None:
    """Raises MayNot if the actor may not register it, or if the name belongs to something else."""
    if not _state(ledger, mapping.principal):
        try:
            ledger.execute(_order(mapping, actor))
        except CanNot:
            # Another import of the same source may have been a moment earlier.
            if not _state(ledger, mapping.principal):
                raise
    state = _state(ledger, mapping.principal)
    if state.get("status") != "registered" or state.get("mode") != "observe":
        raise MayNot(
            f"{mapping.principal} is {state.get('status')} in mode {state.get('mode')}; an import takes a "
            "registered source in mode observe",
            rules=("observing-source",),
            recorder=mapping.principal,
        )


def _state(ledger: Ledger, principal: str) -> State:
    try:
        return ledger.subject(principal).state
    except UnknownSubject:
        return {}


def _order(mapping: SourceMapping, actor: Actor) -> Order:
    command = RegisterPrincipal(
        kind="source", name=mapping.source, mode="observe", source_uri=mapping.source_uri
    )
    return Order(command, actor, mapping.principal)
