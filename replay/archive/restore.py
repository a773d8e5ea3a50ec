"""An archive becomes a ledger again: the same entries under the same root, believed only as far as they prove it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson

from domain.acts import LEDGER
from ledger.merkle import leaf_hash
from ledger.notes import parse_vkey, verify_checkpoint
from ledger.rebuild import Block
from ledger.restore import Progress
from ledger.restore import restore as restore_log
from ledger.spelling import to_base64
from replay.archive.read import Archive
from replay.errors import ArchiveUnusable
from replay.report import Problems
from replay.verify_checkpoints import keys_in

_NAMED: Final = f'"{LEDGER}"'.encode()


class Restored(NamedTuple):
    """`root`: base64. `vkey`: what the log is signed with from here on."""

    origin: str
    size: int
    root: str
    subjects: int
    vkey: str


def restore(url: str, archive: Archive, progress: Progress) -> Restored:
    """Once this returns there is a ledger at `url` that holds what the archive holds.

    Its checkpoint is signed by a key that the log itself names, each file is the one that its manifest names, and the
    entries lead to the signed root; else there is no ledger. Raises as `ledger.restore`, ArchiveUnusable, and
    BadSignature, Unsigned or WrongOrigin for the checkpoint.
    """
    kept = kept_in(archive)
    done = restore_log(url, kept, progress, kept.require_own_key)
    return Restored(
        archive.manifest.origin, done.size, to_base64(kept.root), done.subjects, kept.vkey
    )


def kept_in(archive: Archive) -> KeptArchive:
    """Raises as `restore` for the manifest and its checkpoint."""
    return KeptArchive(archive)


class KeptArchive:
    """The archive as what is to be restored. The ledger's own entries are remembered as they pass by."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        manifest = archive.manifest
        keys = [parse_vkey(vkey) for vkey in manifest.vkeys]
        head = verify_checkpoint(manifest.checkpoint, keys, origin=manifest.origin).checkpoint
        if head.size != manifest.size:
            raise ArchiveUnusable(
                f"{archive.store.location}: it says that it holds {manifest.size} entries, its checkpoint {head.size}"
            )
        self.size, self.root, self.checkpoint = head.size, head.root, manifest.checkpoint
        self.vkey = ""
        self._own: list[tuple[int, bytes, bytes]] = []

    def blocks(self) -> Iterator[Block]:
        for segment in self._archive.segments():
            table = self._archive.read(segment, ["position", "entry"]).sort_by("position")
            positions, entries = (column.to_pylist() for column in table.columns)
            rows = list(zip(positions, entries, strict=True))
            self._own += [row for row in map(_own_entry, rows) if row is not None]
            yield Block(rows, *self._archive.disclosures(segment))

    def require_own_key(self) -> None:
        """Whoever writes an archive can name a key in its manifest; the log's own entries name those that count."""
        problems = Problems()
        keys = keys_in(self._own, problems)
        for problem in problems:
            raise ArchiveUnusable(problem.message, position=problem.position)
        verify_checkpoint(self.checkpoint, keys.vkeys, origin=keys.origin)
        self.vkey = str(keys.vkeys[-1])


def _own_entry(row: tuple[int, bytes]) -> tuple[int, bytes, bytes] | None:
    position, raw = row
    if _NAMED not in raw or orjson.loads(raw)["subject"] != LEDGER:
        return None
    return position, raw, leaf_hash(raw)
