"""Examples of checkpoints and of answers that carry their proof, for the API's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.http.shapes import Content, Schema, as_json

CHECKPOINT: Final = (
    "demo.example\n1499\nMP9K2JtK/9sipw+573GtGq6fYLCJUZj381xkjmew6mg=\n\n"
    "— demo.example SYx0TZ3wheOvxZa41S9YZeyXe4lQ87Zy6kxcdRHk1V0oLKn9OfAwYXNKeowVe0r/S91DOqKcciLQ6FLYcUADv0EIvwI=\n"
)
_NOT_ASKED: Final[Schema] = {"basis": "known", "at": None, "known_at": None, "position": None}
_PROVEN: Final[Schema] = {
    "format": "itsm-ledger-answer@v1",
    "origin": "demo.example",
    "vkey": "demo.example+498c744d+AaY5n7LDRnkIqsZJiaTnEt9y5pN1mp8rIHIbiLhg7LtJ",
    "checkpoint": CHECKPOINT,
    "question": {
        "kind": "state",
        "as_of": _NOT_ASKED,
        "chosen_by": None,
        "subjects": ["incident/INC0010001"],
    },
    "answer": {
        "as_of": {**_NOT_ASKED, "position": 1499},
        "states": [
            {
                "subject": "incident/INC0010001",
                "version": 1,
                "state": {"status": "new", "service": "erp"},
            }
        ],
    },
    "entries": [{"position": 317, "entry": '{"specversion":"1.0",…}'}],
    "inclusion": ["jM6XcYt+XlzBeTbr1kiMYv16DTrgngDllYZ63vbrBrg="],
    "disclosures": [],
}
_PROVEN_DIFFERENCE: Final = {
    **_PROVEN,
    "question": {
        "kind": "difference",
        "from": {**_NOT_ASKED, "position": 317},
        "to": _NOT_ASKED,
        "chosen_by": None,
        "subjects": ["incident/INC0010001"],
    },
    "answer": {
        "from": {**_NOT_ASKED, "position": 317},
        "to": {**_NOT_ASKED, "position": 1499},
        "differences": [
            {
                "subject": "incident/INC0010001",
                "from_version": 1,
                "to_version": 2,
                "fields": [
                    {"field": "status", "from": "new", "to": "resolved", "positions": [384]}
                ],
            }
        ],
    },
}

PROVEN: Final[Mapping[str, Content]] = {
    "/v1/{families}/{number}/proof": as_json(_PROVEN),
    "/v1/{families}/{number}/diff/proof": as_json(_PROVEN_DIFFERENCE),
}
