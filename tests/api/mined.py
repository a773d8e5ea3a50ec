"""A ledger whose incidents somebody mines: four that a source observed on the first of March."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.compose import open_house
from api.settings import Settings
from tests.api.shell import Shell, shell_in
from tests.replay.given_log import ORIGIN, Desk, HandClock
from tests.replay.process.given_cases import at_desk
from tests.staffing import init

TITLE: Final = "Grace Hopper cannot sign in"
HOSTILE: Final = '<script>"Müller & Söhne"\x1b[31m</script>'


@dataclass(frozen=True)
class Mined:
    directory: Path
    token: str

    @property
    def settings(self) -> Settings:
        return Settings(database_url=f"sqlite:///{self.directory / 'ledger.db'}")

    @property
    def shell(self) -> Shell:
        return shell_in(self.directory)


def mined(directory: Path) -> Mined:
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    clock = HandClock()
    made = init(settings, origin=ORIGIN, administrator="Ada Lovelace", clock=clock)
    house = open_house(settings, clock=clock)
    try:
        desk = Desk(house, clock)
        desk.registers_source()
        _happened(desk)
    finally:
        house.close()
    return Mined(directory, made.token)


def _happened(at: Desk) -> None:
    """INC1 goes the declared way, INC2 to and fro and back again, INC3 past the machine, INC4 nowhere."""
    at_desk(
        at, "INC1", (0, "reported", {"title": TITLE}), (10, "assigned", {"assignment_group": "desk"}),
        (20, "work-started", {"assigned_to": "principal/PRN0000001"}), (30, "resolved", {}), (60, "closed", {}),
    )  # fmt: skip
    at_desk(
        at, "INC2", (0, "reported", {"title": TITLE, "reopen_count": 0}),
        (5, "assigned", {"assignment_group": "desk"}), (10, "reassigned", {"assignment_group": HOSTILE}),
        (20, "reassigned", {"assignment_group": "desk"}), (25, "work-started", {}), (30, "resolved", {}),
        (40, "reopened", {"reopen_count": 1}), (50, "resolved", {}),
    )  # fmt: skip
    at_desk(at, "INC3", (70, "reported", {}), (80, "resolved", {"source_status": "Fixed"}))
    at_desk(at, "INC4", (90, "reported", {}))
