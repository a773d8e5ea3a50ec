"""What each read is answered with, for the API's description: content type, shape, and an example of a real answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.http.answered_exports import exports
from api.http.answered_mining import PROCESSES
from api.http.answered_proven import CHECKPOINT, PROVEN
from api.http.answered_registers import REGISTERS
from api.http.cloudevents import BATCHED, STRUCTURED
from api.http.shapes import Content, Schema, as_json, as_page, as_period, as_text, shape

ATOM: Final = "application/atom+xml"

ENTRY: Final[Schema] = {
    "specversion": "1.0",
    "id": "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10",
    "source": "/ledgers/demo.example",
    "type": "itsm.incident.reported.v1",
    "subject": "incident/INC0010001",
    "time": "2026-03-02T09:30:00.000000Z",
    "sequence": "0000000000000000317",
    "recordedtime": "2026-03-02T09:30:00.412003Z",
    "subjectversion": 1,
    "authtype": "user",
    "authid": "principal/PRN0000005",
    "recordedby": "principal/PRN0000005",
    "decision": "permit",
    "policy": "policy/POL0000001@4",
    "rules": "anyone-reports-incidents vacuous:service-known",
    "datacontenttype": "application/merge-patch+json",
    "data": {"status": "new", "title": "sd:sha-256:IaO0HLD8hs8-MXgdYHgYHQ0ebBwi30GIYagQn1Yh7Jw"},
}
_NOT_ALWAYS: Final = ("policy", "rules")
_ENTRY_SHAPE: Final = shape(ENTRY, optional=_NOT_ALWAYS)

_FEED: Final = """<?xml version='1.0' encoding='utf-8'?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Findings of demo.example</title>\
<id>tag:demo.example,2026-03-02:/findings</id><updated>2026-03-02T09:30:00.412003Z</updated>\
<author><name>demo.example</name></author></feed>
"""
_WEBHOOK: Final = {
    "webhook": "ledger/LDG0000007",
    "status": "active",
    "because": None,
    "receiver": "hooks.example.com",
    "events": ["change", "itsm.incident.reported.v1"],
    "owner": "principal/PRN0000002",
    "position": 1129,
    "lag": 0,
    "delivered": 317,
    "dead_letters": 1,
    "failing_since": None,
    "tries": 0,
    "next_try": None,
    "last_try": "2026-03-02T09:30:00.412003Z",
    "last_outcome": "delivered",
}
_WEBHOOK_NOT_ALWAYS: Final = ("last_try", "last_outcome", "url")
_MOMENT: Final = {
    "subject": "incident/INC0010002",
    "version": 5,
    "position": 1129,
    "basis": "known",
    "at": None,
    "known_at": None,
}
_ACT: Final = {
    "position": 384,
    "subject": "change/CHG0010010",
    "version": 2,
    "type": "itsm.change.break-glass-invoked.v1",
    "time": "2026-03-02T08:30:43.440147Z",
    "recordedtime": "2026-03-02T08:30:43.440147Z",
    "decision": "permit",
    "by": "principal/PRN0000025",
    "on_behalf_of": None,
    "recorded_by": "principal/PRN0000025",
    "policy": "policy/POL0000001@4",
    "rules": [{"id": "break-glass-holders-break-the-glass", "effect": "permit"}],
    "grants": [{"grant": "grant/GRT0000060", "role_name": "break-glass", "status": "active"}],
    "delegations": [],
    "reason": "[personal]",
}
_STEP: Final = {
    "position": 325,
    "version": 2,
    "type": "itsm.incident.assigned.v1",
    "time": "2026-03-02T08:06:45.254752Z",
    "recordedtime": "2026-03-02T08:06:45.254752Z",
    "authid": "principal/PRN0000005",
    "authtype": "user",
    "recordedby": "principal/PRN0000005",
    "decision": "permit",
    "rules": ["dispatchers-assign-incidents"],
    "grants": ["grant/GRT0000004"],
    "changes": {"status": {"from": "new", "to": "assigned"}},
}

_AS_OF: Final = {
    "basis": "effect",
    "at": "2026-03-31T18:00:00.000000Z",
    "known_at": "2026-04-02T08:11:00.412003Z",
    "position": 1129,
}

ANSWERS: Final[Mapping[str, Content]] = {
    "/v1/replay/state": {
        **as_json(
            {
                **_AS_OF,
                "count": 214,
                "items": [
                    {
                        "subject": "incident/INC0010002",
                        "family": "incident",
                        "version": 5,
                        "state": {"status": "in_progress", "priority": 2, "title": "[personal]"},
                    }
                ],
                "next": "incident/INC0010002",
            },
            nullable=("at", "known_at", "next"),
        ),
        "application/x-ndjson": {
            "itemSchema": {"type": "object"},
            "example": '{"subject":"incident/INC0010002","family":"incident","version":5,"basis":"effect",…}\n',
        },
    },
    "/v1/replay/counts": as_json(
        {
            **_AS_OF,
            "moments": ["2026-03-30T18:00:00.000000Z", "2026-03-31T18:00:00.000000Z"],
            "series": [{"values": {"status": "in_progress"}, "counts": [12, 14]}],
        },
        nullable=("known_at",),
    ),
    "/v1/replay/diff": as_json(
        {
            "from": _AS_OF,
            "to": {**_AS_OF, "at": "2026-04-01T18:00:00.000000Z"},
            "items": [
                {
                    "subject": "incident/INC0010002",
                    "became": "finished",
                    "version_before": 5,
                    "version_after": 7,
                    "fields": [
                        {"field": "status", "from": "resolved", "to": "closed", "positions": [1140]}
                    ],
                    "entries": [{"position": 1140, "why": "in-time"}],
                }
            ],
            "next": None,
        },
        nullable=("next",),
    ),
    "/healthz": as_json({"status": "ok"}),
    "/readyz": as_json(
        {
            "status": "ready",
            "size": 1499,
            "checkpoint": {"size": 1499, "age_seconds": 0.4},
            "projections": [
                {"name": "tickets", "position": 1499, "lag": 0, "parked": 0, "state": "current"}
            ],
            "detectors": [
                {"name": "who-may", "version": 1, "position": 1499, "lag": 0, "parked": 0}
            ],
            "webhooks": {"live": 2, "failing": 0, "disabled": 0, "dead_letters": 0},
        }
    ),
    "/metrics": as_text("# TYPE itsm_ledger_head_size gauge\nitsm_ledger_head_size 1499.0\n"),
    "/problems": as_text("may-not: The actor may not do this.\n"),
    "/problems/{code}": as_text("may-not\n=======\n\nThe actor may not do this.\n"),
    "/log/checkpoint": as_text(CHECKPOINT),
    "/log/tile/{path}": {"application/octet-stream": {}},
    "/v1/proofs/{position}": as_text(
        "c2sp.org/tlog-proof@v1\nindex 2\njM6XcYt+XlzBeTbr1kiMYv16DTrgngDllYZ63vbrBrg=\n\n"
        + CHECKPOINT
    ),
    "/v1/events": {
        BATCHED: {"schema": {"type": "array", "items": _ENTRY_SHAPE}, "example": [ENTRY]}
    },
    "/v1/events/stream": {
        "text/event-stream": {
            # Of one event of the stream, as OpenAPI 3.2 has it; earlier readers pass over it.
            "itemSchema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
                "required": ["id", "event", "data"],
            },
            "example": ': the log from here on\n\nid: 317\nevent: itsm.incident.reported.v1\ndata: {"specversion":"1.0",…}\n\n',
        }
    },
    "/v1/events/{position}": {STRUCTURED: {"schema": _ENTRY_SHAPE, "example": ENTRY}},
    "/v1/findings.atom": {ATOM: {"schema": {"type": "string"}, "example": _FEED}},
    "/v1/webhooks": as_json({"webhooks": [_WEBHOOK]}),
    "/v1/webhooks/{number}": as_json(
        {**_WEBHOOK, "url": "https://hooks.example.com/itsm"}, nullable=_WEBHOOK_NOT_ALWAYS
    ),
    "/v1/webhooks/{number}/deliveries": as_json(
        {
            "webhook": "ledger/LDG0000007",
            "deliveries": [
                {
                    "position": 1129,
                    "number": 1,
                    "at": "2026-03-02T09:30:00.412003Z",
                    "outcome": "delivered",
                }
            ],
        }
    ),
    "/v1/webhooks/{number}/dead-letters": as_json(
        {
            "webhook": "ledger/LDG0000007",
            "dead_letters": [
                {
                    "position": 1127,
                    "tries": 10,
                    "at": "2026-03-02T17:31:06.412003Z",
                    "outcome": "status-503",
                }
            ],
        }
    ),
    "/v1/exports/{format}": exports(ENTRY),
    "/v1/holds": as_json(
        {"holds": {"HLD-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10": {"subject": "incident/INC0010005"}}}
    ),
    "/v1/changes/late-approvals": as_period(
        {
            "change": "change/CHG0010004",
            "approval": "APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10",
            "why": "dated-after",
        }
    ),
    "/v1/changes/emergencies": as_period(
        {"change": "change/CHG0010009", "status": "closed", "outcome": "granted"}
    ),
    "/v1/changes/in-freezes": as_period(
        {"change": "change/CHG0010012", "freeze": "freeze/FRZ0000001", "excepted": True}
    ),
    "/v1/changes/{number}/authority": as_json(
        {
            "subject": "change/CHG0010001",
            "version": 11,
            "position": 1129,
            "status": "closed",
            "type": "normal",
            "approvals": [
                {
                    "approval": "APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10",
                    "verdict": "granted",
                    "by": "principal/PRN0000028",
                }
            ],
        },
        nullable=("status", "type"),
    ),
    "/v1/roles/{number}/holders": as_json(
        {
            "role": "role/ROL0000003",
            "position": 1129,
            "holders": [{"grant": "grant/GRT0000004", "holder": "principal/PRN0000005"}],
        }
    ),
    "/v1/raci": as_json(
        {
            "basis": "known",
            "position": 1129,
            "moment": "2026-03-31T00:00:00.000000Z",
            "violations": 1,
            "items": [
                {
                    "activity": "authorise normal changes",
                    "scope": "*",
                    "accountable": [],
                    "responsible": [{"holder": "principal/PRN0000005"}],
                    "violations": ["nobody-accountable"],
                }
            ],
        }
    ),
    "/v1/replay/delegated": as_json({"from": 1, "to": 1129, "items": [_ACT], "truncated": False}),
    "/v1/replay/check": as_json(
        {
            "otherwise": [
                {
                    "position": 325,
                    "time": "2026-03-02T08:06:45.254752Z",
                    "subject": "incident/INC0010002",
                    "action": "incident:assign",
                    "actor": "principal/PRN0000005",
                    "decided": "permit",
                    "decided_by": ["dispatchers-assign-incidents"],
                    "refused_by": ["no-permit:incident:assign"],
                }
            ],
            "truncated": False,
            "from": 1,
            "to": 1129,
            "asked": 812,
            "unknown": 0,
            "by_rule": {"no-permit:incident:assign": 1},
        }
    ),
    **REGISTERS,
    **PROCESSES,
    "/v1/{families}": as_page(
        {
            "subject": "incident/INC0010086",
            "family": "incident",
            "number": "INC0010086",
            "status": "in_progress",
            "position": 1124,
            "version": 4,
        }
    ),
    "/v1/{families}/{number}": as_json(
        {**_MOMENT, "state": {"status": "resolved", "service": "erp", "priority": 3}},
        nullable=("at", "known_at"),
    ),
    "/v1/{families}/{number}/history": as_json(
        {"subject": "incident/INC0010002", "events": [_STEP]}
    ),
    "/v1/{families}/{number}/diff": as_json(
        {
            "subject": "incident/INC0010002",
            "from": {**_MOMENT, "version": 0, "position": 200},
            "to": _MOMENT,
            "fields": [{"field": "status", "from": None, "to": "resolved", "positions": [317]}],
        }
    ),
    **PROVEN,
}
"""By path. What is answered to an order is a receipt: see `openapi.py`."""
