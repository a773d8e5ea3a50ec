"""Corrections: an earlier fact was wrong, and what should have stood there instead.

The bodies here become one event and one command for each family in `common.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from domain.command import Case, Command
from domain.errors import CanNot
from domain.event import MAX_SAFE_INTEGER, Event, Json, Moment

PROTECTED_MEMBERS = frozenset(
    {
        "approvals",
        "content_hash",
        "fix_outcome",
        "priority",
        "regulatory_stage",
        "report_due_at",
        "report_owed",
        "resolved_at",
        "review_by",
        "status",
    }
)
"""Under govern no correction changes these, nor any member that names a person: rules and guards rest on
them, and a correction must not be a way around a guard (a second person to lower a priority, say)."""

PROTECTED_IN: Mapping[str, frozenset[str]] = {
    "change": frozenset(
        {
            "approved_window",
            "authorized_at",
            "authorized_hash",
            "break_glass_at",
            "cab_decisions",
            "closed_at",
            "closure_code",
            "commits",
            "configuration_items",
            "conflicts",
            "deployment",
            "emergency_incident",
            "implementers",
            "interests",
            "model",
            "model_version",
            "parameters",
            "recusals",
            "resolved_conflicts",
            "retro_approval",
            "retro_content_hash",
            "retro_decided_at",
            "retro_due_at",
            "review_due_at",
            "review_lapsed_at",
            "reviewed_at",
            "review_members",
            "revision",
            "risk",
            "rolled_back_at",
            "services",
            "tests",
            "type",
            "verification",
            "window",
        }
    )
}
"""The same for the members of one family. A change's texts may be corrected: they are part of its content, so
that approvals of what was corrected stop counting."""


class FactCorrected(Event):
    """An earlier fact was wrong. The envelope names it (`corrects`) and carries the whole replacing patch.

    `data` is computed by the ledger, under its lock: the values that the fold has once the correction stands.
    """

    model_config = ConfigDict(extra="allow")
    example: ClassVar[Mapping[str, Json]] = {"restored_at": "2026-03-02T09:12:00.000000Z"}


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
    protected = PROTECTED_MEMBERS | PROTECTED_IN.get(target_type.family.name, frozenset())
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
        for member in sorted(stated & {*protected, *target_type.persons})
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
