"""Incidents that the tests of incidents start from."""

from __future__ import annotations

from domain.incident import (
    IncidentAssigned,
    IncidentClosed,
    IncidentPutOnHold,
    IncidentReported,
    IncidentResolved,
    IncidentWorkStarted,
)
from domain.incident_regulation import Stage, SubmitRegulatoryReport
from tests.given import ADA, BEN, NOW

HASH = "sha256:" + "7c" * 32
DETECTED = "2026-03-02T08:45:00.000000Z"
REPORTED = "2026-03-02T09:00:00.000000Z"

reported = IncidentReported(
    title="Mail is not delivered",
    impact=2,
    urgency=2,
    priority=2,
    prioritised_by=ADA,
    detected_at=DETECTED,
    reported_at=REPORTED,
    reassignment_count=0,
    reopen_count=0,
)
to_ben = IncidentAssigned(assignment_group="messaging", assigned_to=BEN)
to_group = IncidentAssigned(assignment_group="messaging", assigned_to=None)
started = IncidentWorkStarted(assigned_to=BEN)
held = IncidentPutOnHold(hold_reason="supplier", hold_reference="contract/CON0000007")
resolved = IncidentResolved(
    resolution_code="restarted",
    resolved_by=BEN,
    resolved_at=NOW,
    restored_at=NOW,
    closes_at="2026-03-16T12:00:00.000000Z",
)
closed = IncidentClosed(closed_by=ADA, closed_at=NOW)
WORKING = (reported, to_ben, started)


def report(stage: Stage, root_cause: str | None = None) -> SubmitRegulatoryReport:
    return SubmitRegulatoryReport(
        stage=stage, authority="BaFin", sha256=HASH, root_cause=root_cause
    )
