"""What the system orders because of a violation: a change is opened for each deployment that nobody authorized."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from domain.change_review import DetectUnauthorizedChange
from ledger.govern import Actor, Order
from ledger.taken import Request
from ledger.view import SYSTEM
from replay.detection.unmatched_deployment import UnmatchedDeployment


def unauthorized_changes(broken: Iterable[tuple[str, str]]) -> Iterator[Order]:
    """`broken`: rules, and what they are broken for. The orders that open a change for each unmatched deployment.

    However often they are given, by however many processes, under whatever version of the detector, each deployment
    gets one change: the idempotency key is the deployment. One that has its change authorized meanwhile refuses it.
    """
    for rule, group in broken:
        if rule == UnmatchedDeployment.name:
            yield _opening(group)


def _opening(deployment: str) -> Order:
    key = f"unauthorized-change {deployment}"
    request = Request(SYSTEM, key, hashlib.sha256(key.encode()).digest())
    command = DetectUnauthorizedChange(deployment=deployment)
    return Order(command, Actor(SYSTEM, "system"), request=request)
