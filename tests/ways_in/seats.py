"""How somebody comes to have a part in a subject: what its state says once they do.

One line for each part that a case of the policy's table names. A state is seeded as a whole, as if another
history had led there: which orders lead there is tested where the orders are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.change import change_content_hash
from domain.request import request_content_hash

Patch = dict[str, Any]
Seat = Callable[[str], Patch]
"""The principal → what the state says of them."""

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT00:00:00.000000Z")
"""Some moment before all orders."""
NOT_HASHED = "sha256:" + "0" * 64
"""Stands for the hash of the content, which is known once the whole state is."""


def _member(name: str) -> Seat:
    return lambda who: {name: who}


def _record(collection: str, prefix: str, **said: Any) -> Seat:
    """A record of a collection, made `by` the principal."""
    return lambda who: {collection: {record_id(prefix, who): {"by": who, "at": YESTERDAY, **said}}}


def record_id(prefix: str, who: str) -> str:
    return f"{prefix}-{who.partition('/')[2]}"


def _commit(who: str) -> Patch:
    made = {"author": who, "committed_at": YESTERDAY}
    return {"commits": {f"c0ffee{sum(map(ord, who)):06x}": made}}


approval = _record("approvals", "APR", verdict="granted", content_hash=NOT_HASHED)
denial = _record("approvals", "APR", verdict="denied", content_hash=NOT_HASHED)
test = _record("tests", "TST", verdict="passed", artifact="sha256:" + "a1" * 32)
advice_against = _record("cab_decisions", "CAB", advice="reject")
developer: Seat = _commit

SEATS: Mapping[str, Mapping[str, Seat]] = {
    "incident": {
        "requester": _member("opened_by"),
        "assignee": _member("assigned_to"),
        "prioritiser": _member("prioritised_by"),
        "resolver": _member("resolved_by"),
    },
    "request": {
        "requester": _member("requested_by"),
        "beneficiary": _member("beneficiary"),
        "fulfiller": _member("fulfiller"),
        "approver": approval,
    },
    "problem": {"owner": _member("owner")},
    "change": {
        "requester": _member("requested_by"),
        "beneficiary": _member("beneficiary"),
        "developer": developer,
        "approver": approval,
        "recused": _record("recusals", "REC"),
        "declared-interest": lambda who: {"interests": {who: True}},
        "implementer": lambda who: {"implementers": {who: True}},
        "invoker": _member("break_glass_by"),
    },
    "model": {"proposer": _member("proposed_by")},
    "freeze": {},
    "review": {},
    "finding": {"concerned": lambda who: {"about": {who: True}}},
    "grant": {"subject": _member("holder"), "requester": _member("requested_by")},
    "role": {"owner": _member("owner")},
    "policy": {"drafter": _member("drafted_by"), "reviewer": _member("reviewed_by")},
    "ledger": {"genesis": lambda who: {"genesis": {"people": {who: True}}}},
}


def merged(state: Patch, patch: Mapping[str, Any]) -> Patch:
    """`patch` in `state`, record by record."""
    out = dict(state)
    for name, value in patch.items():
        both = isinstance(value, dict) and isinstance(out.get(name), dict)
        out[name] = merged(out[name], value) if both else value
    return out


def hashed(family: str, state: Patch) -> Patch:
    """The same, with the hash of the content wherever it stands for it."""
    if family not in {"change", "request"}:
        return state
    told = change_content_hash(state) if family == "change" else request_content_hash(state)
    return _replaced(state, told)


def _replaced(value: Any, told: str) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(one, told) for name, one in value.items()}
    return told if value == NOT_HASHED else value
