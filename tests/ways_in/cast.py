"""Who and what is there for every order of the matrix: people beside the one who asks, and what orders name.

None of them changes while the matrix runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.ways_in.seats import YESTERDAY, Patch

OTHER = "principal/OTHER"
THIRD = "principal/THIRD"
RESOLVER = "principal/RESOLVER"
"""The one of the cast who holds a role: `resolver`."""
MAJOR = "incident/MAJOR"
DEPLOYMENT = "deployment/DONE"
DONE = "change/DONE"
CAMPAIGN = "review/CAMPAIGN"
EVIDENCE = ("change/EVIDENCE1", "change/EVIDENCE2", "change/EVIDENCE3")
LONG_AGO, FAR_AWAY = "2026-01-01T00:00:00.000000Z", "2126-01-01T00:00:00.000000Z"
"""All orders are given in between."""
WINDOW = {"start": LONG_AGO, "end": FAR_AWAY}

PERSON: Patch = {"status": "registered", "kind": "person", "mode": "govern"}
_SUCCESS: Patch = {
    "status": "closed",
    "type": "normal",
    "closure_code": "successful",
    "closed_at": YESTERDAY,
    "services": {"mail": True},
    "risk": "low",
}

CAST: Mapping[str, Patch] = {
    OTHER: PERSON,
    THIRD: PERSON,
    RESOLVER: PERSON,
    MAJOR: {"status": "in_progress", "major": True},
    DEPLOYMENT: {"status": "deployed"},
    DONE: _SUCCESS,
    CAMPAIGN: {"status": "open"},
    **dict.fromkeys(EVIDENCE, _SUCCESS),
}
