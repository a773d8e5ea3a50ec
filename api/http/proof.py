"""The log's own files, as c2sp.org/tlog-tiles has them, and proofs of single entries."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.http.services import InHouse, SignedIn, services_of, signed_in
from api.readings import family_of
from ledger.tiles import parse_tile_path

router = APIRouter(tags=["Proof"])

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
FOR_EVER: Final = "max-age=31536000, immutable"
TILE: Final = "/log/tile/{path:path}"


@router.get("/log/checkpoint")
def checkpoint(services: InHouse) -> Response:
    """The newest signed checkpoint (c2sp.org/tlog-checkpoint). Public."""
    newest = services.ledger.checkpoints.newest()
    note = newest[1] if newest else services.house.checkpoint()
    return Response(note, media_type=TEXT, headers={"Cache-Control": "no-cache"})


@router.get(TILE)
async def tile(
    path: Annotated[str, Path(examples=["0/x001/x234/067"])], request: Request
) -> Response:
    """A hash tile, public, or an entry bundle (`entries/…`), for who may read every family."""
    named = parse_tile_path(f"tile/{path}")
    services = services_of(request)
    reach, identity = "public", None
    if named.level == "entries":
        identity = await signed_in(request, services)
        identity.require("*", "read")
        reach = "private"
    body = await run_in_threadpool(services.ledger.tree.tile, named)
    if identity is not None:
        await run_in_threadpool(services.bundles.note, identity, named)
    return Response(body, media_type=BYTES, headers={"Cache-Control": f"{reach}, {FOR_EVER}"})


@router.get("/v1/proofs/{position}")
def proof(
    identity: SignedIn, services: InHouse, position: Annotated[int, Path(ge=1, examples=[1841])]
) -> Response:
    """The proof that an entry is in the log (c2sp.org/tlog-proof), ending with the checkpoint it is under."""
    identity.require(family_of(services.ledger.entry(position)), "read")
    text = services.ledger.prove(position, services.house.checkpoint)
    return Response(text, media_type=TEXT, headers={"Cache-Control": "no-cache"})
