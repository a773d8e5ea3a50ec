"""Every event type and command that there is. Import this, and both registries are complete.

A new aggregate adds its modules here, and nowhere else.
"""

from __future__ import annotations

from domain import (
    acts,
    common,
    fact,
    grant,
    grant_commands,
    incident,
    incident_commands,
    incident_regulation,
    policy,
    principal,
    problem,
    problem_commands,
    refusal,
    request,
    request_commands,
    role,
)
from domain.command import COMMANDS
from domain.event import EVENT_TYPES

AGGREGATES = (
    acts,
    common,
    fact,
    grant,
    grant_commands,
    incident,
    incident_commands,
    incident_regulation,
    policy,
    principal,
    problem,
    problem_commands,
    refusal,
    request,
    request_commands,
    role,
)

__all__ = ["AGGREGATES", "COMMANDS", "EVENT_TYPES"]
