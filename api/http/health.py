"""Is the process alive, can it do its work, and how much does it do."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from api.delivering.overview import counts, live_webhooks
from api.errors import NotReady, problem_of
from api.http.answers import PROBLEM, JsonAnswer
from api.http.services import InHouse, Services, SignedIn
from domain.errors import LedgerError

router = APIRouter(tags=["Health"])

METRICS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz")
async def alive() -> Response:
    """The process answers. Says nothing about the database. Public."""
    return JsonAnswer(b'{"status":"ok"}')


@router.get("/readyz")
def ready(services: InHouse) -> Response:
    """Can appends and questions be served? 200 or 503, with what is behind or failing. Public."""
    faults: list[str] = []
    told: dict[str, Any] = {}
    try:
        told["size"] = services.ledger.head().size
        told["checkpoint"] = _checkpoint(services)
        told["projections"] = [
            {
                "name": status.projection,
                "position": status.position,
                "lag": status.lag,
                "parked": status.parked,
                "state": status.state,
            }
            for status in services.runner.status()
        ]
        told["detectors"] = _detectors(services, told["size"])
        told["webhooks"] = counts(services.ledger, services.courier.progress)
    except LedgerError as error:
        faults.append(error.code)
    vitals = services.vitals
    failures = (
        vitals.checkpoint_failure,
        vitals.projection_failure,
        services.timekeeper.failure,
        services.courier.failure,
        services.mailer.failure if services.mailer else None,
    )
    faults += filter(None, failures)
    if faults:
        problem = problem_of(NotReady(f"failing: {', '.join(faults)}", failing=faults))
        return JsonAnswer({**problem, **told}, 503, {"Retry-After": "1"}, PROBLEM)
    return JsonAnswer({"status": "ready", **told})


@router.get("/metrics")
def metrics(identity: SignedIn, services: InHouse) -> Response:
    """Prometheus' text format. Takes the scope `ledger:read`."""
    identity.require("ledger", "read")
    newest = services.ledger.checkpoints.newest()
    services.metrics.delivering(live_webhooks(services.ledger, services.courier.progress))
    text = services.metrics.text(
        services.ledger.head().size, newest[0] if newest else 0, services.runner.status()
    )
    return Response(text, headers={"Content-Type": METRICS})


def _checkpoint(services: Services) -> dict[str, Any]:
    """`age_seconds`: since this process published last; null when it has not yet."""
    newest = services.ledger.checkpoints.newest()
    published = services.vitals.checkpoint_published
    return {
        "size": newest[0] if newest else 0,
        "age_seconds": None if published is None else round(time.monotonic() - published, 1),
    }


def _detectors(services: Services, size: int) -> list[dict[str, Any]]:
    """`parked`: entries that the detector failed on. It went on behind them, and so do the others."""
    parked = services.violations.fault_counts()
    return [
        {
            "name": one.name,
            "version": one.version,
            "position": position,
            "lag": size - position,
            "parked": parked.get(one.name, 0),
        }
        for one, position in sorted(services.violations.look().items())
    ]
