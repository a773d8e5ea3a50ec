"""The pages behind the `type` of a problem: what happened, and what can be done. Public."""

from __future__ import annotations

import inspect
from functools import cache

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from api.errors import NoSuchAddress, every_kind, row_of
from domain.errors import LedgerError

router = APIRouter(tags=["Problems"])


@router.get("/problems/{code}")
def page(code: str) -> Response:
    """What a problem's `type` leads to: a short text about this kind of problem."""
    kind = kinds().get(code)
    if kind is None:
        raise NoSuchAddress(f"there is no problem {code[:80]!r}; /problems lists them")
    row = row_of(kind)
    told = [f"{code}\n{'=' * len(code)}", kind.summary, f"HTTP status: {row.status}"]
    if kind.__doc__ and kind.__doc__ != LedgerError.__doc__:
        told.append(inspect.cleandoc(kind.__doc__))
    told.append(f"What to do: {row.advice}")
    return PlainTextResponse("\n\n".join(told) + "\n")


@router.get("/problems")
def pages() -> Response:
    """Every kind of problem that there is."""
    lines = (f"{code}: {kind.summary}" for code, kind in sorted(kinds().items()))
    return PlainTextResponse("\n".join(lines) + "\n")


@cache
def kinds() -> dict[str, type[LedgerError]]:
    """Asked once, when every room has been imported."""
    return {kind.code: kind for kind in every_kind()}
