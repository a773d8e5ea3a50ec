"""Every projection that is run. A new one is one line here."""

from __future__ import annotations

from projections.activity import ActivityByActor
from projections.flow import FlowOfStates
from projections.projection import Projection
from projections.tickets import TicketRegister

TICKETS = TicketRegister()
ACTIVITY = ActivityByActor()
FLOW = FlowOfStates()

PROJECTIONS: tuple[Projection, ...] = (TICKETS, ACTIVITY, FLOW)
