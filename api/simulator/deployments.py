"""What the deployment log sees: facts that a source states, whatever anybody authorized."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.simulator.company import DEPLOYMENTS
from api.simulator.desk import Desk
from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.moments import to_text
from ledger.view import Receipt

RUNS_MINUTES = 6


def deployed(
    desk: Desk, change: str, by: str, *, failing: bool = False, besides: str | None = None
) -> str:
    """The run that brought a change live, or did not. `besides`: a commit that nobody had linked to it."""
    state = desk.state(change)
    (service,) = state["services"]
    desk.deployed += 1
    subject = f"deployment/RUN-{desk.deployed:06d}"
    commits = dict.fromkeys([*state.get("commits", ()), *([besides] if besides else ())], True)
    told = {**_run(desk, subject, service), "change": change, "commits": commits}
    if failing:
        told |= {"failure": "The health check failed on one node"}
        desk.observe(DeploymentFailed, subject, told, source=DEPLOYMENTS, actor=by)
        restored = {"service": service, "restored_at": desk.now_text()}
        desk.observe(ServiceRestored, subject, restored, source=DEPLOYMENTS, actor=by)
        return subject
    told |= {"content_hash": state["content_hash"], "deployed_by": desk.people[by]}
    desk.observe(DeploymentRecorded, subject, told, source=DEPLOYMENTS, actor=by)
    return subject


def deployed_without_a_change(desk: Desk, subject: str, service: str, by: str) -> Receipt:
    told = {**_run(desk, subject, service), "deployed_by": desk.people[by]}
    return desk.observe(DeploymentRecorded, subject, told, source=DEPLOYMENTS, actor=by)


def _run(desk: Desk, subject: str, service: str) -> dict[str, Any]:
    run = subject.split("/")[1].lower()
    return {
        "service": service,
        "environment": "production",
        "started_at": to_text(desk.clock.now() - timedelta(minutes=RUNS_MINUTES)),
        "finished_at": desk.now_text(),
        "pipeline_run": f"https://ci.example/{service}/{run}",
    }
