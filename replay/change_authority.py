"""Who approved a change, with what authority then, and whether what they approved is what was implemented.

Answered from the log alone. Each approval is told with the rules of the policy that permitted it, with the
grants it rested on as they stood at that moment, and with what its approver had to do with the change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.change import change_content_hash
from domain.errors import UnknownSubject
from domain.event import State
from domain.model import ModelApproved
from domain.parts import parts_in
from ledger.ledger import Ledger
from replay.acts import Act, act_of
from replay.before import Before, Step
from replay.change_content import Content, Deployment, content_of, deployments_of
from replay.change_story import RetroOutcome, Said, Story

APART_FROM_APPROVER: Final = frozenset(
    {
        "requester",
        "beneficiary",
        "developer",
        "implementer",
        "invoker",
        "declared-interest",
        "recused",
    }
)
"""The parts that an approver of a change must not have had in it, by any account of theirs."""
ASIDE: Final = frozenset({"declared-interest", "recused"})
"""Of them those with which an earlier approval does not count any more."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A verdict, and who gave it. `approval` None: of a retro-approval. `at` None: nobody dated it.

    `conflicting_parts`: those of APART_FROM_APPROVER that the approver, or whom they acted for, had in the change
    when they said so; `conflicting_parts_since`: that they came to have.
    `of_content_then`: its hash was that of the content that stood then; `of_content_implemented`: of the content
    that stood when the implementation began. None: not known, or not begun.
    """

    approval: str | None
    verdict: str | None
    void: bool
    by: str | None
    on_behalf_of: str | None
    at: str | None
    content_hash: str | None
    of_content_then: bool | None
    of_content_implemented: bool | None
    conflicting_parts: tuple[str, ...]
    conflicting_parts_since: tuple[str, ...]
    act: Act


@dataclass(frozen=True, slots=True)
class Authorization:
    """`approvals`: those that counted. `model`: of a pre-authorized change, with the act that approved it."""

    position: int
    at: str
    content_hash: str | None
    approvals: tuple[str, ...]
    model: str | None
    model_version: int | None
    model_approval: Act | None
    act: Act


@dataclass(frozen=True, slots=True)
class RetroApproval:
    """`decision` None: nobody has decided yet, or it lapsed."""

    outcome: RetroOutcome
    due_at: str | None
    request_position: int | None
    decision: Approval | None


@dataclass(frozen=True, slots=True)
class ChangeAuthority:
    """`position`: the ledger's size that all of it reflects. `began_position` None: it was not begun."""

    subject: str
    version: int
    position: int
    status: str | None
    type: str | None
    approvals: tuple[Approval, ...]
    authorizations: tuple[Authorization, ...]
    retro_approvals: tuple[RetroApproval, ...]
    began_at: str | None
    began_position: int | None
    content: Content
    deployments: tuple[Deployment, ...]


def change_authority(ledger: Ledger, change: str) -> ChangeAuthority:
    """Raises UnknownSubject, CorruptEntry."""
    size = ledger.head().size
    before = Before(ledger.database, size)
    steps = before.steps(change)
    if not steps:
        raise UnknownSubject(f"{change} is not known", subject=change)
    story = Story(change, steps)
    deployments = deployments_of(ledger.database, change, size)
    content = content_of(story, deployments)
    telling = _Telling(before, story, content.implemented_hash)
    began = story.began
    return ChangeAuthority(
        subject=change,
        version=story.last.said.subjectversion,
        position=size,
        status=story.state.get("status"),
        type=story.state.get("type"),
        approvals=tuple(map(telling.approval, story.approvals)),
        authorizations=tuple(map(telling.authorization, story.authorizations)),
        retro_approvals=tuple(telling.retro_approvals(ledger.now())),
        began_at=began.at if began else None,
        began_position=began.step.position if began else None,
        content=content,
        deployments=tuple(deployments),
    )


@dataclass(frozen=True, slots=True)
class _Telling:
    before: Before
    story: Story
    implemented: str | None

    def approval(self, said: Said) -> Approval:
        return self._approval(
            said.step,
            id_=said.id,
            verdict=said.approval.get("verdict"),
            void=bool(said.approval.get("void")),
            by=said.approval.get("by"),
            on_behalf_of=said.approval.get("on_behalf_of"),
            at=said.approval.get("at"),
            content_hash=said.approval.get("content_hash"),
        )

    def retro_approvals(self, now: str) -> Iterable[RetroApproval]:
        for one in self.story.retro_rounds:
            request = one.request.position if one.request else None
            decision = None
            if one.decision is not None and one.outcome(now) != "lapsed":
                said = one.decision.said.data
                decision = self._approval(
                    one.decision,
                    id_=None,
                    verdict=said.get("retro_approval"),
                    void=False,
                    by=said.get("retro_decided_by"),
                    on_behalf_of=said.get("retro_decided_for"),
                    at=said.get("retro_decided_at"),
                    content_hash=said.get("retro_content_hash"),
                )
            yield RetroApproval(one.outcome(now), one.due_at, request, decision)

    def authorization(self, step: Step) -> Authorization:
        hashed = step.said.data.get("authorized_hash")
        model = step.before.get("model")
        approving = self._model_approval(step, str(model)) if model else None
        return Authorization(
            position=step.position,
            at=str(step.said.data.get("authorized_at") or step.said.time),
            content_hash=hashed,
            approvals=tuple(self._counted(step, hashed)),
            model=model,
            model_version=step.before.get("model_version"),
            model_approval=act_of(self.before, approving) if approving else None,
            act=act_of(self.before, step),
        )

    def _model_approval(self, step: Step, model: str) -> Step | None:
        """The approval of exactly the version that the change was drafted for."""
        wanted = step.before.get("model_version")
        found = [
            one
            for one in self.before.steps(model)
            if one.position < step.position
            and one.said.type == ModelApproved.type_name
            and one.said.data.get("version") == wanted
        ]
        return found[-1] if found else None

    def _counted(self, step: Step, content_hash: str | None) -> Iterable[str]:
        """The approvals of the content, by people who had not stepped aside since."""
        for name, one in (step.before.get("approvals") or {}).items():
            granted = one.get("verdict") == "granted" and not one.get("void")
            of_this = content_hash is not None and one.get("content_hash") == content_hash
            acting = [who for who in (one.get("by"), one.get("on_behalf_of")) if who]
            had = _conflicting(step.before, self.before.people(acting, step.position))
            if granted and of_this and had.isdisjoint(ASIDE):
                yield name

    def _approval(
        self,
        step: Step,
        *,
        id_: str | None,
        verdict: str | None,
        void: bool,
        by: str | None,
        on_behalf_of: str | None,
        at: str | None,
        content_hash: str | None,
    ) -> Approval:
        stood = change_content_hash(step.before) if step.before else None
        acting = [one for one in (by, on_behalf_of) if one]
        then = _conflicting(step.before, self.before.people(acting, step.position))
        end = self.before.size + 1
        since = _conflicting(self.story.state, self.before.people(acting, end))
        return Approval(
            approval=id_,
            verdict=verdict,
            void=void,
            by=by,
            on_behalf_of=on_behalf_of,
            at=at,
            content_hash=content_hash,
            of_content_then=_same(content_hash, stood),
            of_content_implemented=_same(content_hash, self.implemented),
            conflicting_parts=tuple(sorted(then)),
            conflicting_parts_since=tuple(sorted(since - then)),
            act=act_of(self.before, step),
        )


def _conflicting(state: State, people: frozenset[str]) -> frozenset[str]:
    parts = parts_in("change", state)
    return frozenset(part for part in APART_FROM_APPROVER if parts.get(part, frozenset()) & people)


def _same(one: str | None, other: str | None) -> bool | None:
    return None if one is None or other is None else one == other
