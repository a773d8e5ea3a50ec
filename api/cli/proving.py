"""Proving: `verify`, `prove`, `tiles`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import JSON_OPTION, note, progress, say, tell, write_whole
from api.cli.session import opened

if TYPE_CHECKING:
    from ledger.ledger import Ledger


def add_to(app: typer.Typer) -> None:
    app.command()(prove)
    app.command()(tiles)


def prove(
    position: Annotated[int, typer.Argument(min=1, help="The entry's position in the ledger.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it there instead.")
    ] = None,
) -> None:
    """Print the proof that an entry is in the log (c2sp.org/tlog-proof), under a signed checkpoint."""
    with opened() as session:
        proof = session.ledger.prove(position, session.house.checkpoint)
    if output is None:
        say(proof.rstrip("\n"))
        return
    write_whole(output, proof.encode())


def tiles(
    output: Annotated[Path, typer.Option("-o", "--output", help="The directory.")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write the whole log as files (c2sp.org/tlog-tiles): checkpoint, vkey, tiles, entry bundles.

    Entry bundles hold content. Run it again to bring the directory up to date: full tiles never change
    and are not written twice. The checkpoint comes last, so that it never promises a missing tile.
    """
    with opened() as session:
        session.identity.require("*", "read")
        checkpoint = session.house.checkpoint()
        size = _covered(session.ledger, checkpoint)
        written = _write_tiles(session.ledger, output, size)
        write_whole(output / "vkey", f"{session.ledger.vkeys()[0]}\n".encode())
        write_whole(output / "checkpoint", checkpoint.encode())
    if as_json:
        tell({"directory": str(output), "size": size, "written": written})
        return
    note(f"{output}: {size} entries, {written} tiles written")


def _covered(ledger: Ledger, checkpoint: str) -> int:
    from ledger.notes import verify_checkpoint

    return verify_checkpoint(checkpoint, ledger.vkeys()).checkpoint.size


def _write_tiles(ledger: Ledger, directory: Path, size: int) -> int:
    """Returns how many were written."""
    from ledger.tiles import TILE_WIDTH, tiles_of

    written = 0
    wanted = list(tiles_of(0, size))
    with progress("Writing tiles") as bar:
        for at, tile in enumerate(wanted, 1):
            path = directory / tile.path
            if tile.width < TILE_WIDTH or not path.exists():
                write_whole(path, ledger.tree.tile(tile))
                written += 1
            bar(at, len(wanted))
    return written
