"""A freeze from its declaration to its end, and the exceptions it allows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.freeze import (
    DeclareFreeze,
    DenyFreezeException,
    ExpireFreeze,
    FreezeDeclared,
    FreezeExceptionDenied,
    FreezeExceptionGranted,
    FreezeExpired,
    FreezeLifted,
    GrantFreezeException,
    LiftFreeze,
    excepts,
)
from domain.parts import parts_in, services_in
from domain.rosters import FREEZES, rosters_of
from domain.windows import Window
from tests.domain.changes import CHANGE, FREEZE, OTHER
from tests.given import ADA, BEN, CLEO, NOW, SYSTEM, Given, given
from tests.open_door import open_door

INTERVAL: Window = {
    "start": "2026-03-06T00:00:00.000000Z",
    "end": "2026-03-09T00:00:00.000000Z",
}
declared = FreezeDeclared(services={"mail": True}, interval=INTERVAL, declared_by=CLEO)
CHANGES = {CHANGE: {"status": "draft", "requested_by": ADA, "implementers": {BEN: True}}}


def freeze(*events: Any) -> Given:
    return given(*events, subject=FREEZE, others=CHANGES, may=open_door)


def declare(**said: Any) -> DeclareFreeze:
    told = {"services": ["mail"], "interval": INTERVAL, "reason": "Closing", **said}
    return DeclareFreeze.model_validate(told)


def test_a_freeze_names_services_interval_and_reason() -> None:
    freeze().when(declare(title="Closing"), actor=CLEO).then(
        FreezeDeclared(
            title="Closing", services={"mail": True}, interval=INTERVAL, declared_by=CLEO
        )
    )
    freeze().when(declare(reason=None)).refused("reason-required")
    with pytest.raises(ValidationError, match="services"):
        declare(services=[])
    with pytest.raises(ValidationError, match="ends after it starts"):
        declare(interval={"start": INTERVAL["end"], "end": INTERVAL["start"]})


def test_a_freeze_that_is_over_is_not_declared() -> None:
    past = {"start": "2026-03-01T00:00:00Z", "end": NOW}

    freeze().when(declare(interval=past)).refused("freeze-ends-in-future")


def test_an_exception_is_for_one_change_that_exists() -> None:
    verdict: Any = {"change": CHANGE, "verdict": "granted", "by": CLEO, "at": NOW}
    denial: Any = {**verdict, "verdict": "denied"}

    freeze(declared).when(GrantFreezeException(change=CHANGE), actor=CLEO).then(
        FreezeExceptionGranted(exceptions={"EXC-1": verdict})
    )
    freeze(declared).when(DenyFreezeException(change=CHANGE), actor=CLEO).then(
        FreezeExceptionDenied(exceptions={"EXC-1": denial})
    )
    for order in (GrantFreezeException(change=OTHER), DenyFreezeException(change=OTHER)):
        freeze(declared).when(order, actor=CLEO).refused("change-exists")


def test_the_parts_of_an_exception_are_those_of_its_change_as_well() -> None:
    order = GrantFreezeException(change=CHANGE)

    told = order.parts(freeze(declared).case())

    assert told == {"owner": {CLEO}, "requester": {ADA}, "implementer": {BEN}}


def test_the_latest_word_on_a_change_holds() -> None:
    later = "2026-03-03T00:00:00.000000Z"

    def told(*verdicts: tuple[str, str, str]) -> bool:
        exceptions = {
            f"EXC-{n}": {"change": change, "verdict": verdict, "at": at}
            for n, (change, verdict, at) in enumerate(verdicts)
        }
        return excepts({"exceptions": exceptions}, CHANGE)

    assert told((CHANGE, "granted", NOW))
    assert told((CHANGE, "granted", later), (CHANGE, "denied", NOW))
    assert not told((CHANGE, "granted", NOW), (CHANGE, "denied", later))
    assert not told((CHANGE, "granted", NOW), (CHANGE, "denied", NOW))
    assert not told((OTHER, "granted", NOW))
    assert not told()


def test_a_freeze_is_lifted_before_its_time() -> None:
    freeze(declared).when(LiftFreeze(), actor=CLEO).then(
        FreezeLifted(lifted_by=CLEO, lifted_at=NOW)
    )


def test_a_freeze_expires_when_its_interval_has_passed() -> None:
    freeze(declared).when(ExpireFreeze(), actor=SYSTEM, now=INTERVAL["end"]).then(FreezeExpired())
    early = "2026-03-08T23:59:59.999999Z"
    freeze(declared).when(ExpireFreeze(), actor=SYSTEM, now=early).refused("interval-passed")


@pytest.mark.parametrize("over", [FreezeLifted(), FreezeExpired()])
def test_a_freeze_that_is_over_takes_no_order(over: Any) -> None:
    for order in (
        GrantFreezeException(change=CHANGE),
        DenyFreezeException(change=CHANGE),
        LiftFreeze(),
        ExpireFreeze(),
        declare(),
    ):
        freeze(declared, over).when(order).refused("transition")


def test_an_active_freeze_stands_on_the_roster() -> None:
    assert rosters_of(FREEZE, freeze(declared).state) == {FREEZES}
    assert rosters_of(FREEZE, freeze(declared, FreezeLifted()).state) == frozenset()
    assert services_in("freeze", freeze(declared).state) == {"mail"}
    assert parts_in("freeze", freeze(declared).state) == {"owner": {CLEO}}
    assert set(declare().services(freeze().case())) == {"mail"}
