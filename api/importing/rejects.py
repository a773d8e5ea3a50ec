"""Bad rows, kept as they are beside why they are bad. The file holds what the source says: mode 0600."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from api.importing.faults import CannotRead
from domain.errors import LedgerError

SUFFIX = ".rejects.jsonl"


def default_rejects_path(path: str) -> Path:
    """Beside the file; for standard input in the working directory."""
    return Path(("stdin" if path == "-" else path) + SUFFIX)


class Rejects:
    """JSON Lines of `line`, `number`, `code`, `reason` and `row`. Made when the first row is rejected."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def add(self, line: int, number: str | None, error: LedgerError, row: str) -> None:
        """Raises CannotRead when the file cannot be written: a row must not be dropped silently."""
        told = {
            "line": line,
            "number": number,
            "code": error.code,
            "reason": error.message,
            "row": row.rstrip("\r\n"),
        }
        try:
            file = self._file or self._opened()
            # ASCII: a row that is not text in its encoding can be told all the same.
            file.write(json.dumps(told) + "\n")
        except OSError as failure:
            raise CannotRead(
                f"{self.path} cannot be written: {failure.strerror}; name another with --rejects",
                path=str(self.path),
            ) from None

    def _opened(self) -> IO[str]:
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        # A file that was there before may be readable by others.
        os.fchmod(handle, 0o600)
        self._file = os.fdopen(handle, "w", encoding="ascii")
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
