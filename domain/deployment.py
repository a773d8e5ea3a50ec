"""Deployments, as pipelines and monitoring tell of them: facts that are only ever observed.

Nothing is refused, in any order. Whether a deployment belongs to an authorized change is asked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, TypedDict

from domain.change import CommitId
from domain.event import Event, Json, Moment, PersonalText, Principal, Sha256, State, Subject, Text
from domain.parts import has_parts

Status = Literal["deployed", "failed", "restored"]


class DeploymentState(TypedDict, total=False):
    status: Status
    service: str
    environment: str
    change: str
    content_hash: str
    artifact: str
    commits: dict[CommitId, bool]
    started_at: str
    finished_at: str
    deployed_by: str
    pipeline_run: str
    failure: str
    restored_at: str
    restored_by: str
    incident: str


class _DeploymentEvent(Event):
    """What a pipeline knows of a run: any of its facts may state it, and whatever it did not know is left out.

    `content_hash`: of the change's content, as its approvers saw it. `artifact`: of what was built from it.
    """

    service: Text | None = None
    environment: Text | None = None
    change: Subject | None = None
    content_hash: Sha256 | None = None
    artifact: Sha256 | None = None
    commits: dict[CommitId, bool | None] | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    deployed_by: Principal | None = None
    pipeline_run: Text | None = None


class DeploymentRecorded(_DeploymentEvent, family="deployment", to="deployed"):
    """Something went live: on which service, where, by whom, and for which change as far as that is known."""

    example: ClassVar[Mapping[str, Json]] = {
        "service": "mail",
        "environment": "production",
        "change": "change/CHG0010042",
        "content_hash": "sha256:" + "5e" * 32,
        "commits": {"3f786850e387550fdab836ed7e6dc881de23001b": True},
        "started_at": "2026-03-07T20:05:00.000000Z",
        "finished_at": "2026-03-07T20:11:00.000000Z",
        "deployed_by": "principal/PRN0000031",
        "pipeline_run": "https://ci.example.com/mail/runs/4711",
    }


class DeploymentFailed(_DeploymentEvent, family="deployment", to="failed"):
    """A deployment did not succeed, or broke the service."""

    example: ClassVar[Mapping[str, Json]] = {
        "service": "mail",
        "environment": "production",
        "change": "change/CHG0010042",
        "finished_at": "2026-03-07T20:11:00.000000Z",
        "failure": "The health check failed on two of three nodes",
    }

    failure: PersonalText | None = None


class ServiceRestored(_DeploymentEvent, family="deployment", to="restored"):
    """The service does again what it should, after a deployment that broke it."""

    example: ClassVar[Mapping[str, Json]] = {
        "service": "mail",
        "restored_at": "2026-03-07T20:40:00.000000Z",
        "restored_by": "principal/PRN0000031",
        "incident": "incident/INC0010077",
    }

    restored_at: Moment | None = None
    restored_by: Principal | None = None
    incident: Subject | None = None


def _services(state: State) -> Iterator[str]:
    if state.get("service"):
        yield str(state["service"])


has_parts(
    "deployment",
    lambda state: {"deployer": [state.get("deployed_by")]},
    lambda state: frozenset(_services(state)),
)
