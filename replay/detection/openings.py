"""What the system orders because of a violation: a change is opened for each deployment that nobody authorized."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from domain.change_review import DetectUnauthorizedChange
from ledger.govern import Actor, Order
from ledger.taken import Request
from ledger.view import SYSTEM
from replay.detection.examine import Violation
from replay.detection.unmatched_deployment import UnmatchedDeployment


def unauthorized_changes(violations: Iterable[Violation]) -> Iterator[Order]:
    """The orders that open a change for each unmatched deployment among them; of other violations none.

    However often they are given, by however many processes, under whatever version of the detector, each deployment
    gets one change: the idempotency key is the deployment. One that has its change authorized meanwhile refuses it.
    """
    for one in violations:
        if one.rule == UnmatchedDeployment.name:
            yield _opening(one.group)


def _opening(deployment: str) -> Order:
    key = f"unauthorized-change {deployment}"
    request = Request(SYSTEM, key, hashlib.sha256(key.encode()).digest())
    command = DetectUnauthorizedChange(deployment=deployment)
    return Order(command, Actor(SYSTEM, "system"), request=request)
