"""What each read is answered with, for the API's description: content type, shape, and an example of a real answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from api.http.bodies import JSON
from api.http.cloudevents import BATCHED, STRUCTURED

Schema = dict[str, Any]
Content = Mapping[str, Schema]

TEXT: Final = "text/plain"
_TYPES: Final = {
    str: "string", int: "integer", bool: "boolean", list: "array", dict: "object", float: "number",
}  # fmt: skip


def shape(
    example: Mapping[str, Any], *, optional: Collection[str] = (), nullable: Collection[str] = ()
) -> Schema:
    """An object with the members of the example, which are there always unless they are `optional`."""
    members = {name: _typed(value, name in nullable) for name, value in example.items()}
    required = [name for name in example if name not in optional]
    return {"type": "object", "properties": members, "required": required}


def _typed(value: Any, nullable: bool) -> Schema:
    """Of the objects of a list it is told which members they have; of what type those are, the example shows."""
    if value is None:
        return {}
    told: Schema = {"type": [_TYPES[type(value)], "null"] if nullable else _TYPES[type(value)]}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        told["items"] = {"type": "object", "required": list(value[0])}
    return told


def _json(
    example: Mapping[str, Any], *, optional: Collection[str] = (), nullable: Collection[str] = ()
) -> Content:
    return {
        JSON: {
            "schema": shape(example, optional=optional, nullable=nullable),
            "example": dict(example),
        }
    }


def _rows(*rows: Mapping[str, Any]) -> Content:
    return _json({"position": 1129, "items": [dict(row) for row in rows]})


def _page(row: Mapping[str, Any]) -> Content:
    page = {"position": 1129, "items": [dict(row)], "next": "WyItdXBkYXRlZCJd"}
    return _json(page, nullable=("next",))


def _period(row: Mapping[str, Any]) -> Content:
    told = {"from": "2026-03-01T00:00:00.000000Z", "to": None, "position": 1129, "items": [{**row}]}
    return _json(told, nullable=("from", "to"))


def _text(example: str) -> Content:
    return {TEXT: {"schema": {"type": "string"}, "example": example}}


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

_CHECKPOINT: Final = (
    "demo.example\n1499\nMP9K2JtK/9sipw+573GtGq6fYLCJUZj381xkjmew6mg=\n\n"
    "— demo.example SYx0TZ3wheOvxZa41S9YZeyXe4lQ87Zy6kxcdRHk1V0oLKn9OfAwYXNKeowVe0r/S91DOqKcciLQ6FLYcUADv0EIvwI=\n"
)
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

ANSWERS: Final[Mapping[str, Content]] = {
    "/healthz": _json({"status": "ok"}),
    "/readyz": _json(
        {
            "status": "ready",
            "size": 1499,
            "checkpoint": {"size": 1499, "age_seconds": 0.4},
            "projections": [
                {"name": "tickets", "position": 1499, "lag": 0, "parked": 0, "state": "current"}
            ],
        }
    ),
    "/metrics": _text("# TYPE itsm_ledger_head_size gauge\nitsm_ledger_head_size 1499.0\n"),
    "/problems": _text("may-not: The actor may not do this.\n"),
    "/problems/{code}": _text("may-not\n=======\n\nThe actor may not do this.\n"),
    "/log/checkpoint": _text(_CHECKPOINT),
    "/log/tile/{path}": {"application/octet-stream": {}},
    "/v1/proofs/{position}": _text(
        "c2sp.org/tlog-proof@v1\nindex 2\njM6XcYt+XlzBeTbr1kiMYv16DTrgngDllYZ63vbrBrg=\n\n"
        + _CHECKPOINT
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
    "/v1/holds": _json(
        {"holds": {"HLD-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10": {"subject": "incident/INC0010005"}}}
    ),
    "/v1/changes/late-approvals": _period(
        {
            "change": "change/CHG0010004",
            "approval": "APR-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10",
            "why": "dated-after",
        }
    ),
    "/v1/changes/emergencies": _period(
        {"change": "change/CHG0010009", "status": "closed", "outcome": "granted"}
    ),
    "/v1/changes/in-freezes": _period(
        {"change": "change/CHG0010012", "freeze": "freeze/FRZ0000001", "excepted": True}
    ),
    "/v1/changes/{number}/authority": _json(
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
    "/v1/roles/{number}/holders": _json(
        {
            "role": "role/ROL0000003",
            "position": 1129,
            "holders": [{"grant": "grant/GRT0000004", "holder": "principal/PRN0000005"}],
        }
    ),
    "/v1/replay/delegated": _json({"from": 1, "to": 1129, "items": [_ACT], "truncated": False}),
    "/v1/replay/check": _json(
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
    "/v1/changes": _page(
        {
            "subject": "change/CHG0010006",
            "number": "CHG0010006",
            "status": "rolled_back",
            "type": "normal",
            "position": 1129,
            "version": 10,
        }
    ),
    "/v1/deployments": _page(
        {
            "subject": "deployment/RUN-BY-HAND",
            "number": "RUN-BY-HAND",
            "status": "deployed",
            "service": "workplace",
            "environment": "production",
            "happened_at": "2026-03-02T08:36:40.556765Z",
            "change": None,
            "verdict": "unmatched",
            "found_by": None,
            "breaches": {"unmatched": "no authorized change is found"},
            "position": 901,
            "version": 1,
        }
    ),
    "/v1/calendar": _rows(
        {
            "subject": "change/CHG0010009",
            "kind": "change",
            "status": "closed",
            "start": "2026-03-02T08:25:09.366044Z",
            "end": "2026-03-02T08:36:40.556765Z",
            "overlaps": [],
            "position": 716,
            "version": 13,
        }
    ),
    "/v1/grants": _page(
        {
            "subject": "grant/GRT0000004",
            "number": "GRT0000004",
            "holder": "principal/PRN0000005",
            "role": "role/ROL0000003",
            "status": "active",
            "position": 112,
            "version": 3,
        }
    ),
    "/v1/activity": _rows({"actor": "principal/PRN0000005", "count": 486}),
    "/v1/flow": _rows(
        {
            "day": "2026-03-02",
            "family": "incident",
            "from_status": "new",
            "to_status": "assigned",
            "listed": True,
            "count": 19,
        }
    ),
    "/v1/flow/deviations": _rows(
        {
            "family": "incident",
            "type": "itsm.incident.resolved.v1",
            "from_status": "new",
            "count": 3,
        }
    ),
    "/v1/{families}": _page(
        {
            "subject": "incident/INC0010086",
            "family": "incident",
            "number": "INC0010086",
            "status": "in_progress",
            "position": 1124,
            "version": 4,
        }
    ),
    "/v1/{families}/{number}": _json(
        {**_MOMENT, "state": {"status": "resolved", "service": "erp", "priority": 3}},
        nullable=("at", "known_at"),
    ),
    "/v1/{families}/{number}/history": _json({"subject": "incident/INC0010002", "events": [_STEP]}),
    "/v1/{families}/{number}/diff": _json(
        {
            "subject": "incident/INC0010002",
            "from": {**_MOMENT, "version": 0, "position": 200},
            "to": _MOMENT,
            "fields": [{"field": "status", "from": None, "to": "resolved", "positions": [317]}],
        }
    ),
}
"""By path. What is answered to an order is a receipt: see `openapi.py`."""
