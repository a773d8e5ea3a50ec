"""What the registers, the calendar, activity and flow are answered with: see `answered.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.http.shapes import Content, as_json, as_page, as_rows

REGISTERS: Final[Mapping[str, Content]] = {
    "/v1/changes": as_page(
        {
            "subject": "change/CHG0010006",
            "number": "CHG0010006",
            "status": "rolled_back",
            "type": "normal",
            "position": 1129,
            "version": 10,
        }
    ),
    "/v1/deployments": as_page(
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
    "/v1/calendar": as_rows(
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
    "/v1/grants": as_page(
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
    "/v1/findings": as_page(
        {
            "subject": "finding/FND0000001",
            "number": "FND0000001",
            "rule": "lone-self-approval",
            "rule_version": "1",
            "severity": "high",
            "status": "raised",
            "sentence": "What is implemented was approved by somebody who neither asked for it nor made it.",
            "about": ["change/CHG0010007", "principal/PRN0000005"],
            "controls": ["iso27001_2022:A.5.3", "soc2_tsc:CC8.1", "sox_itgc:CM-4"],
            "happened_at": "2026-03-02T09:30:00.000000Z",
            "seen_at": "2026-03-02T09:30:00.412003Z",
            "first_position": 1100,
            "count": 1,
        }
    ),
    "/v1/reviews": as_page(
        {
            "subject": "review/REV0000001",
            "number": "REV0000001",
            "status": "open",
            "items": 61,
            "undecided": 12,
            "position": 1129,
            "version": 4,
        }
    ),
    "/v1/reviews/{number}/items": as_json(
        {
            "review": "review/REV0000001",
            "status": "open",
            "population": {"position": 1100, "count": 61, "hash": "sha256:" + "5c" * 32},
            "position": 1129,
            "counted": 61,
            "undecided": 12,
            "items": [
                {
                    "grant": "grant/GRT0000004",
                    "holder": "principal/PRN0000005",
                    "verdict": "revocation_ordered",
                    "due_at": "2026-04-09T00:00:00.000000Z",
                    "revocation": "ordered",
                }
            ],
            "next": "WyJncmFudCJd",
        },
        nullable=("next",),
    ),
    "/v1/owed": as_json(
        {
            "basis": "effect",
            "at": "2026-03-31T23:59:59.000000Z",
            "known_at": "2026-04-01T08:00:00.000000Z",
            "moment": "2026-03-31T23:59:59.000000Z",
            "position": 1129,
            "items": [
                {
                    "subject": "change/CHG0010010",
                    "kind": "retro-approval",
                    "item": None,
                    "owners": ["emergency-authority"],
                    "services": ["mail"],
                    "due_at": "2026-03-04T08:30:43.440147Z",
                    "state": "overdue",
                    "arose_at": "2026-03-02T08:30:43.440147Z",
                    "arose_position": 385,
                    "settled_at": None,
                    "settled_position": None,
                }
            ],
            "next": "WyJkdWVfYXQiXQ",
        },
        nullable=("at", "known_at", "next"),
    ),
    "/v1/activity": as_rows({"actor": "principal/PRN0000005", "count": 486}),
    "/v1/flow": as_rows(
        {
            "day": "2026-03-02",
            "family": "incident",
            "from_status": "new",
            "to_status": "assigned",
            "listed": True,
            "count": 19,
        }
    ),
    "/v1/flow/deviations": as_rows(
        {
            "family": "incident",
            "type": "itsm.incident.resolved.v1",
            "from_status": "new",
            "count": 3,
        }
    ),
}
