"""What every ticket takes in any state, without changing its status: comments, links, attachments, corrections.

Each body below is written once; `itsm.incident.commented.v1`, `itsm.problem.commented.v1` and so on are made
from it for every family with `takes_common_events`, at the end of this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import new_class
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.command import Case, Command, require
from domain.correction import CorrectFact, FactCorrected
from domain.event import (
    MAX_SAFE_INTEGER,
    Count,
    Event,
    Json,
    PersonalText,
    Principal,
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

_EXAMPLE_ID = "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10"
_EXAMPLE_HASH = "sha256:" + "3f" * 32


@with_config(ConfigDict(extra="forbid", strict=True))
class Link(TypedDict):
    """`to`: a subject of this ledger, or (`related`, `supplier_ticket`) a number of another system."""

    to: Text
    relation: Word


@with_config(ConfigDict(extra="forbid", strict=True))
class Attachment(TypedDict):
    """A file by its hash. Its bytes are kept elsewhere; its name may be personal and stands in the comment."""

    sha256: Sha256
    media_type: MediaType
    size: Count


class TicketState(TypedDict, total=False):
    """The members that common events set, on every family that takes them."""

    links: dict[LinkId, Link]
    attachments: dict[AttachmentId, Attachment]
    source_status: str
    source_created_by: str
    source_owner: str
    source: dict[Column, str | int | bool]


class TicketEvent(Event):
    """An event of a ticket's workflow. Observed, it may state what the source said of its own record:

    its status word, whole; who made and owns the record; and the columns that have no ITIL home. A column
    that names a person is never one of `source`, which stands in plain text.
    """

    source_status: Text | None = None
    source_created_by: Principal | None = None
    source_owner: Principal | None = None
    source: dict[Column, str | SafeInteger | bool | None] | None = None


class Commented(Event):
    """Somebody said something. The text is the envelope's `comment`: it is said, and is no state."""


class Linked(Event):
    """The ticket was tied to another subject, or to another system's number."""

    example: ClassVar[Mapping[str, Json]] = {
        "links": {f"LNK-{_EXAMPLE_ID}": {"to": "problem/PRB0010004", "relation": "problem"}}
    }

    links: dict[LinkId, Link] | None = None


class Unlinked(Event):
    """A link no longer holds. Its id is never used again."""

    example: ClassVar[Mapping[str, Json]] = {"links": {f"LNK-{_EXAMPLE_ID}": None}}

    links: dict[LinkId, None] | None = None


class AttachmentRecorded(Event):
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


class SourceStatusRecorded(TicketEvent):
    """What a source said of its own record, where no other event of the ticket says it along."""

    example: ClassVar[Mapping[str, Json]] = {
        "source_status": "Awaiting Evidence",
        "source": {
            "u_symptom": "Symptom 72",
            "knowledge": True,
            "sys_mod_count": 4,
            "vendor": None,
        },
    }


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


_EVENTS: tuple[type[Event], ...] = (
    Commented,
    Linked,
    Unlinked,
    AttachmentRecorded,
    SourceStatusRecorded,
    FactCorrected,
)
_COMMANDS: tuple[tuple[str, str, type[Command], type[Event]], ...] = (
    ("CommentOn{}", "comment", Comment, Commented),
    ("Link{}", "link", LinkTicket, Linked),
    ("Unlink{}", "unlink", Unlink, Unlinked),
    ("Record{}Attachment", "record-attachment", RecordAttachment, AttachmentRecorded),
    ("Correct{}Fact", "correct-fact", CorrectFact, FactCorrected),
)

B = TypeVar("B")
E = TypeVar("E", bound=Event)
_MADE: dict[tuple[str, type[Event]], type[Event]] = {}


def common_event(family: str, body: type[E]) -> type[E]:
    """`IncidentCommented` for `("incident", Commented)`."""
    return cast("type[E]", _MADE[(family, body)])


def _make(family: Family) -> None:
    """One class of its own for each common event and command: a type name belongs to one family."""
    word = family.words[0]
    for body in _EVENTS:
        made = _subclass(body, word + body.__name__, family=family.name)
        made.common = True
        _MADE[(family.name, body)] = made
    for name, verb, order, body in _COMMANDS:
        _subclass(order, name.format(word), yields=_MADE[(family.name, body)], verb=verb)


def _subclass(body: type[B], name: str, **declared: Any) -> type[B]:
    described = {"__module__": __name__, "__doc__": body.__doc__}
    made = new_class(name, (body,), declared, lambda space: space.update(described))
    return cast("type[B]", made)


for _family in FAMILIES.values():
    if _family.takes_common_events:
        _make(_family)
