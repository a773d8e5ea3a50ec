"""The estate just before an entry is what the ledger says, however little of it is held."""

from __future__ import annotations

import pytest

from domain.change_authorization import ChangePreAuthorized
from domain.change_planning import ChangeDrafted
from domain.change_review import ChangeClosed
from domain.event import Event
from domain.model import ModelApproved, ModelProposed
from domain.rosters import POLICIES, ROLES, failures_of, windows_on
from domain.windows import Window
from ledger.ledger import recorded
from replay.estate import Estate, told_by
from tests.replay.given_log import Desk
from tests.replay.test_whatif import CHANGE, FAILED, MODEL, Stated

SUCCEEDED = "change/CHG0010003"


WINDOW: Window = {"start": "2026-03-07T20:00:00.000000Z", "end": "2026-03-07T22:00:00.000000Z"}


def lived(at: Desk) -> None:
    """One change that claims its window, one that failed by its model, and one that succeeded."""
    now = at.house.ledger.now()
    planned = {
        subject: ChangeDrafted(
            type="standard", model=MODEL, model_version=1, services={service: True}, window=WINDOW
        )
        for subject, service in ((CHANGE, "print"), (FAILED, "mail"), (SUCCEEDED, "mail"))
    }
    authorized = ChangePreAuthorized(authorized_at=now)
    stated: list[tuple[str, Event]] = [
        (MODEL, ModelProposed()),
        (MODEL, ModelApproved(version=1, approved_at=now)),
        *planned.items(),
        *((subject, authorized) for subject in planned),
        (FAILED, ChangeClosed(closure_code="failed", closed_at=now)),
        (SUCCEEDED, ChangeClosed(closure_code="successful", closed_at=now)),
    ]
    recorded(at.house.ledger.writer.submit([Stated(stated)])[0])


@pytest.mark.parametrize("skipped", [0, 30, 10_000])
@pytest.mark.parametrize("kept", [1, 10_000])
def test_it_is_what_the_ledger_says_whatever_is_held(at: Desk, kept: int, skipped: int) -> None:
    lived(at)
    ledger = at.house.ledger
    entries = ledger.entries(0, 10_000)

    estate = Estate(ledger.database, kept)
    estate.skip_to(min(skipped, len(entries)))
    for entry in entries[skipped:]:
        estate.take(entry.position, told_by(entry.position, entry.raw))

    for subject in {entry.subject for entry in entries}:
        assert estate.state(subject) == ledger.load(subject).state
    assert ledger.roster(windows_on("print")).members == (CHANGE,)
    for name in (POLICIES, ROLES, windows_on("mail"), windows_on("print"), failures_of(MODEL)):
        assert tuple(estate.rosters[name]) == ledger.roster(name).members
