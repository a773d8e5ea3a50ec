"""pm4py as the other side: it opens what we wrote, as an analyst would."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

with contextlib.redirect_stdout(io.StringIO()):  # it greets whoever imports it
    import pm4py


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # It recommends a faster reader of its own, which is no part of what is tested.
        warnings.filterwarnings("ignore", message="Install the optional requirement `r4pm`")
        yield


def read_ocel_json(path: Path) -> Any:
    with _quietly():
        return pm4py.read_ocel2_json(str(path))


def read_ocel_sqlite(path: Path) -> Any:
    with _quietly():
        return pm4py.read_ocel2_sqlite(str(path))


def read_xes(path: Path) -> Any:
    """A table with a row for each event, the trace's attributes beside them as `case:…`."""
    with _quietly():
        return pm4py.read_xes(str(path))


def counted(column: Any) -> Counter[str]:
    return Counter({str(name): int(times) for name, times in column.value_counts().items()})


def record(table: Any, **where: Any) -> list[dict[str, Any]]:
    """The rows whose cells are these, each without its empty cells. `ocel_id` stands for `ocel:id`."""
    for name, value in where.items():
        table = table[table[name.replace("_", ":")] == value]
    return [row.dropna().to_dict() for _, row in table.iterrows()]
