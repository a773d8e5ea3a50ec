"""Who held a role at a moment: as the ledger said then, and as it was, by what is known since."""

from __future__ import annotations

import pytest

from domain.errors import UnknownSubject
from domain.moments import to_text
from domain.timers import timers_of
from ledger.govern import timer_order
from projections.grants import GrantFilter, GrantRegister, find_grants
from projections.runner import Runner
from projections.views import Views
from replay.errors import BeyondHead, MomentRefused
from replay.moment import Moment
from replay.role_holders import Holders, role_holders
from tests.replay.given_changes import Office, hours_later
from tests.replay.given_log import Desk


@pytest.fixture
def office(at: Desk) -> Office:
    return Office.of(at)


def holders(office: Office, role: str = "tester", **moment: object) -> Holders:
    asked = Moment(**moment)  # type: ignore[arg-type]  # passed through
    return role_holders(office.house.ledger, office.role(role), asked)


def others(found: Holders, office: Office) -> list[str]:
    """By name, without those who hold every role."""
    names = {principal: name for name, principal in office.people.items()}
    return [names[one.holder] for one in found.holders if names.get(one.holder) in {"ANNE", "DAN"}]


def test_a_holder_is_told_with_the_grant_and_its_positions(office: Office) -> None:
    found = holders(office, "change-authority")

    (holder,) = (one for one in found.holders if one.grant == office.annes_grant)
    assert (holder.holder, holder.services, holder.valid_to) == (
        office["ANNE"], None, hours_later(2000),
    )  # fmt: skip
    assert (holder.requested_by, holder.approved_by, holder.granted_by) == (
        office["MIA"], office["ADA"], office["EVA"],
    )  # fmt: skip
    entries = office.house.ledger.entries_of(office.annes_grant)
    assert holder.positions == tuple(entry.position for entry in entries)
    assert (found.role_name, found.basis) == ("change-authority", "known")
    assert found.position == office.house.ledger.head().size


def test_a_grant_counts_from_its_activation_until_its_revocation(office: Office) -> None:
    office.wait_until(1)
    grant = office.granted("tester", "ANNE", scope=["mail"])
    office.wait_until(10)
    office.does("ADA", "revoke", grant, family="grant", reason="Moved on")

    for basis in ("known", "effect"):
        seen = {
            hours: others(holders(office, at=hours_later(hours), basis=basis), office)
            for hours in (0.5, 2, 9, 11)
        }
        assert seen == {0.5: [], 2: ["ANNE"], 9: ["ANNE"], 11: []}, basis
    (holder,) = (one for one in holders(office, at=hours_later(2)).holders if one.grant == grant)
    assert holder.services == ("mail",)
    assert len(holder.positions) == 3, "what was recorded later is not part of the answer"


def test_a_grant_ends_by_its_valid_to_whether_or_not_a_timer_has_run(office: Office) -> None:
    office.granted("tester", "ANNE", valid_to=hours_later(5))
    office.wait_until(20)

    assert others(holders(office), office) == []
    assert others(holders(office, at=hours_later(4.9)), office) == ["ANNE"]
    assert others(holders(office, at=hours_later(5)), office) == []


def test_what_was_recorded_late_is_so_in_effect_and_was_not_known(office: Office) -> None:
    """A timer's expiry is dated when it was due; the ledger knew of it once the timer had run."""
    grant = office.granted("tester", "ANNE", valid_to=hours_later(5))
    office.wait_until(8)
    ledger = office.house.ledger
    (timer,) = timers_of(grant, ledger.subject(grant).state)
    ledger.execute(timer_order(grant, timer))

    before = holders(office, at=hours_later(4), basis="known")
    assert others(before, office) == ["ANNE"]
    assert before.position < holders(office, at=hours_later(4), basis="effect").position
    assert others(holders(office, at=hours_later(6), basis="known"), office) == []


def test_a_position_asks_what_was_known_there_at_its_time(office: Office) -> None:
    before = office.house.ledger.head().size
    office.granted("tester", "ANNE")

    assert others(holders(office, position=before), office) == []
    assert others(holders(office, position=before + 3), office) == ["ANNE"]
    assert holders(office, position=before).moment == (
        office.house.ledger.entry(before).recordedtime
    )


def test_deactivating_a_holder_and_retiring_a_role_stop_grants_at_once(office: Office) -> None:
    office.granted("tester", "ANNE")
    office.wait_until(1)
    office.does("ADA", "deactivate", office["ANNE"], family="principal", reason="On leave")

    assert others(holders(office), office) == []
    assert others(holders(office, at=hours_later(0.9)), office) == ["ANNE"]

    office.wait_until(2)
    role = office.role("auditor")
    office.does("ADA", "retire", role, family="role", reason="Nobody audits any more")
    retired = role_holders(office.house.ledger, role, Moment())
    assert (retired.role_status, retired.holders) == ("retired", ())
    assert role_holders(office.house.ledger, role, Moment(at=hours_later(1.5))).holders


def test_delegates_are_told_beside_the_holder_while_they_may_act(office: Office) -> None:
    office.does(
        "ANNE", "delegate", office.annes_grant, family="grant", to=office["DAN"], until=hours_later(9),
    )  # fmt: skip
    office.wait_until(1)

    def delegates(hours: float) -> list[str]:
        found = holders(office, "change-authority", at=hours_later(hours))
        (holder,) = (one for one in found.holders if one.grant == office.annes_grant)
        return [one.to for one in holder.delegates]

    assert delegates(1) == [office["DAN"]]
    assert delegates(10) == []


def test_the_register_of_now_and_the_replay_of_now_name_the_same_grants(office: Office) -> None:
    office.granted("tester", "ANNE", valid_to=hours_later(5))
    office.granted("tester", "DAN", valid_to=hours_later(50))
    office.does("ADA", "deactivate", office["TOM"], family="principal", reason="On leave")
    office.wait_until(6)
    ledger, role = office.house.ledger, office.role("tester")
    views = Views("sqlite://")

    try:
        Runner(ledger, views, [GrantRegister()]).run_until()
        now = to_text(office.clock.moment)
        counting = GrantFilter(role=role, counts_at=now)
        register = {row["subject"] for row in find_grants(views, counting, limit=1000).rows}
    finally:
        views.close()

    assert register == {one.grant for one in holders(office).holders}
    assert others(holders(office), office) == ["DAN"]


def test_a_moment_that_names_none_is_refused(office: Office) -> None:
    with pytest.raises(MomentRefused):
        holders(office, known_at=hours_later(1))
    with pytest.raises(BeyondHead):
        holders(office, position=10_000)
    with pytest.raises(UnknownSubject):
        role_holders(office.house.ledger, "role/ROL0009999", Moment())
    with pytest.raises(UnknownSubject):
        holders(office, at="2020-01-01T00:00:00Z")
