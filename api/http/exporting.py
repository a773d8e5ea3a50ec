"""Exports over HTTP: streamed where a piece stands for itself, a whole file where it does not."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from api.exporting import Exporting, Format, Period
from api.http.answered_exports import EXPORTED
from api.http.services import InHouse, SignedIn

router = APIRouter(tags=["Feed"])

NAMES: Final[dict[Format, str]] = {
    "ocel-json": "ledger.jsonocel",
    "ocel-sqlite": "ledger.sqlite",
    "xes": "ledger.xes",
    "cloudevents": "ledger.jsonl",
    "csv": "ledger.csv",
}
"""What a browser saves it as."""
_WHOLE: Final = frozenset({"ocel-json", "ocel-sqlite"})
_FROM: Final = "RFC 3339 with a zone, by when it was recorded, inclusive; or a position."


@router.get("/v1/exports/{format}")
def export(
    *,
    format: Format,  # noqa: A002 - the name in the path
    identity: SignedIn,
    services: InHouse,
    family: Annotated[
        list[str] | None, Query(description="Only these; by default all that may be read.")
    ] = None,
    start: Annotated[str | None, Query(alias="from", description=_FROM)] = None,
    end: Annotated[str | None, Query(alias="to", description=_FROM)] = None,
    after: Annotated[int | None, Query(ge=0, description="Behind this position.")] = None,
    up_to: Annotated[int | None, Query(ge=0, description="Up to this position.")] = None,
    exact: Annotated[
        bool, Query(description="csv: leave texts that look like formulas as they are.")
    ] = False,
) -> Response:
    """The log, or part of it, in a format that other tools read: OCEL 2.0, XES, CloudEvents JSON Lines, CSV.

    What becomes what, and what each format loses, stands in `docs/exports.md`. Personal values are shown to who
    may see them; `cloudevents` has the stored form always.
    """
    asked = Exporting(services.ledger, identity, family or (), Period(start, end, after, up_to))
    headers = {"Content-Disposition": f'attachment; filename="{NAMES[format]}"'}
    if format in _WHOLE:
        return _file(asked, format, headers)
    pieces = asked.stream(format, exact_cells=exact)
    # What is wrong from the beginning is told as a problem, while there still is a status to give.
    first = next(pieces)
    whole = chain([first], pieces)
    return StreamingResponse(whole, media_type=EXPORTED[format], headers=headers)


def _file(asked: Exporting, format_: Format, headers: dict[str, str]) -> Response:
    directory = TemporaryDirectory(prefix="itsm-ledger-export-")
    try:
        path = Path(directory.name) / NAMES[format_]
        asked.write(format_, path)
    except BaseException:
        directory.cleanup()
        raise
    return FileResponse(
        path,
        media_type=EXPORTED[format_],
        headers=headers,
        background=BackgroundTask(directory.cleanup),
    )
