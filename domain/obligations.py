"""What is owed: by whom, until when, and how it ended. One pure rule for each family, from the state alone.

When something is due stands in its subject's state, by the policy of the day on which it became owed (ADR 0010).
So the log alone tells what was owed at any moment, and a policy that changes a term changes nothing that is owed.
Only what the ledger governs is owed: of what a source tells, the workflow and its promises are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Literal, NamedTuple, assert_never

from domain.change_review import UNREVIEWED
from domain.event import State
from domain.sets import members

Kind = Literal[
    "retro-approval",
    "post-implementation-review",
    "regulatory-report",
    "risk-acceptance",
    "finding-acceptance",
    "conflict-exception",
    "access-review",
    "revocation",
]
FAMILY_OF: Final[Mapping[Kind, str]] = {
    "retro-approval": "change",
    "post-implementation-review": "change",
    "regulatory-report": "incident",
    "risk-acceptance": "problem",
    "finding-acceptance": "finding",
    "conflict-exception": "grant",
    "access-review": "review",
    "revocation": "review",
}
"""Whose subjects owe it."""
Outcome = Literal["met", "lapsed", "cancelled"]

MEMBERS: Final = (
    "status", "service", "services", "retro_approval", "retro_due_at", "review_due_at", "review_members", "reviewed_at",
    "regulatory_stage", "report_owed", "report_due_at", "risk_accepted_by", "review_by", "exception", "due_at",
    "items", "accepted_by", "accepted_until", "cause",
)  # fmt: skip
"""The members of states that obligations are told from."""


class Obligation(NamedTuple):
    """`due`: RFC 3339 UTC text; the moment itself is in time.

    What stands in a state stays owed until `ended`, or until it stands there no more: `ended_as`.

    `item`: which of several of the kind the subject owes: a stage, a grant; "" where there is one. `owners`:
    principals by id, or roles by name, any of whom can settle it. `services`: for whose holders of the role on
    these alone it is; empty for everything. `ended`: how it ended; None: it is owed. `until_end_of`: the subject
    whose end meets it, where that is another one.
    """

    kind: Kind
    due: str
    owners: tuple[str, ...]
    services: tuple[str, ...] = ()
    item: str = ""
    ended: Outcome | None = None
    until_end_of: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.item


def obligations_of(
    subject: str, state: State, items: Collection[str] | None = None
) -> list[Obligation]:
    """What the subject owes, and what it owed and this state still tells to be settled.

    `items`: of a state's items only these are looked at; None: all of them.
    """
    rule = _BY_FAMILY.get(subject.partition("/")[0])
    if rule is None:
        return []
    if items is not None and "items" in state:
        told = state["items"]
        state = {**state, "items": {item: told[item] for item in items if item in told}}
    return list(rule(state))


def ended_as(owed: Obligation, state: State) -> Outcome:
    """How an obligation ended that `state`, its subject's next one, tells nothing of any more."""
    match owed.kind:
        case "regulatory-report":
            reached = state.get("regulatory_stage")
            return "met" if reached in _TELLING[owed.item] else "cancelled"
        case "risk-acceptance":
            return "lapsed"
        case "finding-acceptance":
            return _finding_ended(state)
        case (
            "retro-approval"
            | "post-implementation-review"
            | "conflict-exception"
            | "access-review"
            | "revocation"
        ):
            return "cancelled"
        case _:
            assert_never(owed.kind)


def has_obligations(family: str) -> bool:
    return family in _BY_FAMILY


def has_ended(subject: str, state: State) -> bool:
    """Is it a grant that gives no role any more? What was to go is gone."""
    return subject.startswith("grant/") and state.get("status") in _ENDED_GRANTS


_ENDED_GRANTS: Final = frozenset({"rejected", "revoked", "expired"})
_TELLING: Final[Mapping[str, frozenset[str]]] = {
    "initial": frozenset({"initial", "intermediate", "final"}),
    "intermediate": frozenset({"intermediate", "final"}),
    "final": frozenset({"final"}),
}
"""Stage that was owed → stages whose report tells what it was to tell."""


def _of_change(state: State) -> Iterator[Obligation]:
    services = tuple(sorted(members(state.get("services"))))
    retro, retro_due = state.get("retro_approval"), state.get("retro_due_at")
    if retro and retro_due:
        yield Obligation(
            "retro-approval",
            retro_due,
            ("emergency-authority",),
            services,
            ended=_RETRO_ENDS.get(retro),
        )
    review_due = state.get("review_due_at")
    is_owed = state.get("status") in UNREVIEWED
    if review_due and (is_owed or state.get("reviewed_at")):
        named = tuple(sorted(members(state.get("review_members"))))
        yield Obligation(
            "post-implementation-review",
            review_due,
            named or ("change-reviewer",),
            services,
            ended="met" if state.get("reviewed_at") else None,
        )


_RETRO_ENDS: Final[Mapping[str, Outcome]] = {"granted": "met", "denied": "met", "lapsed": "lapsed"}
"""A denial is an answer too: what was owed is a decision."""


def _of_incident(state: State) -> Iterator[Obligation]:
    """The next stage. An earlier one was met by its report, or by a later report that tells it as well."""
    owed, due = state.get("report_owed"), state.get("report_due_at")
    if owed and due and state.get("status") != "cancelled":
        yield Obligation("regulatory-report", due, ("compliance",), _service(state), item=owed)


def _of_problem(state: State) -> Iterator[Obligation]:
    """An accepted risk is looked at again by the day that was named: accepted anew, or the problem closed."""
    review_by, status = state.get("review_by"), state.get("status")
    if not review_by or status not in {"risk_accepted", "closed"}:
        return
    accepted_by = state.get("risk_accepted_by")
    yield Obligation(
        "risk-acceptance",
        f"{review_by}T00:00:00.000000Z",
        (accepted_by,) if accepted_by else ("risk-owner",),
        _service(state),
        ended="met" if status == "closed" else None,
    )


def _of_grant(state: State) -> Iterator[Obligation]:
    """A conflict that was accepted for a time is to be gone by then."""
    until = (state.get("exception") or {}).get("expires_at")
    if until:
        yield Obligation(
            "conflict-exception",
            until,
            ("risk-owner",),
            tuple(sorted(members(state.get("services")))),
            ended="met" if state.get("status") in _ENDED_GRANTS else None,
        )


def _of_finding(state: State) -> Iterator[Obligation]:
    """A risk that was accepted until a moment is accepted anew by then, or gone."""
    if state.get("status") == "risk_accepted" and state.get("accepted_until"):
        accepted_by = state.get("accepted_by")
        owners = (accepted_by,) if accepted_by else ("risk-owner",)
        yield Obligation("finding-acceptance", state["accepted_until"], owners)


def _finding_ended(state: State) -> Outcome:
    """Reopened for another reason than that its time ran out, nobody accepts it any more, and nobody has to again."""
    if state.get("status") == "remediated":
        return "met"
    return "lapsed" if state.get("cause") == "acceptance-ended" else "cancelled"


def _of_review(state: State) -> Iterator[Obligation]:
    """Of an access review: that it comes to its end, and that each grant that was to go goes."""
    if state.get("due_at"):
        yield Obligation(
            "access-review",
            state["due_at"],
            ("access-reviewer", "compliance"),
            _service(state),
            ended="met" if state.get("status") == "closed" else None,
        )
    for grant, decided in state.get("items", {}).items():
        if decided.get("verdict") == "revocation_ordered" and decided.get("due_at"):
            yield Obligation(
                "revocation",
                decided["due_at"],
                ("administrator",),
                item=grant,
                until_end_of=grant,
            )


def _service(state: State) -> tuple[str, ...]:
    return (state["service"],) if state.get("service") else ()


_BY_FAMILY: dict[str, Callable[[State], Iterator[Obligation]]] = {
    "change": _of_change,
    "incident": _of_incident,
    "problem": _of_problem,
    "grant": _of_grant,
    "finding": _of_finding,
    "review": _of_review,
}
