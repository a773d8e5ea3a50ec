"""Every event type and command that there is. Import this, and both registries are complete.

A new aggregate adds its modules here, and nowhere else.
"""

from __future__ import annotations

from domain import (
    acts,
    common,
    fact,
    identity,
    incident,
    incident_commands,
    incident_regulation,
    principal,
    problem,
    problem_commands,
    request,
    request_commands,
)
from domain.command import COMMANDS
from domain.event import EVENT_TYPES

AGGREGATES = (
    acts,
    common,
    fact,
    identity,
    incident,
    incident_commands,
    incident_regulation,
    principal,
    problem,
    problem_commands,
    request,
    request_commands,
)

__all__ = ["AGGREGATES", "COMMANDS", "EVENT_TYPES"]
