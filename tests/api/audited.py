"""A ledger that auditors ask about, filled by governed orders under the shipped policy in March 2026."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.compose import open_house
from api.settings import Settings
from tests.api.shell import Shell, shell_in
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import ORIGIN, Desk, HandClock
from tests.staffing import init


@dataclass(frozen=True)
class Audited:
    """`normal`: implemented as approved, by DAN on behalf of ANNE, inside a freeze on EVA's exception. `broken`: begun
    without an approval, and approved afterwards. `planned`: scheduled. `external`: observed, and approved late.
    """

    directory: Path
    token: str
    people: dict[str, str]
    annes_grant: str
    authority_role: str
    normal: str
    broken: str
    planned: str
    freeze: str
    size: int
    external: str = "change/EXT-1"

    @property
    def settings(self) -> Settings:
        return Settings(database_url=f"sqlite:///{self.directory / 'ledger.db'}")

    @property
    def shell(self) -> Shell:
        return shell_in(self.directory)


def audited(directory: Path) -> Audited:
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    clock = HandClock()
    made = init(settings, origin=ORIGIN, administrator="Ada Lovelace", clock=clock)
    house = open_house(settings, clock=clock)
    try:
        desk = Desk(house, clock)
        desk.registers_source()
        office = Office.of(desk)
        told = {**_happened(office, desk), "authority_role": office.role("change-authority")}
        size = house.ledger.head().size
    finally:
        house.close()
    people = office.people
    return Audited(directory, made.token, people, office.annes_grant, size=size, **told)


def _happened(office: Office, desk: Desk) -> dict[str, Any]:
    interval = {"start": hours_later(1), "end": hours_later(9)}
    said: dict[str, Any] = {
        "services": ["mail"],
        "interval": interval,
        "reason": "Year-end closing",
    }
    freeze = office.does("EVA", "declare", family="freeze", **said).subject
    until = hours_later(50)
    office.does(
        "ANNE", "delegate", office.annes_grant, family="grant", to=office["DAN"], until=until
    )
    normal = office.drafted(hours=(2, 4))
    office.assessed(normal)
    office.approves("DAN", normal, for_="ANNE")
    office.does("EVA", "grant-exception", freeze, family="freeze", change=normal)
    office.does("MIA", "schedule", normal)
    office.implemented(normal, 2)
    desk.observes(
        "deployment/DEP-1", "recorded", {"change": normal, "content_hash": office.content(normal)}
    )
    office.wait_until(10)
    broken = office.broken_glass()
    office.approves_afterwards(broken)
    office.classified_major()
    planned = office.scheduled(hours=(20, 22), services=["erp"])
    desk.observes("change/EXT-1", "implementation-started", {"started_at": "2026-03-01T10:00:00Z"})
    late = {"by": "Nina", "verdict": "granted", "at": "2026-03-01T12:00:00Z"}
    desk.observes("change/EXT-1", "approval-granted", {"approvals": {"APR-1": late}})
    return {"normal": normal, "broken": broken, "planned": planned, "freeze": freeze}
