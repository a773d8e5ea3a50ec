"""Deployments: facts that nobody orders and nothing refuses."""

from __future__ import annotations

import pytest

from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.errors import Malformed
from domain.event import Event
from domain.fold import fold
from domain.parts import parts_in, services_in
from tests.given import BEN

RECORDED = DeploymentRecorded.from_data(DeploymentRecorded.example)


@pytest.mark.parametrize("event", [DeploymentRecorded, DeploymentFailed, ServiceRestored])
def test_it_may_say_nothing_but_what_happened_and_in_any_order(event: type[Event]) -> None:
    assert event.from_data({}).data() == {"status": event.to_status}
    for status in (None, "deployed", "failed", "restored"):
        assert event.takes_place_in(status)


def test_what_a_failure_does_not_say_stays_as_it_was_recorded() -> None:
    failed = DeploymentFailed(failure="The health check failed")
    restored = ServiceRestored(restored_by=BEN)

    state = fold([RECORDED.data(), failed.data(), restored.data()])

    assert state["status"] == "restored"
    assert state["service"] == "mail"
    assert state["change"] == "change/CHG0010042"


def test_a_time_without_zone_is_malformed() -> None:
    with pytest.raises(Malformed, match="started_at"):
        DeploymentRecorded.from_data({"started_at": "2026-03-07T20:05:00"})


def test_its_parts_and_services_are_told() -> None:
    assert parts_in("deployment", RECORDED.data()) == {"deployer": {"principal/PRN0000031"}}
    assert services_in("deployment", RECORDED.data()) == {"mail"}
    assert services_in("deployment", {}) == frozenset()
