"""The log as files: `archive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import JSON_OPTION, note, progress, tell
from api.cli.session import Session, opened

if TYPE_CHECKING:
    from replay.archive.store import Store
    from replay.archive.write import Archived

FOLLOW_SECONDS = 2.0


def add_to(app: typer.Typer) -> None:
    app.command()(archive)


def archive(
    output: Annotated[
        str, typer.Option("-o", "--output", help="A directory, or a URI as s3://bucket/prefix.")
    ],
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as the log grows, until Ctrl-C.")
    ] = False,
    versions: Annotated[
        bool, typer.Option(help="Also every state there was, so that questions are fast.")
    ] = True,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Write the log as sealed Parquet segments, which are verified, asked and restored without its database.

    Run it again to bring the archive up to date: sealed segments never change and are not written twice.
    """
    from time import sleep

    from replay.archive.segment import SEGMENT_ENTRIES
    from replay.archive.store import Store

    store = Store(output)
    with opened() as session:
        session.identity.require("*", "read")
        done = _archived(session, store, as_json=as_json)
        if versions and _are_behind(store):
            _fold(store)
        while follow:
            session.ledger.record_reads()
            session.ledger.database.wait_for_append(FOLLOW_SECONDS)
            if session.ledger.head().size == done.size:
                continue
            # A partial segment is written anew each time: what comes within seconds is taken together.
            sleep(FOLLOW_SECONDS)
            done = _archived(session, store, as_json=as_json, only_news=True)
            # Folding all anew each few seconds would be all that this did.
            if (
                versions
                and done.written
                and done.before // SEGMENT_ENTRIES < done.size // SEGMENT_ENTRIES
            ):
                _fold(store)


def _are_behind(store: Store) -> bool:
    """Also when somebody removed or damaged them, or whoever was folding was interrupted."""
    from replay.archive.read import open_archive
    from replay.archive.versions import open_versions
    from replay.errors import ArchiveUnusable

    found = open_archive(store.location)
    try:
        versions = open_versions(found)
    except ArchiveUnusable:
        return True  # they are derived: folding them anew mends them
    return versions is None or versions.head < found.size


def _fold(store: Store) -> None:
    from replay.archive.read import open_archive
    from replay.archive.versions import build_versions

    with progress("Folding") as bar:
        build_versions(open_archive(store.location), bar)


def _archived(
    session: Session, store: Store, *, as_json: bool, only_news: bool = False
) -> Archived:
    from api.readings import note_positions
    from replay.archive.write import archive as bring_up_to_date

    with progress("Archiving") as bar:
        done = bring_up_to_date(
            session.ledger,
            session.house.settings.database_url,
            session.house.checkpoint(),
            store,
            progress=bar,
        )
    if only_news and not done.written:
        return done
    note_positions(session.ledger, session.identity, done.before, done.size)
    if as_json:
        told: dict[str, Any] = {"archive": store.location, "size": done.size, "before": done.before}
        tell({**told, "segments_written": done.written})
        return done
    new = done.size - done.before
    note(
        f"{store.location}: {done.size} entries, {new} of them new, {done.written} segments written"
    )
    return done
