"""For each order: in which state it can be done, and what it says, where the order's example does not do.

`$name` stands for the situation's own name, so that no two situations meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.acts import ImportRun
from domain.command import COMMANDS
from domain.event import MAX_SAFE_INTEGER
from domain.finding import FindingRaised, RaiseFinding
from domain.policy import policy_hash
from domain.population import Bounds, population_of
from ledger.shipped import shipped_texts
from tests.ways_in.cast import (
    CAMPAIGN,
    DEPLOYMENT,
    DONE,
    EVIDENCE,
    FAR_AWAY,
    LONG_AGO,
    MAJOR,
    OTHER,
    RESOLVER,
    THIRD,
    WINDOW,
)
from tests.ways_in.seats import NOT_HASHED, YESTERDAY, Patch

_SHA = "sha256:" + "3f" * 32
_LINKED: Patch = {"links": {"LNK-one": {"to": "problem/PRB0010004", "relation": "problem"}}}
_LINK: Patch = {"to": MAJOR, "relation": "incident"}
SOON: Final = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT00:00:00.000000Z")
NOBODY: Patch = dict(population_of(Bounds(MAX_SAFE_INTEGER, LONG_AGO), ()))
"""The population that a review says it has. It is counted by whatever the log says at the end of it."""

_AUTHORIZED: Patch = {
    "authorized_at": YESTERDAY,
    "authorized_hash": NOT_HASHED,
    "approved_window": WINDOW,
}
_RETRO: Patch = {"status": "implemented", "retro_approval": "requested", "retro_due_at": FAR_AWAY}

_FIRST = 1
"""No webhook here is told of anything behind it: the server that listens meanwhile has nothing to deliver."""
_WEBHOOK: Patch = {
    "url": "https://hooks.example.com/itsm",
    "receiver": "hooks.example.com",
    "events": {"itsm.ledger.created.v1": True},
    "owner": OTHER,
    "scopes": {"*:read": True},
    "secrets": {_SHA: {"since": LONG_AGO}},
    "begins": {"after": _FIRST, "run": "one"},
}

FAMILY: Mapping[str, Patch] = {
    "incident": {
        "impact": 3,
        "urgency": 3,
        "priority": 3,
        "detected_at": LONG_AGO,
        "reported_at": YESTERDAY,
        "reassignment_count": 0,
        "reopen_count": 0,
    },
    "request": {"item": "hardware/laptop-14"},
    "problem": {},
    "change": {
        "type": "normal",
        "services": {"$name": True},
        "risk": "low",
        "revision": 1,
        "window": WINDOW,
    },
    "model": {
        "services": {"$name": True},
        "version": 1,
        "max_risk": "low",
        "valid_until": FAR_AWAY,
    },
    "freeze": {"services": {"$name": True}, "interval": WINDOW, "declared_by": OTHER},
    "grant": {"requested_by": THIRD, "valid_from": LONG_AGO, "valid_to": SOON},
    "review": {"service": "$name", "population": NOBODY},
    "finding": {
        **FindingRaised.example,
        "about": {THIRD: True},
        "first_position": 1,
        "last_position": 1,
    },
    "role": {"name": "$name", "revision": 1, "privileged": False, "conflicts": {}, "owner": THIRD},
    "policy": {
        "texts": dict(shipped_texts()),
        "thresholds": {},
        "content_hash": policy_hash(shipped_texts(), {}),
    },
    "principal": {"kind": "person", "mode": "govern"},
    "ledger": {},
}
"""What any subject of the family says, whatever is ordered."""

BEGINS: Mapping[str, str] = {
    "incident": "new",
    "request": "submitted",
    "problem": "new",
    "change": "draft",
    "principal": "registered",
}
"""The status for orders that take place in any."""

STATE: Mapping[str, Patch] = {
    "incident:close": {"resolved_at": YESTERDAY, "restored_at": YESTERDAY},
    "incident:reopen": {"resolved_at": YESTERDAY, "restored_at": YESTERDAY},
    "incident:unlink": _LINKED,
    "request:unlink": _LINKED,
    "problem:unlink": _LINKED,
    "problem:resolve": {"fix_change": DONE},
    "problem:expire-risk-acceptance": {"review_by": "2026-01-05"},
    "problem:close": {"fix_change": DONE},
    "change:unlink": _LINKED,
    "change:schedule": _AUTHORIZED,
    "change:start-implementation": _AUTHORIZED,
    "change:start-emergency-implementation": {
        **_AUTHORIZED,
        "type": "emergency",
        "links": {"LNK-one": {"to": MAJOR, "relation": "incident"}},
    },
    "change:invoke-break-glass": {"type": "emergency"},
    "change:pre-authorize": {
        "type": "standard",
        "model": "model/$name-MODEL",
        "model_version": 1,
    },
    "change:invalidate-approvals": {
        **_AUTHORIZED,
        "approvals": {
            "APR-one": {"by": OTHER, "verdict": "granted", "content_hash": NOT_HASHED},
        },
    },
    "change:grant-retro-approval": _RETRO,
    "change:deny-retro-approval": _RETRO,
    "change:lapse-retro-approval": {**_RETRO, "retro_due_at": LONG_AGO},
    "change:lapse-review": {"status": "in_review", "review_due_at": LONG_AGO},
    "change:request-retro-approval": {"status": "implemented"},
    "change:submit": dict.fromkeys(("implementation_plan", "test_plan", "back_out_plan"), "Told"),
    "freeze:expire": {"interval": {"start": LONG_AGO, "end": YESTERDAY}},
    "grant:grant-exception": {"conflicts": {}},
    "grant:detect-conflict": {"holder": RESOLVER},
    "grant:end-delegation": {
        "delegations": {"DLG-one": {"to": OTHER, "from": LONG_AGO, "until": SOON}}
    },
    "grant:expire": {"valid_to": YESTERDAY},
    "review:close": {"role": "role/$name", "population": NOBODY},
    "principal:unlink-identity": {
        "identities": {"IDN-one": {"issuer": "https://login.example.com", "subject": "1"}}
    },
    "ledger:change-webhook": _WEBHOOK,
    "ledger:rotate-webhook-secret": _WEBHOOK,
    "ledger:replay-webhook": _WEBHOOK,
    "ledger:disable-webhook": _WEBHOOK,
    "ledger:enable-webhook": _WEBHOOK,
    "ledger:end-webhook": _WEBHOOK,
    "ledger:lift-legal-hold": {"holds": {"HLD-01": {"subject": OTHER}}},
    "ledger:ratify": {"genesis": {"status": "unratified", "people": {OTHER: True}}},
}
"""What the order needs beside that. The status is the first that it takes place in, unless it is told here."""

BODY: Mapping[str, Patch] = {
    "incident:cancel": {"cancellation": "entered_in_error"},
    "incident:assign": {"assigned_to": RESOLVER},
    "incident:reassign": {"assigned_to": RESOLVER, "reason": "Told"},
    "incident:reprioritise": {"impact": 1, "urgency": 1},
    "incident:resolve": {"resolution_code": "restarted"},
    **{f"{family}:link": _LINK for family in ("incident", "request", "problem", "change")},
    "incident:unlink": {"link": "LNK-one"},
    "request:unlink": {"link": "LNK-one"},
    "request:submit": {"item": "hardware/laptop-14", "title": "Laptop", "beneficiary": OTHER},
    "request:fulfil": {},
    "problem:unlink": {"link": "LNK-one"},
    "problem:raise": {"title": "The queue fills up", "incident": MAJOR},
    "problem:accept": {"owner": OTHER},
    "problem:accept-risk": {"review_by": SOON[:10]},
    "problem:request-fix": {"fix_change": DONE},
    "problem:record-fix-failure": {"fix_outcome": "failed"},
    "problem:reopen": {"recurrence": MAJOR},
    "change:unlink": {"link": "LNK-one"},
    "change:assess": {"risk": "low", "risk_policy": "matrix@3"},
    "change:schedule": {},
    "change:detect-unauthorized": {"deployment": DEPLOYMENT},
    "change:link-commit": {"commit": "c0ffee", "author": THIRD, "committed_at": YESTERDAY},
    "change:open-pir": {"sampled": True},
    "change:invoke-break-glass": {"incident": MAJOR, "reason": "Told"},
    "change:invalidate-approvals": {"cause": "approver_role_void", "approvals": ["APR-one"]},
    "change:record-cab-decision": {
        "meeting": "CAB",
        "attendees": [OTHER, THIRD],
        "quorum": 2,
        "votes": {OTHER: "for", THIRD: "for"},
        "advice": "authorize",
    },
    "model:approve": {"valid_until": SOON, "max_risk": "low", "evidence": list(EVIDENCE)},
    "freeze:grant-exception": {"change": "change/$name-CHANGE"},
    "freeze:deny-exception": {"change": "change/$name-CHANGE"},
    "freeze:declare": {
        "services": ["$name"],
        "interval": {"start": SOON, "end": FAR_AWAY},
        "reason": "Told",
    },
    "grant:request": {"valid_to": SOON, "reason": "Told"},
    "grant:activate": {},
    "grant:grant-exception": {"compensating_control": "Watched", "expires_at": SOON},
    "grant:certify": {"campaign": CAMPAIGN},
    "grant:delegate": {"to": OTHER, "until": SOON, "reason": "Told"},
    "grant:end-delegation": {"delegation": "DLG-one"},
    "finding:raise": {
        **RaiseFinding.example,
        "group": "$name",
        "first_position": 2,
        "last_position": 2,
    },
    "finding:record-recurrence": {"count": 17, "last_position": 2},
    "finding:remediate": {"evidence_position": 2},
    "finding:accept-risk": {"until": SOON, "reason": "Told"},
    "review:open": {"service": "$name", "due_at": SOON},
    "review:certify": {"grants": ["grant/$name-ITEM"]},
    "review:revoke": {"grants": ["grant/$name-ITEM"], "due_at": SOON},
    "role:define": {"name": "way-$small", "title": "Told", "owner": OTHER},
    "role:revise": {"title": "Told", "reason": "Told"},
    "principal:identify": {"person": OTHER, "reason": "Told"},
    "principal:link-identity": {"issuer": "https://login.example.com", "subject": "$name"},
    "principal:unlink-identity": {"identity": "IDN-one", "reason": "Told"},
    "ledger:issue-token": {"principal": OTHER, "scopes": ["*:read"], "token_hash": _SHA},
    "ledger:replay-webhook": {"after": _FIRST},
    "ledger:start-software": {"software": "itsm-ledger $name"},
    "ledger:accept-loss": {"size": 1, "root": "$name", "reason": "Told"},
    "ledger:record-import": dict(ImportRun.example),
    "ledger:place-legal-hold": {"target": OTHER, "reason": "Told"},
    "ledger:erase": {"target": "incident/$name", "reason": "Told"},
}


def standing_for(action: str, name: str) -> Patch:
    family = action.partition(":")[0]
    statuses = COMMANDS[family, action.partition(":")[2]].yields.from_statuses
    status = statuses[0] if statuses else BEGINS.get(family)
    begun = {"status": status} if status else {}
    return _named({**FAMILY[family], **begun, **STATE.get(action, {})}, name)


def body_of(action: str, name: str) -> Patch:
    family, _, verb = action.partition(":")
    said = BODY.get(action)
    return _named(dict(COMMANDS[family, verb].example) if said is None else dict(said), name)


def _named(told: Any, name: str) -> Any:
    if isinstance(told, Mapping):
        return {_named(key, name): _named(value, name) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_named(one, name) for one in told]
    if not isinstance(told, str):
        return told
    return told.replace("$name", name).replace("$small", name.lower())
