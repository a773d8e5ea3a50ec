"""Corrections, as the lock sees them: the target is found, the replacement checked, the data computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import orjson

from domain.commitment import claims_commitment
from domain.correction import check_replacement, whole_replacement
from domain.effect import Fact, correction_data, standing
from domain.errors import CanNot, Malformed, NotTheOwner
from domain.event import Event, Json, event_class
from domain.moments import canonical_time
from ledger.entry import Correction, Draft, parse_entry
from ledger.past import facts_of

Commit = Callable[[Iterable[str], Mapping[str, Json], Mapping[str, Json]], dict[str, Json]]
"""(personal members, patch, what stands there now) -> the patch with commitments in their place."""


def corrected(
    draft: Draft, correction: Correction, entries: Sequence[tuple[int, bytes]], commit: Commit
) -> Draft:
    """The draft with its data, and with the attributes that say what it corrects.

    `entries`: all of the subject's so far. Raises CanNot, NotTheOwner or Malformed for a correction that
    may not stand, and CorruptEntry.
    """
    raw = dict(entries).get(correction.corrects)
    if raw is None:
        raise _no_target(correction, draft.subject)
    target = parse_entry(raw, correction.corrects)
    if not correction.is_governed:
        _require_own_fact(draft, correction, str(target.get("recordedby")))
    facts = facts_of(entries)
    stands = next((one.data for one in standing(facts) if one.position == correction.corrects), {})
    type_ = event_class(target["type"])
    if claims_commitment(dict(correction.replacement)):
        raise Malformed("`sd:` commitments are made by the ledger; send the plain value")
    check_replacement(type_, stands, correction.replacement, governed=correction.is_governed)
    whole = commit(type_.personal, whole_replacement(type_, correction.replacement), stands)
    time = correction.effectivetime and canonical_time(correction.effectivetime)
    fact = Fact(facts[-1].position + 1, draft.time, "", {}, correction.corrects, whole, time)
    said: dict[str, str | int] = {
        **draft.said,
        "corrects": correction.corrects,
        "replacement": orjson.dumps(whole).decode(),
    }
    if time:
        said["effectivetime"] = time
    return replace(draft, data=correction_data(facts, fact), said=said)


def type_of_target(entry_at: Callable[[int], bytes | None], correction: Correction) -> type[Event]:
    """What the corrected entry says of itself. Raises CanNot when there is none."""
    raw = entry_at(correction.corrects)
    if raw is None:
        raise _no_target(correction, "the ledger")
    return event_class(parse_entry(raw, correction.corrects)["type"])


def _no_target(correction: Correction, subject: str) -> CanNot:
    return CanNot(
        f"{subject} has no entry at position {correction.corrects}; a correction names one of its own",
        rules=("corrects-own-fact",),
        corrects=correction.corrects,
    )


def _require_own_fact(draft: Draft, correction: Correction, recorder: str) -> None:
    """What rules rest on may be corrected by observation, so only by whoever observed it."""
    if recorder != draft.said["recordedby"]:
        raise NotTheOwner(
            f"position {correction.corrects} was recorded by {recorder}; a source corrects its own facts",
            rules=("sources-correct-their-own-facts",),
            subject=draft.subject,
            owner=recorder,
        )
