"""Every event type and command that there is. Import this, and both registries are complete.

A new aggregate adds its modules here, and nowhere else.
"""

from __future__ import annotations

from domain import (
    acts,
    change,
    change_approval,
    change_assessment,
    change_authorization,
    change_evidence,
    change_implementation,
    change_planning,
    change_retro_approval,
    change_review,
    common,
    deployment,
    deviation,
    fact,
    finding,
    freeze,
    grant,
    grant_commands,
    identity,
    incident,
    incident_commands,
    incident_regulation,
    model,
    policy,
    principal,
    problem,
    problem_commands,
    reading,
    refusal,
    request,
    request_commands,
    review,
    review_commands,
    role,
)
from domain.command import COMMANDS
from domain.event import EVENT_TYPES

AGGREGATES = (
    acts,
    change,
    change_approval,
    change_assessment,
    change_authorization,
    change_evidence,
    change_implementation,
    change_planning,
    change_retro_approval,
    change_review,
    common,
    deployment,
    deviation,
    fact,
    finding,
    freeze,
    grant,
    grant_commands,
    identity,
    incident,
    incident_commands,
    incident_regulation,
    model,
    policy,
    principal,
    problem,
    problem_commands,
    reading,
    refusal,
    request,
    request_commands,
    review,
    review_commands,
    role,
)

__all__ = ["AGGREGATES", "COMMANDS", "EVENT_TYPES"]
