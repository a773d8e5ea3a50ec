"""Which attributes there are and of what kind: formats that declare them want to know before the first value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import orjson

from replay.exports.told import Scalar

Kind = Literal["string", "integer", "boolean", "time"]
"""OCEL 2.0's words. Its fifth, float, never occurs: what the log holds is I-JSON without fractions."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
"""How the ledger writes every time."""


def kind_of(value: Scalar) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "time" if _TIME.fullmatch(value) else "string"


def as_kind(value: Scalar | None, kind: Kind) -> Scalar | None:
    """As text where the attribute is text because it holds values of several kinds."""
    if value is None or isinstance(value, str) or kind != "string":
        return value
    return orjson.dumps(value).decode()


class Columns:
    """The attributes of one type, in the order in which they were first met."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}

    def meet(self, values: Mapping[str, Scalar | None]) -> None:
        """What is always None has no kind, and is no attribute."""
        kinds = self.kinds
        for name, value in values.items():
            if value is None:
                continue
            known = kinds.get(name)
            if known == "string":
                continue
            kind = kind_of(value)
            if known != kind:
                kinds[name] = kind if known is None else "string"

    def typed(self, values: Mapping[str, Scalar | None]) -> Iterable[tuple[str, Scalar | None]]:
        """Those of the values that are attributes, each of its attribute's kind."""
        for name, value in values.items():
            kind = self.kinds.get(name)
            if kind is not None:
                yield name, as_kind(value, kind)
