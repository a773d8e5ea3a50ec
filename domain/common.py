"""What every ticket takes in any state, without changing its status: comments, links, attachments, corrections.

Each body below is written once; `itsm.incident.commented.v1`, `itsm.problem.commented.v1` and so on are made
from it for every family with `takes_common_events`, at the end of this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import new_class
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.command import Case, Command, require
from domain.errors import CanNot
from domain.event import (
    MAX_SAFE_INTEGER,
    Count,
    Event,
    Json,
    Moment,
    PersonalText,
    Sha256,
    Text,
    Word,
)
from domain.families import FAMILIES, Family
from domain.linking import Relation, reads_if_built, require_linkable, unknowable

LinkId = Annotated[str, StringConstraints(pattern=r"^LNK-[A-Za-z0-9._-]{1,64}$")]
AttachmentId = Annotated[str, StringConstraints(pattern=r"^ATT-[A-Za-z0-9._-]{1,64}$")]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+_-]{0,100}$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=100)]
SafeInteger = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]

PROTECTED_MEMBERS = frozenset(
    {
        "approvals",
        "content_hash",
        "fix_outcome",
        "priority",
        "regulatory_stage",
        "resolved_at",
        "review_by",
        "status",
    }
)
"""Under govern no correction changes these, nor any member that names a person: rules and guards rest on
them, and a correction must not be a way around a guard (a second person to lower a priority, say)."""

_EXAMPLE_ID = "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"
_EXAMPLE_HASH = "sha256:" + "3f" * 32


class Link(TypedDict):
    """`to`: a subject of this ledger, or (`related`, `supplier_ticket`) a number of another system."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # pydantic's own way

    to: Text
    relation: Word


class Attachment(TypedDict):
    """A file by its hash. Its bytes are kept elsewhere; its name may be personal and stands in the comment."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # as above

    sha256: Sha256
    media_type: MediaType
    size: Count


class TicketState(TypedDict, total=False):
    """The members that common events set, on every family that takes them."""

    links: dict[LinkId, Link]
    attachments: dict[AttachmentId, Attachment]
    source_status: str
    source: dict[Column, str | int | bool]


class CommonEvent(Event):
    common = True


class Commented(CommonEvent):
    """Somebody said something. The text is the envelope's `comment`: it is said, and is no state."""


class Linked(CommonEvent):
    """The ticket was tied to another subject, or to another system's number."""

    example: ClassVar[Mapping[str, Json]] = {
        "links": {f"LNK-{_EXAMPLE_ID}": {"to": "problem/PRB0010004", "relation": "problem"}}
    }

    links: dict[LinkId, Link] | None = None


class Unlinked(CommonEvent):
    """A link no longer holds. Its id is never used again."""

    example: ClassVar[Mapping[str, Json]] = {"links": {f"LNK-{_EXAMPLE_ID}": None}}

    links: dict[LinkId, None] | None = None


class AttachmentRecorded(CommonEvent):
    """A file belongs to the ticket: its hash, kind and size in bytes."""

    example: ClassVar[Mapping[str, Json]] = {
        "attachments": {
            f"ATT-{_EXAMPLE_ID}": {
                "sha256": _EXAMPLE_HASH,
                "media_type": "image/png",
                "size": 48211,
            }
        }
    }

    attachments: dict[AttachmentId, Attachment] | None = None


class SourceStatusRecorded(CommonEvent):
    """What a source said of its own record: its status word, and the columns that have no ITIL home."""

    example: ClassVar[Mapping[str, Json]] = {
        "source_status": "Awaiting Evidence",
        "source": {
            "u_symptom": "Symptom 72",
            "knowledge": True,
            "sys_mod_count": 4,
            "vendor": None,
        },
    }

    source_status: Text | None = None
    source: dict[Column, str | SafeInteger | bool | None] | None = None


class FactCorrected(CommonEvent):
    """An earlier fact was wrong. The envelope names it (`corrects`) and carries the whole replacing patch.

    `data` is computed by the ledger, under its lock: the values that the fold has once the correction stands.
    """

    model_config = ConfigDict(extra="allow")
    example: ClassVar[Mapping[str, Json]] = {"restored_at": "2026-03-02T09:12:00.000000Z"}


class Comment(Command):
    """Say something on a ticket. The text may name people: it is kept as a commitment."""

    example: ClassVar[Mapping[str, Any]] = {"comment": "The user confirms that mail arrives again."}

    comment: PersonalText


class LinkTicket(Command):
    """Tie the ticket to another subject. What the ledger can know must exist in it."""

    example: ClassVar[Mapping[str, Any]] = {"to": "problem/PRB0010004", "relation": "problem"}

    to: Text
    relation: Relation

    def reads(self) -> tuple[str, ...]:
        return reads_if_built(self.to)

    def decide(self, case: Case) -> Sequence[Event]:
        require_linkable(self.to, self.relation, case)
        return self.stating(
            links={f"LNK-{case.new_id()}": {"to": self.to, "relation": self.relation}}
        )

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return unknowable(self.to, "linked-subject-exists")


class Unlink(Command):
    """Take a link away, by its id."""

    example: ClassVar[Mapping[str, Any]] = {"link": f"LNK-{_EXAMPLE_ID}"}

    link: LinkId

    def decide(self, case: Case) -> Sequence[Event]:
        known = case.state.get("links", {})
        require(self.link in known, "link-exists", f"{case.subject} has no link {self.link}", case)
        return self.stating(links={self.link: None})


class RecordAttachment(Command):
    """Record a file by its hash. Say its name in `comment`, which may be personal and is no state."""

    example: ClassVar[Mapping[str, Any]] = {
        "sha256": _EXAMPLE_HASH,
        "media_type": "image/png",
        "size": 48211,
        "comment": "screenshot-of-error.png",
    }

    sha256: Sha256
    media_type: MediaType
    size: Count
    comment: PersonalText | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        return self.stating(attachments={f"ATT-{case.new_id()}": self.given()})


class CorrectFact(Command):
    """Correct what an earlier entry of this subject says, by its position.

    `replacement` is the whole patch that should have stood there; `{}` retracts the fact. `effectivetime` says
    when it really happened. The ledger looks the entry up, asks `check_replacement`, and computes the data.
    """

    needs_reason = True
    needs_target = True
    example: ClassVar[Mapping[str, Any]] = {
        "corrects": 1841,
        "replacement": {"restored_at": "2026-03-02T09:12:00Z"},
        "reason": "The monitoring shows the restoration a quarter of an hour earlier",
    }

    corrects: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    replacement: dict[str, Json]
    effectivetime: Moment | None = None

    def decide(self, case: Case) -> Sequence[Event]:
        """The event that the ledger fills in: only it knows the target and the fold around it."""
        return [self.yields()]


def check_replacement(
    target_type: type[Event],
    target_data: Mapping[str, Json],
    replacement: Mapping[str, Json],
    *,
    governed: bool = True,
) -> None:
    """May `replacement` stand in the place of `target_data`, an entry of `target_type`?

    Under govern whatever rules rest on (status, approvals, who acted) stays as it was: repeated or, where the
    type asserts it alike for every event, left out. So a transition cannot be retracted there, only its facts.
    Raises CanNot, or Malformed for a value that the type does not take.
    """
    if issubclass(target_type, FactCorrected):
        raise CanNot(
            "a correction names the original entry, never another correction",
            rules=("corrections-name-originals",),
        )
    if not target_type.family.takes_common_events:
        raise CanNot(
            f"{target_type.type_name} confers authority; record a new fact instead",
            rules=("authority-is-not-corrected",),
        )
    stated = {*target_type.model_fields, *target_type.asserts}
    strangers = sorted(set(replacement) - stated)
    if strangers:
        raise CanNot(
            f"{target_type.type_name} does not state {', '.join(strangers)}; it states "
            f"{', '.join(sorted(stated)) or 'nothing'}",
            rules=("stated-members-only",),
        )
    whole = whole_replacement(target_type, replacement)
    changed = [
        member
        for member in sorted(stated & {*PROTECTED_MEMBERS, *target_type.persons})
        if whole.get(member) != target_data.get(member)
    ]
    if governed and changed:
        raise CanNot(
            f"a correction leaves {', '.join(changed)} as recorded; repeat the recorded value, or use a command",
            rules=("protected-members-stay",),
        )


def whole_replacement(target_type: type[Event], replacement: Mapping[str, Json]) -> dict[str, Json]:
    """The patch that the correction carries: `{}` retracts; else with all that the type always asserts.

    Raises Malformed.
    """
    return target_type.from_data(replacement).data() if replacement else {}


_EVENTS: tuple[type[CommonEvent], ...] = (
    Commented,
    Linked,
    Unlinked,
    AttachmentRecorded,
    SourceStatusRecorded,
    FactCorrected,
)
_COMMANDS: tuple[tuple[str, type[Command], type[CommonEvent]], ...] = (
    ("comment", Comment, Commented),
    ("link", LinkTicket, Linked),
    ("unlink", Unlink, Unlinked),
    ("record-attachment", RecordAttachment, AttachmentRecorded),
    ("correct-fact", CorrectFact, FactCorrected),
)

E = TypeVar("E", bound=CommonEvent)
_MADE: dict[tuple[str, type[CommonEvent]], type[CommonEvent]] = {}


def common_event(family: str, body: type[E]) -> type[E]:
    """`IncidentCommented` for `("incident", Commented)`."""
    return cast("type[E]", _MADE[(family, body)])


def _make(family: Family) -> None:
    """One class of its own for each common event and command: a type name belongs to one family."""
    word = family.words[0]

    def described(body: type) -> Any:
        return lambda space: space.update(__module__=__name__, __doc__=body.__doc__)

    for body in _EVENTS:
        made = new_class(
            f"{word}{body.__name__}", (body,), {"family": family.name}, described(body)
        )
        _MADE[(family.name, body)] = cast("type[CommonEvent]", made)
    for verb, order, body in _COMMANDS:
        yields = common_event(family.name, body)
        new_class(
            f"{word}{order.__name__}", (order,), {"yields": yields, "verb": verb}, described(order)
        )


for _family in FAMILIES.values():
    if _family.takes_common_events:
        _make(_family)
