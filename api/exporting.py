"""An export for somebody: which formats there are, what they may take away, and that they took it."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, get_args

from api.identity import Identity
from api.periods import positions_between
from api.readings import note, readable_families, revealed
from domain.errors import Malformed
from domain.event import Json
from ledger.ledger import Ledger
from replay.errors import BeyondHead, ExportFailed
from replay.exports.cloudevents import cloudevents
from replay.exports.comma_separated import comma_separated
from replay.exports.ocel_json import ocel_json
from replay.exports.ocel_sqlite import write_ocel_sqlite
from replay.exports.selection import Counts, Selection
from replay.exports.xes import xes

Format = Literal["ocel-json", "ocel-sqlite", "xes", "cloudevents", "csv"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
ENDINGS: Final[dict[str, Format]] = {
    ".jsonocel": "ocel-json",
    ".sqlite": "ocel-sqlite",
    ".sqlite3": "ocel-sqlite",
    ".xes": "xes",
    ".csv": "csv",
    ".jsonl": "cloudevents",
    ".ndjson": "cloudevents",
}
"""`.json` is left open: it might be an OCEL or CloudEvents."""
GZIPPED: Final = ".gz"
GZIP_LEVEL: Final = 6
_FLUSHED_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Period:
    """`start`, `end`: moments by when it was recorded, or positions, both included. `after`, `up_to`: positions."""

    start: str | None = None
    end: str | None = None
    after: int | None = None
    up_to: int | None = None

    def positions(self, ledger: Ledger) -> tuple[int, int]:
        """Behind which position it begins, and its last. Raises Malformed, BeyondHead."""
        if (self.start or self.end) and (self.after is not None or self.up_to is not None):
            raise Malformed("expected from and to, or after and up-to, not some of each")
        first, last = positions_between(ledger, self.start, self.end)
        if self.up_to is not None and self.up_to > last:
            raise BeyondHead(
                f"expected a position up to {last}, got {self.up_to}",
                position=self.up_to,
                size=last,
            )
        after = first - 1 if self.after is None else self.after
        up_to = last if self.up_to is None else self.up_to
        has_both = None not in (self.start, self.end) or None not in (self.after, self.up_to)
        if has_both and after > up_to:
            raise Malformed(f"the export would end at {up_to}, before it begins behind {after}")
        return after, up_to


class Exporting:
    """One export, by one reader. What of it was written is noted as a reading, however it ends."""

    def __init__(
        self, ledger: Ledger, identity: Identity, families: Sequence[str], period: Period
    ) -> None:
        """Raises ScopeMissing, MayNot, Malformed, BeyondHead."""
        self._ledger, self._identity = ledger, identity
        chosen = readable_families(identity, families)
        after, up_to = period.positions(ledger)
        self.selection = Selection(ledger, chosen, after, up_to, self._shown)

    @property
    def counts(self) -> Counts:
        return self.selection.counts

    def stream(self, format_: Format, *, exact_cells: bool = False) -> Iterator[bytes]:
        """The file in pieces. Raises Malformed for `ocel-sqlite`, which is a file or nothing."""
        pieces: Callable[[Selection], Iterator[bytes]]
        match format_:
            case "ocel-json":
                pieces = ocel_json
            case "xes":
                pieces = xes
            case "cloudevents":
                pieces = cloudevents
            case "csv":
                return self._noting(comma_separated(self.selection, exact=exact_cells))
            case "ocel-sqlite":
                raise Malformed("an SQLite database is written to a file; name one")
        return self._noting(pieces(self.selection))

    def write(self, format_: Format, path: Path, *, exact_cells: bool = False) -> None:
        """The file, whole or not at all; one that was there is replaced. Raises ExportFailed, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a directory", str(path))
        # A directory of its own beside it: what SQLite writes next to a database goes with it.
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
            new = Path(beside) / path.name
            if format_ == "ocel-sqlite":
                with self._noted():
                    write_ocel_sqlite(self.selection, new)
            else:
                with _failing(path):
                    _write(self.stream(format_, exact_cells=exact_cells), new)
            new.replace(path)

    def _shown(self, subject: str, told: Json) -> Json:
        return revealed(self._ledger, self._identity, subject, told)

    def _noting(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with self._noted():
            yield from gathered(pieces)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        finally:
            # Records of readings do not count as something read, as in the feed.
            shown = self.counts.events - self.counts.readings
            if shown:
                note(self._ledger, self._identity, "entries", entries=shown)


def format_named(format_: str | None, file_name: str) -> Format:
    """The format that is named, or else that the file's name ends in. Raises Malformed."""
    for known in FORMATS:
        if format_ == known:
            return known
    if format_ is not None:
        raise Malformed(f"there is no format {format_!r}; there are {', '.join(FORMATS)}")
    ending = Path(file_name.removesuffix(GZIPPED)).suffix
    if ending not in ENDINGS:
        raise Malformed(
            f"{file_name} does not tell the format; name one: {', '.join(FORMATS)}; "
            f"or a file ending in {', '.join(ENDINGS)}"
        )
    return ENDINGS[ending]


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: each is a call, a write, or a chunk on the wire."""
    buffer = io.BytesIO()
    for piece in pieces:
        buffer.write(piece)
        if buffer.tell() >= _FLUSHED_BYTES:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _write(pieces: Iterator[bytes], path: Path) -> None:
    with path.open("wb") as file:
        if not path.name.endswith(GZIPPED):
            file.writelines(pieces)
            return
        # Neither name nor time of writing in it: the same export is the same bytes.
        with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as zipped:
            zipped.writelines(pieces)


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ExportFailed(f"{path} cannot be written: {reason}", reason=reason) from error
