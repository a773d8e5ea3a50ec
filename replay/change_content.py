"""Was what was approved what was implemented? The hash of a change's content at each stage, and what was deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from domain.change import change_content_hash
from ledger.database import Database
from ledger.past import entries_of_family
from replay.before import Step, steps_of
from replay.change_story import Beginning, Story

Stage = Literal["approval", "authorization", "retro-approval", "implementation", "deployment"]
Verdict = Literal["same", "different", "not-approved", "not-implemented", "unknown"]


@dataclass(frozen=True, slots=True)
class Hashed:
    """The content of a change at one stage, by its hash. `by`: the approval's id, or the deployment.

    `same`: as the content at the beginning of the implementation. None: one of the two is not known.
    """

    stage: Stage
    position: int
    time: str
    by: str | None
    content_hash: str | None
    same: bool | None


@dataclass(frozen=True, slots=True)
class Content:
    """`implemented_hash`: of the content that stood when the implementation began.

    `same`: every authorization, approval and deployment that counts has this hash. `different`: one has another.
    `not-approved`: it began without any, and none came after. `unknown`: none states its hash.
    """

    verdict: Verdict
    implemented_hash: str | None
    stages: tuple[Hashed, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a pipeline told of a run that names the change; `position`: its first entry."""

    subject: str
    position: int
    time: str
    status: str | None
    service: str | None
    environment: str | None
    content_hash: str | None
    deployed_by: str | None
    recorded_by: str | None


def content_of(story: Story, deployments: list[Deployment]) -> Content:
    began = story.began
    implemented = _hash_at(began) if began else None
    stages = tuple(sorted(_stages(story, implemented, deployments), key=lambda one: one.position))
    return Content(_verdict(story, stages), implemented, stages)


def _hash_at(began: Beginning) -> str:
    # What was known of it begins with this entry, where a source told of nothing before.
    return change_content_hash(began.step.before or began.step.after)


def deployments_of(database: Database, change: str, size: int) -> list[Deployment]:
    """The deployments that name the change now, in the order in which they were told."""
    named = f'"{change}"'.encode()
    rows = entries_of_family(database, "deployment", size)
    concerned: dict[str, list[tuple[int, bytes]]] = {
        one.subject: [] for one in rows if named in one.raw
    }
    for one in rows:
        if one.subject in concerned:
            concerned[one.subject].append((one.position, one.raw))
    found = [_deployment(subject, steps_of(of_it)) for subject, of_it in concerned.items()]
    return [run for change_named, run in found if change_named == change]


def _deployment(subject: str, steps: list[Step]) -> tuple[str | None, Deployment]:
    state, first = steps[-1].after, steps[0]
    return state.get("change"), Deployment(
        subject,
        first.position,
        first.said.time,
        state.get("status"),
        state.get("service"),
        state.get("environment"),
        state.get("content_hash"),
        state.get("deployed_by"),
        first.said.recordedby,
    )


def _stages(
    story: Story, implemented: str | None, deployments: list[Deployment]
) -> Iterator[Hashed]:
    def hashed(stage: Stage, position: int, time: str, by: str | None, its: str | None) -> Hashed:
        same = None if its is None or implemented is None else its == implemented
        return Hashed(stage, position, time, by, its, same)

    for said in story.approvals:
        if said.approval.get("verdict") == "granted":
            at = said.approval.get("at") or said.step.said.time
            its = said.approval.get("content_hash")
            yield hashed("approval", said.step.position, at, said.id, its)
    for step in story.authorizations:
        at = step.said.data.get("authorized_at") or step.said.time
        its = step.said.data.get("authorized_hash")
        yield hashed("authorization", step.position, at, step.said.authid, its)
    for one in story.retro_rounds:
        if one.decision is not None and one.decision.said.data.get("retro_approval") == "granted":
            decided, at = one.decision.said, one.decided_at or one.decision.said.time
            by, its = decided.data.get("retro_decided_by"), decided.data.get("retro_content_hash")
            yield hashed("retro-approval", one.decision.position, at, by, its)
    if story.began is not None:
        step = story.began.step
        yield hashed("implementation", step.position, story.began.at, step.said.authid, implemented)
    for run in deployments:
        yield hashed("deployment", run.position, run.time, run.subject, run.content_hash)


def _verdict(story: Story, stages: tuple[Hashed, ...]) -> Verdict:
    """The last word counts: what was amended after an approval was approved anew. An approval does not stand
    for the authorization that a broken glass did without.
    """
    began = story.began
    if began is None:
        return "not-implemented"
    authorized = [
        one for one in stages if one.stage == "authorization" and one.position < began.step.position
    ]
    approved = authorized[-1:] if began.step.before.get("authorized_at") else []
    if not approved:
        counting = {"retro-approval"} if story.broken_glass else {"approval", "retro-approval"}
        approved = [one for one in stages if one.stage in counting]
    if not approved:
        return "not-approved"
    deployed = [one for one in stages if one.stage == "deployment" and one.content_hash is not None]
    if any(one.same is False for one in (*approved[-1:], *deployed)):
        return "different"
    return "unknown" if approved[-1].same is None else "same"
