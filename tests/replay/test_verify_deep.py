"""What was made from the log is made again and compared: snapshots, owners, read models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.open import open_database
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.views import Views
from replay.report import Problem, Report
from replay.verify_deep import Comparison, read_model_comparisons, verify_deep
from tests.contract.databases import fresh_database_url
from tests.replay.given_log import Desk, Filled, ask, desk, tamper

LONG = "incident/INC0000077"


def verified(url: str, comparisons: list[Comparison] | None = None) -> Report:
    with closing(open_database(url)) as database:
        return verify_deep(database, comparisons=comparisons or [])


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    """A subject long enough for snapshots, on SQLite."""
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as made:
        made.observes_all(
            [
                made.fact(LONG, "source-status-recorded", {"source_status": f"{n}"})
                for n in range(70)
            ]
        )
        made.orders(None, "report", title="Mail is late", service="mail", impact=2, urgency=2)
        yield made


def url_of(at: Desk) -> str:
    return at.house.settings.database_url


def test_a_log_and_what_was_made_of_it_are_clean(log: Filled) -> None:
    seen: list[tuple[int, int]] = []
    with closing(open_database(log.url)) as database:
        report = verify_deep(database, progress=lambda *done: seen.append(done))

    assert report.is_clean, report.problems
    assert seen[-1] == (2 * report.size, 2 * report.size)


def test_deep_finds_what_verify_finds(log: Filled) -> None:
    tamper(log.url, ("DELETE FROM events WHERE position = ?", [300]))

    first = verified(log.url).problems[0]

    assert (first.position, first.kind) == (300, "missing")


def test_a_snapshot_that_is_not_the_fold_is_named(at: Desk) -> None:
    (version,) = ask(url_of(at), "SELECT version FROM snapshots")[0]
    tamper(url_of(at), ("UPDATE snapshots SET state = ?", [b'{"status":"closed"}']))

    (problem,) = verified(url_of(at)).problems

    assert problem.kind == "snapshot"
    assert at.house.ledger.entry(problem.position).version == version


@pytest.mark.parametrize("state", [b"", b"{", b"\xff"])
def test_a_snapshot_that_cannot_be_read_is_named(at: Desk, state: bytes) -> None:
    tamper(url_of(at), ("UPDATE snapshots SET state = ?", [state]))

    assert [problem.kind for problem in verified(url_of(at)).problems] == ["snapshot"]


def test_a_snapshot_of_a_version_that_never_was_is_named(at: Desk) -> None:
    tamper(url_of(at), "UPDATE snapshots SET version = 4711")

    assert [problem.kind for problem in verified(url_of(at)).problems] == ["snapshot"]


@pytest.mark.parametrize("owner", [None, "principal/PRN0000002"])
def test_an_owner_who_did_not_record_the_first_entry_is_named(at: Desk, owner: str | None) -> None:
    tamper(url_of(at), ("UPDATE subjects SET owner = ? WHERE name = ?", [owner, LONG]))

    (problem,) = verified(url_of(at)).problems

    assert problem.kind == "owner"
    assert at.recorder in problem.message


def test_a_subject_without_entries_is_named(at: Desk) -> None:
    tamper(url_of(at), f"INSERT INTO subjects VALUES ({2**61}, 'incident/INC5555555', NULL)")

    (problem,) = verified(url_of(at)).problems

    assert problem.kind == "owner"
    assert "INC5555555" in problem.message


def test_read_models_that_the_log_does_not_make_are_named(at: Desk, tmp_path: Path) -> None:
    views = Views(f"sqlite:///{tmp_path}/views.db")
    ledger = at.house.ledger
    comparisons = read_model_comparisons(ledger, views)
    never_built = verified(url_of(at), comparisons)
    Runner(ledger, views, PROJECTIONS).run_until()
    built = verified(url_of(at), comparisons)
    ((table,),) = ask(
        f"sqlite:///{tmp_path}/views.db",
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tickets_v%' LIMIT 1",
    )
    tamper(f"sqlite:///{tmp_path}/views.db", f"DELETE FROM {table}")

    altered = verified(url_of(at), comparisons)
    views.close()

    assert never_built.is_clean
    assert built.is_clean, built.problems
    assert {problem.kind for problem in altered.problems} == {"read-model"}


def test_whatever_else_is_compared_joins_the_report(at: Desk) -> None:
    told = Problem(3, "read-model", "the findings differ")

    assert verified(url_of(at), [lambda: [told]]).problems == (told,)
