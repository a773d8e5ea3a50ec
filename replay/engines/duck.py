"""The same fold in DuckDB: on all cores, over an archive's files and the live tail, in little memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from replay.engines.engine import STATES
from replay.errors import ArchiveUnusable
from replay.moment import Located
from replay.whole.entries import LINES, Entries

MEMORY_LIMIT: Final = "2GiB"
"""Of DuckDB itself; what it answers comes on top."""
_FROM_ARCHIVE: Final = (
    "SELECT subject, family, version, position, time, corrects, replacement, effectivetime, "
    "json_extract(decode(entry), '$.data') AS patch FROM archived"
)
_FROM_LOG: Final = f"SELECT {', '.join(LINES.names)} FROM tail"
# The fold begins with `{}`: else a first patch would become the state with its nulls.
_FOLD: Final = "list_reduce(list(CAST(patch AS JSON) ORDER BY {order}), lambda a, b: json_merge_patch(a, b), CAST('{{}}' AS JSON))"

_KNOWN: Final = f"""
SELECT subject, count(*) AS version, {_FOLD.format(order="position")} AS state
FROM lines GROUP BY subject ORDER BY subject"""

_EFFECT: Final = f"""
WITH corrections AS (
  SELECT corrects AS target, count(*) AS corrected, max_by(replacement, position) AS replacement,
         max_by(coalesce(effectivetime, ''), position) AS effectivetime
  FROM lines WHERE corrects IS NOT NULL GROUP BY corrects),
standing AS (
  SELECT subject, position, 1 + coalesce(corrected, 0) AS counts,
         coalesce(nullif(c.effectivetime, ''), l.time) AS time,
         CASE WHEN target IS NULL THEN patch ELSE coalesce(c.replacement, '{{}}') END AS patch
  FROM lines AS l LEFT JOIN corrections AS c ON c.target = l.position WHERE l.corrects IS NULL)
SELECT subject, sum(counts) AS version, {_FOLD.format(order="time, position")} AS state
FROM standing WHERE time <= ? GROUP BY subject ORDER BY subject"""


class DuckEngine:
    """`settings`: DuckDB's own, such as `memory_limit`."""

    def __init__(self, **settings: str | int) -> None:
        self._settings = settings

    def states(
        self, entries: Entries, moment: Located, families: Collection[str] | None = None
    ) -> pa.Table:
        with connected(**self._settings) as connection:
            sql, parameters = _lines(connection, entries, moment.position, families)
            if moment.basis == "known":
                question = _KNOWN
            else:
                question, parameters = _EFFECT, [*parameters, moment.at]
            asked = f"WITH lines AS ({sql}){_also(question)}"
            found = connection.sql(asked, params=parameters)
            return found.to_arrow_table().cast(STATES)


@contextmanager
def connected(**settings: str | int) -> Iterator[duckdb.DuckDBPyConnection]:
    """`connect`, closed in the end. What DuckDB cannot read, such as a file that vanished, is ArchiveUnusable."""
    connection = connect(**settings)
    try:
        yield connection
    except duckdb.Error as fault:
        told = str(fault).partition("\n")[0]
        raise ArchiveUnusable(f"the question could not be answered: {told}") from fault
    finally:
        connection.close()


def connect(**settings: str | int) -> duckdb.DuckDBPyConnection:
    """A database in memory, of which what is too large goes to a temporary file. It fetches no extensions, and draws no
    bar on a terminal.
    """
    spill = Path(tempfile.gettempdir()) / f"itsm-ledger-{os.getpid()}.duckdb"
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill),
    }
    connection = duckdb.connect(config=config | settings)
    connection.execute("SET enable_progress_bar = false")
    return connection


def _also(question: str) -> str:
    """A question behind the lines it asks: its own WITH goes on with theirs."""
    stripped = question.lstrip()
    return f", {stripped[5:]}" if stripped.startswith("WITH ") else f" {stripped}"


def _lines(
    connection: duckdb.DuckDBPyConnection,
    entries: Entries,
    up_to: int,
    families: Collection[str] | None,
) -> tuple[str, list[Any]]:
    sources = []
    if entries.archive is not None:
        entries.archive.register(connection, "archived", up_to)
        sources.append(_FROM_ARCHIVE)
    if entries.archived < entries.size:
        connection.register("tail", entries.tail())
        sources.append(_FROM_LOG)
    condition = "position <= ?"
    parameters: list[Any] = [up_to]
    if families is not None:
        condition += " AND family IN (SELECT unnest(?))"
        parameters.append(list(families))
    return " UNION ALL ".join(f"({sql} WHERE {condition})" for sql in sources), parameters * len(
        sources
    )
