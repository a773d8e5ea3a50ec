"""Shapes of answers, told by an example each, as OpenAPI has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from api.http.bodies import JSON

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


def as_json(
    example: Mapping[str, Any], *, optional: Collection[str] = (), nullable: Collection[str] = ()
) -> Content:
    return {
        JSON: {
            "schema": shape(example, optional=optional, nullable=nullable),
            "example": dict(example),
        }
    }


def as_rows(*rows: Mapping[str, Any]) -> Content:
    return as_json({"position": 1129, "items": [dict(row) for row in rows]})


def as_page(row: Mapping[str, Any]) -> Content:
    page = {"position": 1129, "items": [dict(row)], "next": "WyItdXBkYXRlZCJd"}
    return as_json(page, nullable=("next",))


def as_period(row: Mapping[str, Any]) -> Content:
    told = {"from": "2026-03-01T00:00:00.000000Z", "to": None, "position": 1129, "items": [{**row}]}
    return as_json(told, nullable=("from", "to"))


def as_text(example: str) -> Content:
    return {TEXT: {"schema": {"type": "string"}, "example": example}}
