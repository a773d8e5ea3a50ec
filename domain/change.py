"""Changes: what one is, who has played which part in it, and the hash of what its approvers approve.

The facts and orders stand by phase: `change_planning.py`, `change_evidence.py`, `change_approval.py`,
`change_authorization.py`, `change_implementation.py`, `change_retro_approval.py`, `change_review.py`. Every
member of an event may be missing: an observed fact states what its source knew. The workflow is `change` in
the recommended state machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.canonical import content_hash
from domain.common import SafeInteger, TicketEvent, TicketState
from domain.event import (
    MOMENT,
    Count,
    Json,
    Moment,
    Principal,
    PrincipalId,
    Sha256,
    State,
    Text,
    Word,
)
from domain.fold import merge_patch
from domain.parts import has_parts
from domain.rosters import failures_of, stands_on, windows_on, windows_on_item
from domain.sets import members
from domain.thresholds import Risk
from domain.windows import Window, inside

ChangeType = Literal["standard", "normal", "emergency"]
Status = Literal[
    "draft",
    "assessing",
    "awaiting_authorization",
    "authorized",
    "scheduled",
    "implementing",
    "implemented",
    "rolled_back",
    "in_review",
    "reviewed",
    "rejected",
    "closed",
    "cancelled",
]
Verdict = Literal["granted", "denied"]
TestVerdict = Literal["passed", "failed"]
Verification = Literal["passed", "failed"]
RetroApproval = Literal["requested", "granted", "denied", "lapsed"]
ClosureCode = Literal[
    "successful", "successful_with_issues", "failed", "backed_out", "unauthorised"
]
SUCCESSFUL: Final = frozenset({"successful", "successful_with_issues"})
UNSUCCESSFUL: Final = frozenset({"failed", "backed_out"})

_ID = r"-[A-Za-z0-9._-]{1,64}$"
ApprovalId = Annotated[str, StringConstraints(pattern=r"^APR" + _ID)]
RecusalId = Annotated[str, StringConstraints(pattern=r"^RCS" + _ID)]
CabDecisionId = Annotated[str, StringConstraints(pattern=r"^CAB" + _ID)]
TestId = Annotated[str, StringConstraints(pattern=r"^TST" + _ID)]
CommitId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
ParameterValue = Text | SafeInteger | bool
Parameters = dict[Word, ParameterValue | None]


@with_config(ConfigDict(extra="forbid", strict=True))
class Approval(TypedDict, total=False):
    """One verdict on the content that has this hash. `void`: the approver's role was not in force then."""

    by: Principal
    on_behalf_of: Principal
    verdict: Verdict
    content_hash: Sha256
    at: Moment
    no_interest: bool
    void: bool


@with_config(ConfigDict(extra="forbid", strict=True))
class Recusal(TypedDict, total=False):
    """Somebody who will not judge this change; the reason is the envelope's."""

    by: Principal
    on_behalf_of: Principal
    at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class CabDecision(TypedDict, total=False):
    """What the change advisory board advised. `quorum`: how many had to attend."""

    meeting: Text
    chair: Principal
    attendees: dict[PrincipalId, bool]
    quorum: Count
    votes: dict[PrincipalId, Literal["for", "against", "abstained"]]
    advice: Literal["authorize", "reject"]
    at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class TestEvidence(TypedDict, total=False):
    """A test, by the hash of the artifact that was tested."""

    by: Principal
    on_behalf_of: Principal
    artifact: Sha256
    verdict: TestVerdict
    at: Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class Commit(TypedDict, total=False):
    """A commit of source code that belongs to the change."""

    author: Principal
    committed_at: Moment
    repository: Text


StatedApprovals = Annotated[dict[ApprovalId, Approval], MOMENT]
StatedRecusals = Annotated[dict[RecusalId, Recusal], MOMENT]
StatedCabDecisions = Annotated[dict[CabDecisionId, CabDecision], MOMENT]
StatedTests = Annotated[dict[TestId, TestEvidence], MOMENT]
StatedCommits = Annotated[dict[CommitId, Commit], MOMENT]


class ChangeState(TicketState, total=False):
    status: Status
    type: ChangeType
    title: str
    description: str
    requested_by: str
    requested_for: str
    requested_at: str
    beneficiary: str
    assignment_group: str
    services: dict[str, bool]
    configuration_items: dict[str, bool]
    implementation_plan: str
    test_plan: str
    back_out_plan: str
    risk: Risk
    risk_policy: str
    window: Window
    model: str
    model_version: int
    parameters: dict[str, str | int | bool]
    revision: int
    content_hash: str
    submitted_at: str
    returned_by: str
    assessed_by: str
    assessed_at: str
    conflicts: dict[str, bool]
    commits: dict[CommitId, Commit]
    tests: dict[TestId, TestEvidence]
    interests: dict[str, bool]
    approvals: dict[ApprovalId, Approval]
    recusals: dict[RecusalId, Recusal]
    cab_decisions: dict[CabDecisionId, CabDecision]
    authorized_at: str
    authorized_hash: str
    approved_window: Window
    invalidation: str
    rejected_by: str
    scheduled_by: str
    scheduled_at: str
    resolved_conflicts: dict[str, bool]
    implementers: dict[str, bool]
    started_at: str
    emergency_incident: str
    break_glass_by: str
    break_glass_for: str
    break_glass_at: str
    verification: Verification
    implemented_by: str
    implemented_at: str
    review_opens_at: str
    review_due_at: str
    review_lapsed_at: str
    rolled_back_by: str
    rolled_back_at: str
    deployment: str
    detected_by: str
    detected_at: str
    retro_approval: RetroApproval
    retro_requested_at: str
    retro_due_at: str
    retro_decided_by: str
    retro_decided_for: str
    retro_decided_at: str
    retro_content_hash: str
    review_reasons: dict[str, bool]
    review_members: dict[str, bool]
    review_outcome: str
    review_lessons: str
    review_actions: str
    reviewed_by: str
    reviewed_at: str
    closure_code: ClosureCode
    closed_by: str
    closed_at: str
    cancelled_by: str


CONTENT_MEMBERS: Final = (
    "type",
    "title",
    "description",
    "beneficiary",
    "services",
    "configuration_items",
    "implementation_plan",
    "test_plan",
    "back_out_plan",
    "risk",
    "model",
    "model_version",
    "parameters",
    "revision",
)
"""What an approver approves, beside the window. `revision`: what was rejected is approved anew."""


def change_content_hash(state: State) -> str:
    """Over the content as the entries hold it: personal members by their commitments (RFC 8785, SHA-256)."""
    content = {name: state[name] for name in CONTENT_MEMBERS if name in state}
    window = _window_asked_for(state)
    return content_hash({**content, "window": dict(window)} if window else content)


def _window_asked_for(state: State) -> Mapping[str, str] | None:
    """The approved window as long as the planned one lies inside: moving it there changes nothing approved."""
    window, approved = state.get("window"), state.get("approved_window")
    return approved if window and approved and inside(window, approved) else window


class ContentEvent(TicketEvent):
    """May change what approvers approve. `content_hash`: of the content as it stands with this event."""

    derives: ClassVar[bool] = True

    content_hash: Sha256 | None = None

    @classmethod
    def derived(cls, state: State) -> dict[str, Json]:
        return {"content_hash": change_content_hash(state)}


def after(state: State, patch: Mapping[str, Json]) -> dict[str, Json]:
    """The state once `patch` is in it."""
    merged: dict[str, Json] = merge_patch(dict(state), dict(patch))
    return merged


def counting_approvals(state: State) -> dict[str, Approval]:
    """The verdicts on the content as it stands, by id. Others were on something else, or are void."""
    current = change_content_hash(state)
    return {
        name: approval
        for name, approval in state.get("approvals", {}).items()
        if approval.get("content_hash") == current and not approval.get("void")
    }


def is_authorized_as_it_stands(state: State) -> bool:
    """Was exactly this content authorized?"""
    return bool(state.get("authorized_at")) and (
        state.get("authorized_hash") == change_content_hash(state)
    )


def parts(state: State) -> dict[str, Iterable[Json]]:
    """Part → principals. Who acted for somebody played the part together with them.

    `requester`, `beneficiary`, `developer` (authors of linked commits), `tester`, `assessor`, `approver` (who
    granted an approval of any content, or the retro-approval), `recused`, `declared-interest`, `cab-chair`,
    `implementer` (started, completed, rolled back, or invoked), `invoker` (break-glass), `reviewer`.
    """
    granted = [a for a in _each(state, "approvals") if a.get("verdict") == "granted"]
    retro = ("retro_decided_by", "retro_decided_for")
    retro_granted = retro if state.get("retro_approval") == "granted" else ()
    return {
        "requester": [state.get("requested_by"), state.get("requested_for")],
        "beneficiary": [state.get("beneficiary")],
        "developer": [commit.get("author") for commit in _each(state, "commits")],
        "tester": _acting(_each(state, "tests")),
        "assessor": [state.get("assessed_by")],
        "approver": [*_acting(granted), *map(state.get, retro_granted)],
        "recused": _acting(_each(state, "recusals")),
        "declared-interest": members(state.get("interests")),
        "cab-chair": [decision.get("chair") for decision in _each(state, "cab_decisions")],
        "implementer": [
            *members(state.get("implementers")),
            state.get("implemented_by"),
            state.get("rolled_back_by"),
        ],
        "invoker": [state.get("break_glass_by"), state.get("break_glass_for")],
        "reviewer": [state.get("reviewed_by"), *members(state.get("review_members"))],
    }


def _each(state: State, collection: str) -> Iterator[Mapping[str, Json]]:
    return iter(state.get(collection, {}).values())


def _acting(records: Iterable[Mapping[str, Json]]) -> list[Json]:
    return [
        person for record in records for person in (record.get("by"), record.get("on_behalf_of"))
    ]


def services_of(state: State) -> frozenset[str]:
    return members(state.get("services"))


has_parts("change", parts, services_of)


@stands_on("change")
def _rosters(_subject: str, state: State) -> Iterator[str]:
    """Its window claims its services and items as long as it is to be implemented; a model keeps its failures."""
    status = state.get("status")
    if status in {"authorized", "scheduled", "implementing"} and state.get("window"):
        yield from map(windows_on, services_of(state))
        yield from map(windows_on_item, members(state.get("configuration_items")))
    if status == "closed" and state.get("closure_code") in UNSUCCESSFUL and state.get("model"):
        yield failures_of(str(state["model"]))
