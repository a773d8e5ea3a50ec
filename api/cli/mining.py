"""Views of processes: `process times`, `process handovers`, `process graph` … What each counts: docs/process-views.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.mined import (
    GROUP,
    ROWS,
    After,
    At,
    Basis,
    By,
    End,
    Family,
    HeldBy,
    Json,
    KnownAt,
    Limit,
    Position,
    Start,
    answered,
    asking,
    length,
    lengths,
    or_dash,
    question,
    say_graph,
    say_head,
    say_more,
    say_table,
    shown,
)
from api.cli.output import note, say, tell, write_whole

process = typer.Typer(
    help="How cases went: times, handovers, ping-pong, reopenings, push-to-front, graph, variants, conformance.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    process.command()(times)
    process.command()(handovers)
    process.command("ping-pong")(ping_pong)
    process.command()(reopenings)
    process.command("push-to-front")(push_to_front)
    process.command()(graph)
    process.command()(variants)
    process.command()(conformance)
    app.add_typer(process, name="process")


def times(
    *,
    family: Family = "incident",
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    as_json: Json = False,
) -> None:
    """How long cases stood in each status. What has not ended is counted apart."""
    asked = question(family, (start, end), (at, known_at, position, basis))
    found = answered(lambda mining: mining.times(asked))
    if as_json:
        tell(found)
        return
    say_head(found)
    say_table(
        ("status", "cases", "visits", "median", "mean", "p90", "longest", "not ended"),
        (
            (row["status"], row["cases"], row["visits"], *lengths(row), row["open"]["visits"])
            for row in found["items"]
        ),
    )


def handovers(
    *,
    family: Family = "incident",
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    held_by: HeldBy = GROUP,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """From whom to whom cases were handed, and how long the one before had them."""
    asked = question(
        family,
        (start, end),
        (at, known_at, position, basis),
        held_by=held_by,
        limit=limit,
        after=after,
    )
    found = answered(lambda mining: mining.handovers(asked))
    if as_json:
        tell(found)
        return
    say_head(found)
    say(f"{found['handovers']:,} handovers in {found['cases_handed_over']:,} cases")
    say_table(
        ("from", "to", "count", "cases", "median", "mean", "p90", "longest"),
        (
            (row["from"], row["to"], row["count"], row["cases"], *lengths(row))
            for row in found["items"]
        ),
    )
    say_more(found)


def ping_pong(
    *,
    family: Family = "incident",
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    held_by: HeldBy = GROUP,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """Cases that came back to who had them before, and the pairs between which they bounced (A, B, A)."""
    asked = question(
        family,
        (start, end),
        (at, known_at, position, basis),
        held_by=held_by,
        limit=limit,
        after=after,
    )
    found = answered(lambda mining: mining.ping_pong(asked))
    if as_json:
        tell(found)
        return
    say_head(found)
    say(
        f"{found['returns']:,} returns in {found['cases_returned']:,} cases, "
        f"{found['bounces']:,} of them at once, in {found['cases_bounced']:,} cases"
    )
    say_table(
        ("between", "and", "bounces", "cases", "median away", "mean", "p90", "longest"),
        ((*row["between"], row["bounces"], row["cases"], *lengths(row)) for row in found["items"]),
    )
    say_more(found)


def reopenings(
    *,
    family: Family = "incident",
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """Cases that were done and were not: those reopened most often first."""
    asked = question(
        family, (start, end), (at, known_at, position, basis), limit=limit, after=after
    )
    found = answered(lambda mining: mining.reopenings(asked))
    if as_json:
        tell(found)
        return
    say_head(found)
    say(f"{found['reopenings']:,} reopenings in {found['cases_reopened']:,} cases")
    say_table(
        ("from", "to", "by", "count"),
        ((way["from"], way["to"], way["type"], way["count"]) for way in found["ways"]),
    )
    say("")
    say_table(
        ("case", "reopened", "its counter"),
        ((row["subject"], row["count"], or_dash(row["stated"])) for row in found["items"]),
    )
    say_more(found)


def push_to_front(
    *,
    family: Family = "incident",
    front: Annotated[
        list[str] | None,
        typer.Option(help="Who is the front line; by default whose name tells no level above 1."),
    ] = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    held_by: HeldBy = GROUP,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """Solved cases that the front line kept, by who had them first."""
    asked = question(
        family,
        (start, end),
        (at, known_at, position, basis),
        held_by=held_by,
        limit=limit,
        after=after,
    )
    found = answered(lambda mining: mining.push_to_front(asked, front or ()))
    if as_json:
        tell(found)
        return
    say_head(found)
    names = ("solved", "at_front", "handed_behind", "began_behind", "had_by_nobody")
    say(", ".join(f"{name.replace('_', ' ')} {found[name]:,}" for name in names))
    say_table(
        ("first had by", "solved", "at front", "‰", "handed behind", "began behind"),
        (
            (
                row["first"],
                row["solved"],
                row["at_front"],
                or_dash(row["at_front_per_mille"]),
                row["handed_behind"],
                row["began_behind"],
            )
            for row in found["items"]
        ),
    )
    say_more(found)


def graph(
    *,
    family: Family = "incident",
    by: By = "status",
    least: Annotated[int, typer.Option(min=1, help="Edges gone at least so often.")] = 1,
    most_edges: Annotated[
        int, typer.Option(min=1, max=10_000, help="Only the most frequent edges.")
    ] = 60,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it as a picture: FILE.svg.")
    ] = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    held_by: HeldBy = GROUP,
    as_json: Json = False,
) -> None:
    """The directly-follows graph: what came directly after what, how often, and how long after."""
    from domain.errors import Malformed
    from replay.process.drawing import as_svg
    from replay.process.graph import Thinning

    if output is not None and output.suffix.lower() != ".svg":
        raise Malformed(f"expected a file that ends in .svg, got {output}")
    asked = question(family, (start, end), (at, known_at, position, basis), held_by=held_by)
    thinning = Thinning(least, most_edges)
    if output is not None:
        thinning = thinning.drawable()
    with asking() as mining:
        found = mining.graph(asked, by, thinning)
    if output is not None:
        write_whole(output, as_svg(found).encode())
        note(f"{output}: {len(found.nodes)} nodes, {len(found.edges)} edges")
    told = found.as_json()
    if as_json:
        tell(told)
    elif output is None:
        say_graph(told)


def variants(
    *,
    family: Family = "incident",
    by: By = "status",
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    held_by: HeldBy = GROUP,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """The ways that cases went, the most frequent first."""
    asked = question(
        family,
        (start, end),
        (at, known_at, position, basis),
        held_by=held_by,
        limit=limit,
        after=after,
    )
    found = answered(lambda mining: mining.variants(asked, by))
    if as_json:
        tell(found)
        return
    say_head(found)
    say(f"{found['rows']:,} variants")
    for row in found["items"]:
        took = length(row["median_seconds"])
        say(f"{row['cases']:>9,}  {row['per_mille']:>4} ‰  median {took}  {row['examples'][0]}")
        say(f"           {' → '.join(map(shown, row['activities'])) or '(none)'}")
    say_more(found)


def conformance(
    *,
    family: Family = "incident",
    kind: Annotated[
        str | None, typer.Option(help="Only these deviations: unlisted-transition …")
    ] = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
    basis: Basis = None,
    limit: Limit = ROWS,
    after: After = 0,
    as_json: Json = False,
) -> None:
    """Where cases did not go as the declared state machine has it: by kind, by way, and by case."""
    asked = question(
        family, (start, end), (at, known_at, position, basis), limit=limit, after=after
    )
    found = answered(lambda mining: mining.conformance(asked, kind))
    if as_json:
        tell(found)
        return
    say_head(found)
    say(f"{found['fitting']:,} cases fit; {found['deviations']:,} deviations")
    for row in found["kinds"]:
        say(f"{row['count']:>9,}  {row['kind']} (cases: {row['cases']:,}): {row['meaning']}")
    say("")
    say_table(
        ("type", "from", "to", "count", "kind"),
        (
            (way["type"], or_dash(way["from"]), or_dash(way["to"]), way["count"], way["kind"])
            for way in found["ways"]
        ),
    )
    say("")
    for row in found["items"]:
        first = row["deviations"][0]
        where = f"the first at position {first['position']}: {first['type']} ({first['kind']})"
        say(f"{row['count']:>9,}  {row['subject']}, {where}")
    say_more(found)
