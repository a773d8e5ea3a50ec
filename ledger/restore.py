"""Making a log's database anew from its entries: wholly, or not at all.

On SQLite it is built in a file beside and renamed when all of it is right; on PostgreSQL it is one transaction.
Whatever interrupts it leaves no ledger, and a second try begins from nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ledger.database import Database, Transaction
from ledger.errors import AlreadyALedger, NotConsistent, StorageFailed
from ledger.files import sync_directory
from ledger.log import Head, lock_head
from ledger.migrate import migrate_in
from ledger.open import connect
from ledger.rebuild import Block, Rebuilding
from ledger.schema import CHECKPOINTS
from ledger.urls import sqlite_path

_BESIDE: Final = (".restoring", ".restoring-wal", ".restoring-shm", ".restoring-journal")
Progress = Callable[[int, int], None]


class Kept(Protocol):
    """A log that lies somewhere else. Its blocks raise where they are not what was kept."""

    @property
    def size(self) -> int: ...

    @property
    def root(self) -> bytes: ...

    @property
    def checkpoint(self) -> str:
        """The signed note over `size` and `root`."""

    def blocks(self) -> Iterable[Block]: ...


class Restored(NamedTuple):
    size: int
    subjects: int


Check = Callable[[], None]
"""The last word before what was written becomes a ledger. Raises what is wrong with it."""


def restore(url: str, kept: Kept, progress: Progress, check: Check) -> Restored:
    """Once this returns there is a ledger at `url`, with the root of what was kept, and it survives a crash.

    Raises AlreadyALedger, and changes nothing, where there is one; NotConsistent or CorruptEntry where the blocks
    do not lead to the root; and what `kept` and `check` raise. Then there is no ledger.
    """
    path = sqlite_path(url)
    if path is None:
        with _connected(url) as database, database.writing() as transaction:
            return _rebuilt(lambda: nullcontext(transaction), database, kept, progress, check)
    with _alone_at(path) as building:
        with _connected(f"sqlite:///{building}") as database:
            restored = _rebuilt(database.writing, database, kept, progress, check)
        _put_in_place(building, path)
        return restored


@contextmanager
def _connected(url: str) -> Iterator[Database]:
    database = connect(url)
    try:
        yield database
    finally:
        database.close()


def _rebuilt(
    transaction: Callable[[], AbstractContextManager[Transaction]],
    database: Database,
    kept: Kept,
    progress: Progress,
    check: Check,
) -> Restored:
    with transaction() as write:
        migrate_in(write, database.dialect)
        rebuilding = Rebuilding(_empty(lock_head(write)))
    for block in kept.blocks():
        with transaction() as write:
            rebuilding.take(write, block)
        progress(rebuilding.head.size, kept.size)
    with transaction() as write:
        _require_whole(rebuilding.head, kept)
        rebuilding.finish(write)
        write.insert(CHECKPOINTS, [(kept.size, kept.checkpoint)])
        check()
    return Restored(kept.size, rebuilding.subjects)


def _empty(head: Head) -> Head:
    if head.size:
        raise AlreadyALedger
    return head


def _require_whole(head: Head, kept: Kept) -> None:
    root = head.root()
    if (head.size, root) != (kept.size, kept.root):
        raise NotConsistent(
            f"expected {kept.size} entries with root {kept.root.hex()}, got {head.size} with {root.hex()}",
            size=head.size,
        )


@contextmanager
def _alone_at(path: Path) -> Iterator[Path]:
    """The file to build in, which no other process builds in, with what was interrupted before gone."""
    _refuse_existing(path)
    lock = path.with_name(f".{path.name}.restoring-lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StorageFailed(f"another process is restoring to {path}") from None
            _remove_leftovers(path)
            try:
                yield _beside(path, _BESIDE[0])
            finally:
                _remove_leftovers(path)
                lock.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be made: {error.strerror}") from error


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise AlreadyALedger(f"{path} exists already; nothing was changed")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove_leftovers(path: Path) -> None:
    for ending in _BESIDE:
        _beside(path, ending).unlink(missing_ok=True)


def _put_in_place(building: Path, path: Path) -> None:
    """Durable once this returns. A ledger that was made there meanwhile is not overwritten."""
    with building.open("rb+") as whole:
        os.fsync(whole.fileno())
    try:
        os.link(building, path)
    except FileExistsError:
        _refuse_existing(path)
    sync_directory(path.parent)
