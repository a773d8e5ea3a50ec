"""CloudEvents as JSON Lines: the stored bytes of each entry, whose hash is the leaf that a proof leads from."""

from __future__ import annotations

from collections.abc import Iterator

from replay.exports.selection import Selection


def cloudevents(selection: Selection) -> Iterator[bytes]:
    """An entry is one line as the ledger writes it. Personal values stand as the commitments that are stored."""
    for one in selection.counted(selection.by_position(revealing=False)):
        yield one.raw + b"\n"
