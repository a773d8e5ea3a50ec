"""Policies: who may do what, as text in the ledger. Drafted, reviewed and published by different people, never edited.

A policy is Cedar text in files, with the schema it was validated against and the thresholds it sets. The one
that was published last is in force; publishing the next supersedes it. What its rules are asked is in
`domain/by_policy.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.canonical import content_hash
from domain.cedar import Policy, Question, policy_of
from domain.command import Case, Command, Events, On, require
from domain.errors import Malformed
from domain.event import Event, Json, Moment, PersonalText, Principal, Sha256, State, Subject, Text
from domain.humans import acted_for
from domain.parts import has_parts
from domain.policy_schema import action_of, schema_text
from domain.policy_text import validate
from domain.rosters import POLICIES, stands_on
from domain.thresholds import thresholds_of

FileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}\.cedar$")]
PolicyText = Annotated[str, StringConstraints(min_length=1, max_length=60_000)]

RECOVERY: str = "recovery"
"""The role that must keep access, whatever is published."""
KEEPS_ACCESS: tuple[tuple[str, str], ...] = (
    ("policy", "draft"),
    ("policy", "review"),
    ("policy", "publish"),
    ("principal", "register"),
)
"""What its holder must be able to do: enough to put another policy in force."""


class PolicyState(TypedDict, total=False):
    status: Literal["drafted", "reviewed", "published", "superseded"]
    title: str
    texts: dict[str, str]
    cedar_schema: str
    thresholds: dict[str, Json]
    content_hash: str
    drafted_by: str
    drafted_for: str
    reviewed_by: str
    reviewed_for: str
    published_by: str
    published_at: str
    reference: str
    superseded_by: str


class PolicyDrafted(Event, family="policy", source=(), to="drafted"):
    """Somebody wrote a policy. From here on its text stays as it is."""

    example: ClassVar[Mapping[str, Json]] = {
        "title": "Two approvers for high risk",
        "texts": {"tickets.cedar": '@id("anyone-reports") @sentence("…") permit (…);'},
        "thresholds": {"incident_reopen_days": 7},
        "content_hash": "sha256:" + "0" * 64,
        "drafted_by": "principal/PRN0000012",
    }

    title: Text
    texts: dict[FileName, PolicyText]
    thresholds: dict[str, Json]
    content_hash: Sha256
    drafted_by: Principal
    drafted_for: Principal | None = None


class PolicyValidated(Event, family="policy", source=("drafted",)):
    """Cedar's validator passed every rule of it against this schema, that of the software that drafted it."""

    example: ClassVar[Mapping[str, Json]] = {"cedar_schema": "entity Incident = { … };"}

    cedar_schema: str


class PolicyReviewed(Event, family="policy", source=("drafted",), to="reviewed"):
    """Somebody else read it, and found that it says what it should. `content_hash`: of what was read."""

    example: ClassVar[Mapping[str, Json]] = {
        "reviewed_by": "principal/PRN0000013",
        "content_hash": "sha256:" + "0" * 64,
    }

    reviewed_by: Principal
    reviewed_for: Principal | None = None
    content_hash: Sha256


class PolicyPublished(Event, family="policy", source=("reviewed",), to="published"):
    """From this entry on it is in force. `reference` is what decisions name it by: subject and version."""

    example: ClassVar[Mapping[str, Json]] = {
        "published_by": "principal/PRN0000014",
        "published_at": "2026-03-02T09:30:00.000000Z",
        "reference": "policy/POL0000003@4",
    }

    published_by: Principal
    published_at: Moment
    reference: Text


class PolicySuperseded(Event, family="policy", source=("published",), to="superseded"):
    """Another one took its place."""

    example: ClassVar[Mapping[str, Json]] = {"superseded_by": "policy/POL0000004"}

    superseded_by: Subject


def policy_hash(texts: Mapping[str, str], thresholds: Mapping[str, Json]) -> str:
    """What a reviewer reads, by its hash: SHA-256 of the RFC 8785 form of texts and thresholds."""
    return content_hash({"texts": dict(texts), "thresholds": dict(thresholds)})


class DraftPolicy(Command, yields=PolicyDrafted):
    """Write a policy. Refused with Cedar's message, file and line unless every rule passes the validator."""

    example: ClassVar[Mapping[str, Any]] = {
        "title": "Whoever is registered reports",
        "texts": {
            "tickets.cedar": '@id("anyone-reports")\n@sentence("Whoever is registered reports.")\n'
            'permit (principal, action == Action::"incident:report", resource)\n'
            'when { principal.status == "registered" };\n'
        },
        "thresholds": {"incident_reopen_days": 7},
    }

    title: Text
    texts: dict[FileName, PolicyText]
    thresholds: dict[str, Any] = Field(default_factory=dict)

    def decide(self, case: Case) -> Events:
        """Raises Malformed as well."""
        draft, validated = drafted(self.title, self.texts, self.thresholds, case.actor)
        for_ = acted_for(case, "drafted_for")
        return [draft.model_copy(update=for_) if for_ else draft, validated]


def drafted(
    title: str, texts: Mapping[str, str], thresholds: Mapping[str, Json], by: str
) -> tuple[PolicyDrafted, PolicyValidated]:
    """Both events, once Cedar and the thresholds' own checks passed it. Raises Malformed."""
    if not texts:
        raise Malformed("a policy has at least one file with Cedar text")
    schema = schema_text()
    validate(texts, schema)
    thresholds_of(thresholds)
    draft = PolicyDrafted(
        title=title,
        texts=dict(texts),
        thresholds=dict(thresholds),
        content_hash=policy_hash(texts, thresholds),
        drafted_by=by,
    )
    return draft, PolicyValidated(cedar_schema=schema)


class ReviewPolicy(Command, yields=PolicyReviewed):
    """Say that it was read. `content_hash` is of what was read, as the draft states it."""

    example: ClassVar[Mapping[str, Any]] = {"content_hash": "sha256:" + "0" * 64}

    content_hash: Sha256

    def decide(self, case: Case) -> Events:
        same = self.content_hash == case.state.get("content_hash")
        told = f"{case.subject} has the hash {case.state.get('content_hash')}; read that one"
        require(same, "reviewed-what-stands", told, case)
        return self.stating(
            reviewed_by=case.actor,
            **acted_for(case, "reviewed_for"),
            content_hash=self.content_hash,
        )


class PublishPolicy(Command, yields=PolicyPublished):
    """Put it in force, in the place of the one that is. Refused if the recovery role would be locked out."""

    comment: PersonalText | None = None

    def decide(self, case: Case) -> Events:
        lost = locked_out(case.state)
        told = f"the role {RECOVERY} could no longer {', '.join(lost)}; add rules that permit it"
        require(not lost, "recovery-keeps-access", told, case)
        published = self.stating(
            published_by=case.actor,
            published_at=case.now,
            reference=f"{case.subject}@{case.version + 1}",
        )
        before = [
            On(policy, PolicySuperseded(superseded_by=case.subject))
            for policy in case.rosters.get(POLICIES, ())
        ]
        return [*before, *published]


def locked_out(state: State) -> list[str]:
    """Which of the orders that restore access a policy in this state would refuse a holder of the recovery role."""
    policy = parsed(state)
    return [
        action_of(family, verb)
        for family, verb in KEEPS_ACCESS
        if not policy.decide(_recovering(family, verb)).permit
    ]


def parsed(state: State) -> Policy:
    return policy_of(tuple(state["texts"].items()))


def _recovering(family: str, verb: str) -> Question:
    """Somebody in the recovery role, who has had no part in anything."""
    return Question(
        principal="principal/recovering",
        kind="person",
        status="registered",
        mode="govern",
        roles=(RECOVERY,),
        action=action_of(family, verb),
        resource=f"{family}/new",
        state={},
    )


@stands_on("policy")
def _rosters(_subject: str, state: State) -> Iterable[str]:
    return (POLICIES,) if state.get("status") == "published" else ()


has_parts(
    "policy",
    lambda state: {
        "drafter": (state.get("drafted_by"), state.get("drafted_for")),
        "reviewer": (state.get("reviewed_by"), state.get("reviewed_for")),
        "publisher": (state.get("published_by"),),
    },
)
