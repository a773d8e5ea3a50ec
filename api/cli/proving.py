"""Proving: `verify`, `prove`, `tiles`. Verifying is the one thing that needs no key and no ledger to be opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.answering import say_checked
from api.cli.output import JSON_OPTION, Bar, note, progress, say, tell, write_whole
from api.cli.session import opened, settings
from domain.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.settings import Settings
    from ledger.ledger import Ledger
    from replay.report import Report

EXIT_TAMPERED = 3
"""As `api/errors.py` has it for every error that means the same; a test holds them together."""


def add_to(app: typer.Typer) -> None:
    app.command()(verify)
    app.command()(prove)
    app.command()(tiles)


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="An answer that was written with --proof: it is checked instead."),
    ] = None,
    *,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Fold every subject and rebuild the read models as well."),
    ] = False,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint that was kept elsewhere; as often as there are."),
    ] = None,
    vkey: Annotated[
        list[str] | None,
        typer.Option(help="With FILE: a verifier key that is trusted; as often as there are."),
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="Verify these files instead, with neither database nor key.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Recompute every hash and compare it with tree, tiles and checkpoints. Exit code 3: tampered.

    Needs the database and no key. A log that was rewritten so that it is consistent in itself shows only
    against checkpoints kept elsewhere: hand them in, or keep them by ITSM_LEDGER_CHECKPOINT_COPIES.

    With FILE: check an answer that carries its proof, from the file alone, against the keys or checkpoints that
    are trusted. Needs no database.
    """
    if file is not None:
        if deep or archive is not None:
            raise Malformed(
                "--deep and --archive look into a log; of an answer's file all is checked anyway"
            )
        say_checked(file, vkey or (), checkpoint or (), as_json=as_json)
        return
    if vkey:
        raise Malformed(
            "--vkey goes with an answer's file; a log is checked with the keys it names"
        )
    if archive is not None:
        report = _verified_archive(archive, checkpoint or (), deep=deep)
    else:
        chosen = settings()
        kept = [*(checkpoint or ()), *_copies(chosen.checkpoint_copies)]
        report = _verified(chosen, _notes(kept), deep=deep)
    if as_json:
        tell(told_report(report))
    else:
        _say_report(report)
        if archive is not None and not checkpoint:
            note(
                "By the keys that the archive itself names. Whoever made all of it anew shows only against a "
                "checkpoint that was kept elsewhere: --checkpoint FILE"
            )
    if not report.is_clean:
        raise typer.Exit(EXIT_TAMPERED)


def _verified(chosen: Settings, notes: Sequence[str], *, deep: bool) -> Report:
    from ledger.open import open_database
    from replay.verify import verify as verify_log

    with progress("Verifying") as bar:
        if deep:
            return _verified_deep(chosen, notes, bar)
        database = open_database(chosen.database_url)
        try:
            return verify_log(database, notes, bar)
        finally:
            database.close()


def _verified_archive(location: str, kept: Sequence[Path], *, deep: bool) -> Report:
    from domain.errors import Malformed
    from replay.archive.store import Store
    from replay.archive.verify import verify_archive

    if deep:
        raise Malformed("--deep compares what lies in a database; an archive holds nothing of it")
    with progress("Verifying") as bar:
        return verify_archive(Store(location), _notes(kept), bar)


def _notes(paths: Sequence[Path]) -> list[str]:
    return [path.read_text(errors="replace") for path in paths]


def _verified_deep(chosen: Settings, notes: Sequence[str], bar: Bar) -> Report:
    from api.compose import open_ledger
    from ledger.urls import sqlite_path
    from projections.views import Views
    from projections.violations import Violations
    from replay.verify_deep import finding_comparison, read_model_comparisons, verify_deep

    ledger = open_ledger(chosen)
    try:
        kept_in = sqlite_path(chosen.resolved_views_url)
        if kept_in is not None and not kept_in.exists():
            # Read models that were never made cannot be wrong, and looking must not make them.
            return verify_deep(ledger.database, notes, (), bar)
        views = Views(chosen.resolved_views_url)
        try:
            findings = finding_comparison(ledger.database, ledger, Violations(views))
            comparisons = [*read_model_comparisons(ledger, views), findings]
            return verify_deep(ledger.database, notes, comparisons, bar)
        finally:
            views.close()
    finally:
        ledger.close()


def _copies(directory: Path | None) -> list[Path]:
    """The newest copy, and the last of each day."""
    return sorted(directory.glob("checkpoint*")) if directory is not None else []


def told_report(report: Report) -> dict[str, Any]:
    """`first_bad_position` is null for a log that is what was recorded."""
    import base64

    return {
        "clean": report.is_clean,
        "origin": report.origin,
        "size": report.size,
        "root": base64.b64encode(report.root).decode() if report.root else None,
        "checkpoints_checked": report.checkpoints_checked,
        "first_bad_position": report.problems[0].position if report.problems else None,
        "problems": [
            {"position": each.position, "kind": each.kind, "message": each.message}
            for each in report.problems
        ],
        "problems_not_listed": report.unlisted,
    }


def _say_report(report: Report) -> None:
    if report.is_clean:
        say(
            f"{report.origin}: {report.size} entries are what was recorded; "
            f"{report.checkpoints_checked} checkpoints agree."
        )
        return
    first = report.problems[0]
    say(f"TAMPERED. First bad position: {first.position}")
    for each in report.problems:
        say(f"  {each.position}  {each.kind}: {each.message}")
    if report.unlisted:
        say(f"  and {report.unlisted} more")
    say("Keep it as it is: it is evidence.")


def prove(
    position: Annotated[int, typer.Argument(min=1, help="The entry's position in the ledger.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it there instead.")
    ] = None,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Print the proof that an entry is in the log (c2sp.org/tlog-proof), under a signed checkpoint."""
    with opened() as session:
        proof = session.ledger.prove(position, session.house.checkpoint)
    if output is not None:
        write_whole(output, proof.encode())
    if as_json:
        tell({"position": position, "proof": proof})
    elif output is None:
        say(proof.rstrip("\n"))


def tiles(
    output: Annotated[Path, typer.Option("-o", "--output", help="The directory.")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write the whole log as files (c2sp.org/tlog-tiles): checkpoint, vkey, tiles, entry bundles.

    Entry bundles hold content. Run it again to bring the directory up to date: full tiles never change
    and are not written twice. The checkpoint comes last, so that it never promises a missing tile.
    """
    from api.readings import note_positions

    with opened() as session:
        session.identity.require("*", "read")
        had = _require_same_log(session.ledger, output / "checkpoint")
        checkpoint = session.house.checkpoint()
        size = _covered(session.ledger, checkpoint)
        written = _write_tiles(session.ledger, output, size)
        write_whole(output / "vkey", f"{session.ledger.vkeys()[0]}\n".encode())
        write_whole(output / "checkpoint", checkpoint.encode())
        note_positions(session.ledger, session.identity, had, size)
    if as_json:
        tell({"directory": str(output), "size": size, "written": written})
        return
    note(f"{output}: {size} entries, {written} tiles written")


def _require_same_log(ledger: Ledger, kept: Path) -> int:
    """How many entries are there. They are not written again, so they must be of this log.

    Raises Unsigned or NotConsistent.
    """
    from ledger.checkpoints import check_extends
    from ledger.notes import verify_checkpoint

    if not kept.exists():
        return 0
    found = verify_checkpoint(kept.read_bytes(), ledger.vkeys()).checkpoint
    check_extends(ledger.tree, found)
    return found.size


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
