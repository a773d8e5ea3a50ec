"""Keeping the read models: `project`, `rebuild`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import JSON_OPTION, note, progress, tell, tell_members
from api.cli.session import Session, opened

if TYPE_CHECKING:
    from api.examining import Examiner
    from projections.runner import Runner
    from projections.views import Views


def add_to(app: typer.Typer) -> None:
    app.command()(project)
    app.command()(rebuild)


def project(
    *,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End once they reflect the log's head.")
    ] = False,
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Keep read models up to date and raise findings, until Ctrl-C; `serve` does that by itself."""
    import threading

    with opened() as session, _kept(session) as (runner, views):
        catch_up(runner)
        examiner = _examined(session, views)
        catch_up(runner)
        if not until_caught_up:
            note(
                "The read models and the detectors are up to date and follow the log. Ctrl-C ends."
            )
            ended = threading.Event()
            threading.Thread(target=examiner.run, args=(ended,), daemon=True).start()
            runner.run_forever(ended)
        _tell_status(runner, as_json=as_json)


def rebuild(
    name: Annotated[str, typer.Argument(help="The read model, as `project` lists them.")],
    as_json: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Build a read model anew from the log, beside the old one, which answers meanwhile."""
    with opened() as session, running(session) as runner, progress(f"Rebuilding {name}") as bar:
        runner.rebuild(name, lambda _, position, head: bar(position, head))
        _tell_status(runner, as_json=as_json)


@contextmanager
def running(session: Session) -> Iterator[Runner]:
    """Read models hold what every family's entries say, so this takes the right to read them all."""
    with _kept(session) as (runner, _):
        yield runner


@contextmanager
def current_views(session: Session) -> Iterator[Views]:
    """The read models, once they reflect the log's head. Takes the right to read every family."""
    with _kept(session) as (runner, views):
        catch_up(runner)
        yield views


@contextmanager
def examined_views(session: Session) -> Iterator[Views]:
    """The same, once the detectors have seen the log's head, and what they found is raised."""
    with _kept(session) as (runner, views):
        _examined(session, views)
        catch_up(runner)
        yield views


def _examined(session: Session, views: Views) -> Examiner:
    from api.examining import Examiner
    from projections.violations import Violations

    examiner = Examiner(session.ledger, Violations(views))
    with progress("Examining") as bar:
        examiner.run_until(bar)
    return examiner


@contextmanager
def _kept(session: Session) -> Iterator[tuple[Runner, Views]]:
    from projections.runner import Runner
    from projections.views import Views

    session.identity.require("*", "read")
    views = Views(session.house.settings.resolved_views_url)
    try:
        yield Runner(session.ledger, views), views
    finally:
        views.close()


def catch_up(runner: Runner) -> None:
    with progress("Projecting") as bar:
        runner.run_until(progress=lambda _, position, head: bar(position, head))


def _tell_status(runner: Runner, *, as_json: bool) -> None:
    found: list[dict[str, Any]] = [
        {
            "projection": each.projection,
            "version": each.version,
            "position": each.position,
            "lag": each.lag,
            "parked": each.parked,
            "state": each.state,
        }
        for each in runner.status()
    ]
    if as_json:
        tell({"projections": found})
        return
    tell_members({each["projection"]: _line(each) for each in found})


def _line(status: dict[str, Any]) -> str:
    parked = f", {status['parked']} entries parked" if status["parked"] else ""
    return f"{status['state']}, position {status['position']}, {status['lag']} behind{parked}"
