"""A pipeline's own word on a run: the body of `POST /v1/deployments/webhook`, and the facts that it states."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from api.http.cloudevents import Source
from domain.change import CommitId
from domain.deployment import DeploymentFailed, DeploymentRecorded, ServiceRestored
from domain.errors import Malformed
from domain.event import Event, Json, Moment, PersonalText, Principal, Sha256, Subject, Text, told
from domain.fact import FactObserved
from ledger.observe import Observation

ORIGINAL: Final = "itsm-ledger.deployments.webhook"
"""The `original_type` of a body that is kept whole."""
Outcome = Literal["deployed", "failed", "restored"]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]


def named_change(value: Any) -> Any:
    """`CHG0010042` says `change/CHG0010042`."""
    return f"change/{value}" if isinstance(value, str) and "/" not in value else value


ChangeNamed = Annotated[
    str,
    StringConstraints(pattern=r"^(change/)?[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"),
    AfterValidator(named_change),
]


class PipelineRun(BaseModel):
    """One outcome of one run of a pipeline. Another outcome of the same run is another request, with the same `id`.

    `details`: anything else that is worth keeping; the whole body is then kept as a fact beside the deployment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    example: ClassVar[Mapping[str, Json]] = {
        "id": "mail-4711",
        "outcome": "deployed",
        "service": "mail",
        "environment": "production",
        "started_at": "2026-03-07T20:05:00Z",
        "finished_at": "2026-03-07T20:11:00Z",
        "change": "CHG0010042",
        "content_hash": "sha256:" + "5e" * 32,
        "commits": ["3f786850e387550fdab836ed7e6dc881de23001b"],
        "run_url": "https://ci.example.com/mail/runs/4711",
        "deployed_by": "Ben Kaya",
    }

    id: RunId
    outcome: Outcome
    service: Text
    environment: Text
    finished_at: Moment
    started_at: Moment | None = None
    change: ChangeNamed | None = None
    content_hash: Sha256 | None = None
    artifact: Sha256 | None = None
    commits: list[CommitId] = []
    run_url: Text | None = None
    deployed_by: Principal | None = None
    failure: PersonalText | None = None
    incident: Subject | None = None
    details: Json = None

    @property
    def fact(self) -> tuple[type[Event], dict[str, Json]]:
        """The type, and what it states. Raises Malformed for what this outcome has no place for."""
        stated: dict[str, Json] = {
            "service": self.service,
            "environment": self.environment,
            "change": self.change,
            "content_hash": self.content_hash,
            "artifact": self.artifact,
            "commits": dict.fromkeys(self.commits, True) or None,
            "pipeline_run": self.run_url,
        }
        only = {"failed": self.failure, "restored": self.incident}
        for outcome, member in (("failed", "failure"), ("restored", "incident")):
            if only[outcome] is not None and self.outcome != outcome:
                raise Malformed(f"expected {member} with the outcome {outcome} only", member=member)
        ran: dict[str, Json] = {
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "deployed_by": self.deployed_by,
        }
        match self.outcome:
            case "deployed":
                return DeploymentRecorded, _known({**stated, **ran})
            case "failed":
                return DeploymentFailed, _known({**stated, **ran, "failure": self.failure})
            case "restored":
                # When the run was is what its deployment says, and by whom.
                restored = {"restored_at": self.finished_at, "restored_by": self.deployed_by}
                return ServiceRestored, _known({**stated, **restored, "incident": self.incident})


def _known(stated: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in stated.items() if value is not None}


def read_run(body: Json, source: Source) -> list[Observation]:
    """The facts of a body, the deployment's last. Raises Malformed; tells names, not values."""
    if not isinstance(body, dict):
        raise Malformed("expected a pipeline run as a JSON object, got another value")
    try:
        run = PipelineRun.model_validate(body)
    except ValidationError as fault:
        raise Malformed(f"pipeline run: {told(fault)}") from None
    event, stated = run.fact
    id_ = f"{run.id}:{run.outcome}"
    deployment = Observation(
        event=event,
        subject=f"deployment/{run.id}",
        data=stated,
        time=run.finished_at,
        id=id_,
        source=source.uri,
        actor=run.deployed_by,
        said={"correlationid": id_},
    )
    if run.details is None:
        return [deployment]
    whole = kept_whole(
        ORIGINAL, body, source, id_=f"{id_}:original", time=run.finished_at, correlation=id_
    )
    return [whole, deployment]


def kept_whole(
    type_: str, payload: Json, source: Source, *, id_: str, time: str, correlation: str
) -> Observation:
    """What a source said, whole, as a fact with a subject of its own."""
    digest = hashlib.sha256(f"{source.uri} {id_}".encode()).hexdigest()
    return Observation(
        event=FactObserved,
        subject=f"fact/{digest[:40]}",
        data={"original_type": type_, "payload": payload},
        time=time,
        id=id_,
        source=source.uri,
        said={"correlationid": correlation},
    )
