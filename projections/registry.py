"""Every projection that is run. A new one is one line here."""

from __future__ import annotations

from projections.activity import ActivityByActor
from projections.calendar import ChangeCalendar
from projections.changes import ChangeRegister
from projections.deployments import DeploymentRegister
from projections.findings import FindingRegister
from projections.flow import FlowOfStates
from projections.grants import GrantRegister
from projections.obligations import Obligations
from projections.projection import Projection
from projections.reviews import ReviewRegister
from projections.tickets import TicketRegister
from projections.timers import Timers

TICKETS = TicketRegister()
ACTIVITY = ActivityByActor()
FLOW = FlowOfStates()
CHANGES = ChangeRegister()
CALENDAR = ChangeCalendar()
GRANTS = GrantRegister()
TIMERS = Timers()
FINDINGS = FindingRegister()
REVIEWS = ReviewRegister()
DEPLOYMENTS = DeploymentRegister()
OBLIGATIONS = Obligations()

PROJECTIONS: tuple[Projection, ...] = (
    TICKETS,
    ACTIVITY,
    FLOW,
    CHANGES,
    CALENDAR,
    GRANTS,
    TIMERS,
    FINDINGS,
    REVIEWS,
    DEPLOYMENTS,
    OBLIGATIONS,
)
