"""The views read what one query hands them, so that one database shows the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.databases import BOTH, fresh_database_url
from tests.replay.given_log import Desk, desk


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(fresh_database_url("sqlite", tmp_path), tmp_path) as made:
        yield made


@pytest.fixture(params=BOTH)
def on_either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk(fresh_database_url(request.param, tmp_path), tmp_path) as made:
        yield made
