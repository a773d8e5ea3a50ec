"""What the commands of `process` share: their options, how they ask, and how they print what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.cli.looking import BasisChoice
from api.cli.output import JSON_OPTION, note, plain, say
from api.cli.session import opened

if TYPE_CHECKING:
    from api.processes import Asked, Mining

Row = Mapping[str, Any]
ByChoice = Literal["type", "status", "group"]
Family = Annotated[str, typer.Option(help="incident, problem, request, change …")]
Start = Annotated[
    str | None, typer.Option("--from", help="Cases that began at this moment (RFC 3339) or later.")
]
End = Annotated[str | None, typer.Option("--to", help="Cases that began before this moment.")]
At = Annotated[str | None, typer.Option(help="As of this moment: RFC 3339 with a zone; now.")]
KnownAt = Annotated[str | None, typer.Option(help="With --at: by what was known at this moment.")]
Position = Annotated[int | None, typer.Option(help="As known at this position.")]
Basis = Annotated[
    BasisChoice | None, typer.Option(help="By default effect; with --position known.")
]
HeldBy = Annotated[
    str,
    typer.Option(help="Who has a case: assignment_group, assigned_to, owner, source.COLUMN."),
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Rows at most.")]
After = Annotated[int, typer.Option(min=0, help="Pass over so many rows.")]
By = Annotated[
    ByChoice, typer.Option(help="What an activity is: an event's type, a status, who has it.")
]
Json = Annotated[bool, JSON_OPTION]
GROUP = "assignment_group"
ROWS = 20


def question(
    family: str,
    period: tuple[str | None, str | None],
    moment: tuple[str | None, str | None, int | None, BasisChoice | None],
    *,
    held_by: str = GROUP,
    limit: int = ROWS,
    after: int = 0,
) -> Asked:
    from api.processes import Asked
    from replay.moment import Moment

    return Asked(family, *period, Moment(*moment), held_by, limit, after)


@contextmanager
def asking() -> Iterator[Mining]:
    from api.processes import Mining

    with opened() as session:
        yield Mining(session.ledger, session.identity)


def answered(ask: Callable[[Mining], dict[str, Any]]) -> dict[str, Any]:
    with asking() as mining:
        return ask(mining)


def say_head(found: Row) -> None:
    moment = f" at {found['at']}" if found["at"] else ""
    known = f" as known at {found['known_at']}" if found["known_at"] else ""
    began = f", begun from {found['from'] or 'the first'} to {found['to'] or 'the last'}"
    period = began if found["from"] or found["to"] else ""
    say(
        f"{found['cases']:,} {found['family']} cases{period}, {found['events']:,} events; "
        f"{found['basis']}{moment}{known}, position {found['position']}\n"
    )


def say_graph(told: Row) -> None:
    say_head(told)
    say_table(
        (told["by"], "count", "begin", "end", "still run"),
        (
            (node["name"], node["count"], node["starts"], node["ends"], node["running"])
            for node in told["nodes"]
        ),
    )
    say("")
    say_table(
        ("from", "to", "count", "median", "mean", "p90", "longest"),
        ((edge["from"], edge["to"], edge["count"], *lengths(edge)) for edge in told["edges"]),
    )
    left = told["left_out"]
    if left["edges"] or left["nodes"]:
        note(f"Left out, being rarer: {left['edges']} edges, {left['nodes']} nodes")


def say_table(names: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """Columns as wide as what stands in them; numbers to the right."""
    told = [tuple(map(shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *told, strict=True)]
    numbers = [all(_is_number(row[n]) for row in told) for n in range(len(names))]
    for row in (names, *told):
        cells = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numbers, strict=True)
        )
        say("  ".join(cells).rstrip())


def shown(value: object) -> str:
    """A name of somebody's must not move the cursor, or begin a line of its own."""
    if isinstance(value, int):
        return f"{value:,}"
    return "".join(one if one.isprintable() else "\ufffd" for one in plain(value))


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell == "–"


def lengths(row: Row) -> tuple[str, ...]:
    return tuple(length(row[f"{name}_seconds"]) for name in ("median", "mean", "p90", "max"))


def length(seconds: int | None) -> str:
    from replay.process.lettering import long_time

    return "–" if seconds is None else long_time(seconds)


def or_dash(value: object) -> object:
    return "–" if value is None else value


def say_more(found: Row) -> None:
    if found["next"] is not None:
        note(f"{found['rows']:,} rows in all: --after {found['next']}")
