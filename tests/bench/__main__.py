"""`make bench [ONLY=append,http]`: measure, print, and write the table into docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.appending import entitled, governed, observed
from tests.bench.archiving import archiving
from tests.bench.asking import asked
from tests.bench.checking import checked
from tests.bench.detecting import detected
from tests.bench.estates import estate
from tests.bench.importing import imported
from tests.bench.measuring import Figure
from tests.bench.owing import owing
from tests.bench.reading import grown, one_subject
from tests.bench.serving import served
from tests.bench.signing_in import signed_in

TABLE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
DATABASES = ("sqlite", "postgresql")
SECTIONS: dict[str, Callable[[str], Iterator[Figure]]] = {
    # Import first: its peak memory is that of the largest child process so far.
    "import": imported,
    "append": governed,
    "entitled": entitled,
    "asked": asked,
    "check": checked,
    "owed": owing,
    "findings": detected,
    "estate": estate,
    "archiving": archiving,
    "facts": lambda kind: observed(kind, 400_000),
    "subject": one_subject,
    "http": served,
    "signed-in": signed_in,
    "grown": lambda kind: grown(kind, 10_000, 1_000_000),
}
INTRODUCTION = """# Benchmarks

Made by `make bench`. A ratio compares two sides that ran in one go on one machine, alternating where they
are short; figures are medians. Absolute figures are this machine's. Both sides are equally durable: SQLite in WAL mode with
`synchronous=FULL`, PostgreSQL as it comes.
"""


def main(only: list[str]) -> int:
    """0 when every target is reached, 1 otherwise."""
    figures: list[Figure] = []
    for name in only or SECTIONS:
        for database in DATABASES:
            for figure in SECTIONS[name](database):
                figures.append(figure)
                print(line(figure), flush=True)
    if not only:
        TABLE.write_text(page(figures))
    return 0 if all(figure.holds for figure in figures) else 1


def page(figures: list[Figure]) -> str:
    head = "| what | database | ours | against | ratio | target | |\n|---|---|---|---|---|---|---|"
    return "\n".join([INTRODUCTION, machine(), "", head, *map(line, figures), ""])


def line(figure: Figure) -> str:
    bound, kept = "", ""
    if figure.target is not None:
        bound = f"{'≤' if figure.at_most else '≥'} {figure.target:g}"
        kept = "reached" if figure.holds else "**missed**"
    return (
        f"| {figure.what} | {figure.database} | {figure.ours:,.5g} {figure.unit} "
        f"| {figure.theirs:,.5g} {figure.unit} | {figure.ratio:.3g} | {bound} | {kept} |"
    )


def machine() -> str:
    names = ("eventsourcing", "fastapi", "pydantic", "orjson", "uvicorn", "psycopg", "sqlalchemy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, PostgreSQL 18; {versions}."
    )


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name]))
