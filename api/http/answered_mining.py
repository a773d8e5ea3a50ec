"""What the views of processes are answered with, for the API's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.http.shapes import Content, Schema, as_json
from replay.process import (
    conformance,
    graph,
    handovers,
    ping_pong,
    push_to_front,
    reopenings,
    times,
    variants,
)
from replay.process.drawing import MEDIA_TYPE

_MOMENT: Final = "2026-03-31T16:00:00.000000Z"
_HEAD: Final[Schema] = {
    "family": "incident",
    "basis": "effect",
    "at": _MOMENT,
    "known_at": "2026-03-31T15:59:12.118204Z",
    "position": 1129,
    "until": _MOMENT,
    "from": "2026-03-01T00:00:00.000000Z",
    "to": None,
    "cases": 42,
    "events": 311,
    "backwards": 0,
}
_HELD: Final[Schema] = {**_HEAD, "held_by": "assignment_group"}
_NOT_ALWAYS_KNOWN: Final = ("at", "known_at", "from", "to", "next")
_TOOK: Final[Schema] = {
    "total_seconds": 86_400,
    "mean_seconds": 7_200,
    "median_seconds": 5_400,
    "p90_seconds": 14_400,
    "max_seconds": 21_600,
}
_OUTCOMES: Final[Schema] = {
    "solved": 36,
    "at_front": 21,
    "handed_behind": 12,
    "began_behind": 3,
    "had_by_nobody": 0,
    "at_front_per_mille": 583,
}


def _page(row: Schema, rows: int) -> Schema:
    return {"rows": rows, "items": [row], "next": None}


def _told(answer: Schema, *nullable: str, optional: tuple[str, ...] = ()) -> Content:
    return as_json(answer, nullable=(*_NOT_ALWAYS_KNOWN, *nullable), optional=optional)


_REOPENED: Final[Schema] = {
    "subject": "incident/INC0010007",
    "count": 1,
    "stated": 1,
    "reopenings": [
        {
            "position": 871,
            "at": "2026-03-12T08:15:00.000000Z",
            "from": "resolved",
            "to": "in_progress",
            "type": "reopened",
        }
    ],
}
_DEVIATING: Final[Schema] = {
    "subject": "incident/INC0010011",
    "count": 1,
    "deviations": [
        {
            "kind": "unlisted-transition",
            "position": 904,
            "at": "2026-03-13T10:02:00.000000Z",
            "type": "resolved",
            "from": "assigned",
            "to": "resolved",
        }
    ],
}
_GRAPH: Final[Schema] = {
    **_HEAD,
    "definition": graph.DEFINITION,
    "by": "status",
    "left_out": {"nodes": 0, "edges": 2, "transitions": 3},
    "nodes": [{"name": "assigned", "count": 44, "starts": 2, "ends": 0, "running": 5}],
    "edges": [{"from": "assigned", "to": "in_progress", "count": 37, **_TOOK}],
}

PROCESSES: Final[Mapping[str, Content]] = {
    "/v1/process/times": _told(
        {
            **_HEAD,
            "definition": times.DEFINITION,
            "items": [
                {
                    "status": "in_progress",
                    "cases": 40,
                    "visits": 41,
                    **_TOOK,
                    "open": {"visits": 3, **_TOOK},
                }
            ],
        }
    ),
    "/v1/process/handovers": _told(
        {
            **_HELD,
            "definition": handovers.DEFINITION,
            "handovers": 23,
            "cases_handed_over": 17,
            **_page(
                {"from": "service-desk", "to": "network", "count": 12, "cases": 11, **_TOOK}, 5
            ),
        }
    ),
    "/v1/process/ping-pong": _told(
        {
            **_HELD,
            "definition": ping_pong.DEFINITION,
            "returns": 4,
            "cases_returned": 3,
            "bounces": 3,
            "cases_bounced": 3,
            "most_returned": [{"subject": "incident/INC0010007", "returns": 2, "bounces": 1}],
            **_page({"between": ["network", "service-desk"], "bounces": 3, "cases": 3, **_TOOK}, 1),
        }
    ),
    "/v1/process/reopenings": _told(
        {
            **_HEAD,
            "definition": reopenings.DEFINITION,
            "done": ["cancelled", "closed", "resolved"],
            "reopenings": 2,
            "cases_reopened": 2,
            **_TOOK,
            "ways": [{"from": "resolved", "to": "in_progress", "type": "reopened", "count": 2}],
            "stated_otherwise": [{"by": -1, "cases": 1}],
            **_page(_REOPENED, 2),
        },
        "stated_otherwise",
        *(name for name in _TOOK if name != "total_seconds"),
    ),
    "/v1/process/push-to-front": _told(
        {
            **_HELD,
            "definition": push_to_front.DEFINITION,
            "front": ["service-desk"],
            **_OUTCOMES,
            **_page({"first": "service-desk", "is_front": True, **_OUTCOMES}, 4),
        },
        "front",
        "at_front_per_mille",
    ),
    "/v1/process/variants": _told(
        {
            **_HELD,
            "definition": variants.DEFINITION,
            "by": "status",
            **_page(
                {
                    "activities": ["new", "assigned", "in_progress", "resolved", "closed"],
                    "cases": 19,
                    "per_mille": 452,
                    **_TOOK,
                    "examples": ["incident/INC0010003", "incident/INC0010004"],
                },
                8,
            ),
        },
        optional=("held_by",),
    ),
    "/v1/process/conformance": _told(
        {
            **_HEAD,
            "definition": conformance.DEFINITION,
            "kind": None,
            "fitting": 40,
            "fitting_per_mille": 952,
            "deviations": 2,
            "kinds": [
                {
                    "kind": "unlisted-transition",
                    "count": 2,
                    "cases": 2,
                    "meaning": conformance.KINDS["unlisted-transition"],
                }
            ],
            "ways": [
                {
                    "kind": "unlisted-transition",
                    "type": "resolved",
                    "from": "assigned",
                    "to": "resolved",
                    "count": 2,
                }
            ],
            **_page(_DEVIATING, 2),
        },
        "kind",
        "fitting_per_mille",
    ),
    "/v1/process/graph": _told(_GRAPH, optional=("held_by",)),
    "/v1/process/graph.svg": {
        MEDIA_TYPE: {
            "schema": {"type": "string"},
            "example": '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="460" height="120"></svg>',
        }
    },
}
