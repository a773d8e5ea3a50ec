"""Read models on both databases, empty for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from projections.views import SCHEMA, Views
from tests.contract.databases import BOTH, fresh_database_url


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fresh_database_url("postgresql", tmp_path_factory.mktemp("views"))


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return fresh_database_url("sqlite", tmp_path)
    # To drop a schema takes a tenth of the time that a new database takes.
    url: str = request.getfixturevalue("postgresql_url")
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
    return url


@pytest.fixture
def views(url: str) -> Iterator[Views]:
    views = Views(url)
    yield views
    views.close()
