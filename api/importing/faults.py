"""What can be wrong with a mapping or with the file that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import LedgerError, Malformed

if TYPE_CHECKING:
    from api.importing.result import ImportResult


class MappingInvalid(Malformed):
    """A mapping file that does not say what its documentation asks for. `line` counts from 1."""

    code = "mapping-invalid"
    summary = "The mapping file is not valid."


class UnknownMapping(Malformed):
    """No shipped mapping has the name, and no file has the path."""

    code = "unknown-mapping"
    summary = "There is no such mapping."


class ColumnsDiffer(Malformed):
    """The file's columns are not the mapping's. Nothing was recorded."""

    code = "columns-differ"
    summary = "The file's columns are not those of the mapping."


class CannotRead(Malformed):
    """The file cannot be opened or is not what it claims to be."""

    code = "cannot-read"
    summary = "The file cannot be read."


class BadRow(Malformed):
    """One row that cannot become facts: told with its line, counted, kept in the rejects file."""

    code = "bad-row"
    summary = "The row cannot be mapped."


class Stopped(LedgerError):
    """The run ended before the file did. What was whole until then is recorded; `result` counts it.

    Running the import again continues: rows seen before are skipped.
    """

    def __init__(self, message: str, /, *, result: ImportResult, **facts: object) -> None:
        self.result = result
        super().__init__(message, **facts)


class InputTruncated(Stopped, Malformed):
    """The file ends in the middle of a row, or of its compressed form."""

    code = "input-truncated"
    summary = "The file is cut short."


class StrictStop(Stopped, Malformed):
    """Under `strict` the first bad row ends the run."""

    code = "bad-row"
    summary = "A row cannot be mapped, and the run was strict."
