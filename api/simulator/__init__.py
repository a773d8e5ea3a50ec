"""A company's service desk through a quarter, seeded: for the demo, and for looking at a ledger that has lived."""

from api.simulator.clock import SimulatedClock
from api.simulator.quarter import QUARTER, Quarter, simulate
from api.simulator.telling import Case

__all__ = ["QUARTER", "Case", "Quarter", "SimulatedClock", "simulate"]
