"""What a command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from ledger.view import Receipt

JSON_OPTION = typer.Option("--json", help="Print the result as JSON, and nothing else.")
BAR_AFTER_SECONDS = 1.0


def tell(result: object) -> None:
    """One JSON document on one line."""
    import orjson

    typer.echo(orjson.dumps(result).decode())


def say(text: str) -> None:
    typer.echo(text)


def note(text: str) -> None:
    """On standard error: for the person at the terminal, never part of a result."""
    typer.echo(text, err=True)


def told_receipt(receipt: Receipt) -> dict[str, Any]:
    """A receipt as JSON. The leaf hash is standard base64, as in the tlog formats."""
    import base64

    return {
        "position": receipt.position,
        "subject": receipt.subject,
        "version": receipt.version,
        "type": receipt.type,
        "id": receipt.id,
        "recordedtime": receipt.recordedtime,
        "leaf_hash": base64.b64encode(receipt.leaf_hash).decode(),
    }


def tell_receipts(receipts: Sequence[Receipt], *, as_json: bool) -> None:
    """Each event's receipt. As JSON: `{"receipts": […]}`."""
    if as_json:
        tell({"receipts": [told_receipt(receipt) for receipt in receipts]})
        return
    for receipt in receipts:
        say(f"{receipt.subject} version {receipt.version}: {receipt.type} at {receipt.position}")


def tell_members(members: Mapping[str, object]) -> None:
    """One member on a line, for people. Nothing is cut: whoever greps wants the whole of it."""
    width = max(map(len, members), default=0)
    for name, value in members.items():
        say(f"{name:<{width}}  {plain(value)}")


def plain(value: object) -> str:
    """A JSON value as a person reads it: text without quotes, the rest as JSON."""
    import orjson

    return value if isinstance(value, str) else orjson.dumps(value).decode()


class Bar(Protocol):
    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextmanager
def progress(doing: str) -> Iterator[Bar]:
    """A bar on standard error, where that is a terminal and the work has taken a second."""
    due = monotonic() + BAR_AFTER_SECONDS
    bar: Progress | None = None

    def report(done: int, total: int | None = None) -> None:
        nonlocal bar
        if bar is None and monotonic() >= due:
            bar = _started(doing)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done, total=total)

    try:
        yield report
    finally:
        if bar is not None:
            bar.stop()


def _started(doing: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar.add_task(doing, total=None)
    bar.start()
    return bar


def write_whole(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never a part of either."""
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """The same of what is made piece by piece."""
    from api.files import whole_file

    with whole_file(path) as file:
        file.writelines(pieces)
