"""A ledger on each database, and one that was filled once and is copied for whoever breaks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_log import Desk, Filled, desk, fill, pristine


@pytest.fixture(params=BOTH)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """An empty desk on either database."""
    with desk(fresh_database_url(request.param, tmp_path), tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Filled]:
    """By database. Never changed: `log` hands out a copy."""
    made: dict[str, Filled] = {}
    for kind in BOTH:
        directory = tmp_path_factory.mktemp(kind)
        made[kind] = fill(fresh_database_url(kind, directory), directory)
    return made


@pytest.fixture(params=BOTH)
def log(request: pytest.FixtureRequest, filled: Mapping[str, Filled], tmp_path: Path) -> Filled:
    """The filled ledger on either database, to be broken."""
    original = filled[request.param]
    return Filled(pristine(original.url, tmp_path), original.checkpoints)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    """A desk of which it does not matter on which database it is."""
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as made:
        yield made
