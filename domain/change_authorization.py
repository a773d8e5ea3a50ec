"""Authorizing a change: by a quorum, or beforehand by a model; rejected, and what voids an authorization."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from domain.change import (
    Approval,
    ApprovalId,
    ContentEvent,
    StatedApprovals,
    after,
    change_content_hash,
    counting_approvals,
    is_authorized_as_it_stands,
    parts,
)
from domain.change_order import ChangeOrder
from domain.command import Case, require
from domain.common import TicketEvent
from domain.event import Event, Json, Moment, Principal, Sha256, State, Word
from domain.humans import human_of, humans
from domain.model import outside_limits
from domain.thresholds import Risk
from domain.windows import StatedWindow, inside

_EXAMPLE_HASH = "sha256:" + "5e" * 32
_EXAMPLE_WINDOW = {"start": "2026-03-07T20:00:00.000000Z", "end": "2026-03-07T22:00:00.000000Z"}
AUTHORIZATION_ENDS: Final[Mapping[str, None]] = {
    "authorized_at": None,
    "authorized_hash": None,
    "approved_window": None,
    "scheduled_by": None,
    "scheduled_at": None,
    "resolved_conflicts": None,
}


class _AuthorizationEvent(ContentEvent):
    """`authorized_hash`: of the content that may be implemented. `approved_window`: where, if one was planned."""

    authorized_at: Moment | None = None
    authorized_hash: Sha256 | None = None
    approved_window: StatedWindow | None = None


class ChangeAuthorized(
    _AuthorizationEvent, family="change", source=("awaiting_authorization",), to="authorized"
):
    """Enough people who are independent of it approved exactly this content, and nobody denied it."""

    asserts: ClassVar[Mapping[str, Json]] = {"invalidation": None}
    example: ClassVar[Mapping[str, Json]] = {
        "authorized_at": "2026-03-04T10:00:00.000000Z",
        "authorized_hash": _EXAMPLE_HASH,
        "approved_window": _EXAMPLE_WINDOW,
        "content_hash": _EXAMPLE_HASH,
    }


class ChangePreAuthorized(_AuthorizationEvent, family="change", source=("draft",), to="authorized"):
    """The model authorizes it beforehand. Without a risk of its own it has the most that the model allows."""

    asserts: ClassVar[Mapping[str, Json]] = {"invalidation": None}
    example: ClassVar[Mapping[str, Json]] = {
        "authorized_at": "2026-03-04T10:00:00.000000Z",
        "authorized_hash": _EXAMPLE_HASH,
        "approved_window": _EXAMPLE_WINDOW,
        "risk": "low",
        "content_hash": _EXAMPLE_HASH,
    }

    risk: Risk | None = None


class ChangeRejected(
    TicketEvent, family="change", source=("awaiting_authorization",), to="rejected"
):
    """It is not to be done as it is planned."""

    example: ClassVar[Mapping[str, Json]] = {"rejected_by": "principal/PRN0000004"}

    rejected_by: Principal | None = None


class ApprovalsInvalidated(
    ContentEvent,
    family="change",
    source=("authorized", "scheduled"),
    to="awaiting_authorization",
):
    """What was approved is not what is planned, or somebody approved without the role. It is authorized anew."""

    asserts: ClassVar[Mapping[str, Json]] = AUTHORIZATION_ENDS
    example: ClassVar[Mapping[str, Json]] = {
        "invalidation": "approver_role_void",
        "approvals": {"APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12": {"void": True}},
        "content_hash": _EXAMPLE_HASH,
    }

    invalidation: Word | None = None
    approvals: StatedApprovals | None = None


def quorum_of(case: Case) -> int:
    """How many humans have to approve, by type and risk. A risk that nobody assessed counts as high."""
    emergency = case.state.get("type") == "emergency"
    quorum = case.thresholds.quorum_emergency if emergency else case.thresholds.quorum_normal
    by_risk = {"low": quorum.low, "medium": quorum.medium, "high": quorum.high}
    return by_risk[case.state.get("risk") or "high"]


def verdicts(case: Case) -> Iterator[Approval]:
    """The verdicts on the content as it stands, of everybody who judges the change.

    Who recused themself, or declared an interest, does not, whatever they said before and by whichever account:
    neither what they said nor what was said on their behalf.
    """
    said = parts(case.state)
    aside = humans(filter(None, (*said["recused"], *said["declared-interest"])), case)
    for approval in counting_approvals(case.state).values():
        acting = filter(None, (approval.get("by"), approval.get("on_behalf_of")))
        if not humans(acting, case) & aside:
            yield approval


def approving_humans(case: Case) -> int:
    """How many distinct humans approve the content as it stands, and by how many people's authority at most."""
    granted = [
        approval
        for approval in verdicts(case)
        if approval.get("verdict") == "granted" and "by" in approval
    ]
    deciding = humans((approval["by"] for approval in granted), case)
    authorities = humans((a.get("on_behalf_of") or a["by"] for a in granted), case)
    return min(len(deciding), len(authorities))


def has_open_denial(case: Case) -> bool:
    """Is there a human whose latest verdict on the content as it stands is no? Of two at one moment no holds."""
    latest: dict[str, tuple[str, bool]] = {}
    for approval in verdicts(case):
        who = human_of(approval.get("by", ""), case)
        said = (approval.get("at", ""), approval.get("verdict") == "denied")
        latest[who] = max(said, latest.get(who, said))
    return any(denied for _, denied in latest.values())


def verdict_words(case: Case) -> Iterator[str]:
    """`quorum-met`, `open-denial`, `cab-advises-against` (its latest advice)."""
    if approving_humans(case) >= quorum_of(case):
        yield "quorum-met"
    if has_open_denial(case):
        yield "open-denial"
    advice = [
        (decision.get("at", ""), decision.get("advice") == "reject")
        for decision in case.state.get("cab_decisions", {}).values()
    ]
    if advice and max(advice)[1]:
        yield "cab-advises-against"


def require_authorized(case: Case) -> None:
    """Raise CanNot unless exactly the content that stands was authorized."""
    told = (
        "the content is not the one that was authorized; invalidate its approvals and approve anew"
    )
    require(is_authorized_as_it_stands(case.state), "approvals-valid", told, case)


def _authorized(state: State, case: Case) -> dict[str, Any]:
    window = state.get("window")
    return {
        "authorized_at": case.now,
        "authorized_hash": change_content_hash(state),
        **({"approved_window": window} if window else {}),
    }


class AuthorizeChange(ChangeOrder, yields=ChangeAuthorized):
    """Record that the quorum is met. For the system."""

    types = ("normal", "emergency")

    def words(self, case: Case) -> Iterable[str]:
        """`quorum-met`, `open-denial`, `cab-advises-against`."""
        return verdict_words(case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(**_authorized(case.state, case))


class PreAuthorizeChange(ChangeOrder, yields=ChangePreAuthorized):
    """Authorize by the model what lies inside its limits. For the system."""

    types = ("standard",)

    def model_of(self, case: Case) -> State:
        return case.states.get(case.state.get("model", ""), {})

    def words(self, case: Case) -> Iterator[str]:
        """`author-approved-model`: requester or developer is the human who approved the model.
        `author-proposed-model`: who proposed it.
        """
        model, its = self.model_of(case), parts(case.state)
        authors = humans([*filter(None, (*its["requester"], *its["developer"]))], case)
        for part, word in (
            ("approved", "author-approved-model"),
            ("proposed", "author-proposed-model"),
        ):
            people = filter(None, (model.get(f"{part}_by"), model.get(f"{part}_for")))
            if authors & humans(people, case):
                yield word

    def carried_out(self, case: Case) -> Sequence[Event]:
        model, name = self.model_of(case), case.state.get("model")
        valid = model.get("valid_until") is not None and case.now <= model["valid_until"]
        active = model.get("status") == "active" and valid
        require(active, "model-active", f"{name} is not active, or no longer valid", case)
        pinned, stands = case.state.get("model_version"), model.get("version")
        told = f"{name} is at version {stands}; the change was drafted for {pinned}"
        require(pinned == stands, "model-version-pinned", told, case)
        outside = outside_limits(model, case.state)
        told = f"outside the limits of {name}: {', '.join(outside)}"
        require(not outside, "inside-model-limits", told, case)
        risk = {"risk": case.state.get("risk") or model["max_risk"]}
        return self.stating(**_authorized(after(case.state, risk), case), **risk)


class RejectChange(ChangeOrder, yields=ChangeRejected):
    """Turn it down. For the system once it is denied, or for a change authority."""

    def words(self, case: Case) -> Iterable[str]:
        """`quorum-met`, `open-denial`, `cab-advises-against`."""
        return verdict_words(case)

    def carried_out(self, case: Case) -> Sequence[Event]:
        return self.stating(rejected_by=case.actor)


class InvalidateApprovals(ChangeOrder, yields=ApprovalsInvalidated):
    """Void an authorization, for the cause named. `approvals`: those whose approver had no role. For the system."""

    example: ClassVar[Mapping[str, Any]] = {
        "cause": "approver_role_void",
        "approvals": ["APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12"],
    }

    cause: Literal["content_changed", "window_moved", "approver_role_void"]
    approvals: tuple[ApprovalId, ...] = ()

    def carried_out(self, case: Case) -> Sequence[Event]:
        state = case.state
        if self.cause == "approver_role_void":
            granted = state.get("approvals", {}).keys()
            named = bool(self.approvals) and granted >= set(self.approvals)
            require(named, "void-approvals-named", "name approvals of this change", case)
            void = {approval: {"void": True} for approval in self.approvals}
            return self.stating(invalidation=self.cause, approvals=void)
        told = "no approval was void: `approvals` goes with approver_role_void"
        require(not self.approvals, "void-approvals-named", told, case)
        if self.cause == "window_moved":
            told = "the window lies inside the approved one"
            require(_is_outside_approved(state), "window-outside-approved", told, case)
        else:
            told = "the content is the one that was authorized"
            require(not is_authorized_as_it_stands(state), "content-changed", told, case)
        return self.stating(invalidation=self.cause)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        """Whether the role was void then is looked up by the system that says so."""
        return ("approver-role-was-void",) if self.cause == "approver_role_void" else ()


def _is_outside_approved(state: State) -> bool:
    window, approved = state.get("window"), state.get("approved_window")
    return window is not None and not (approved and inside(window, approved))
