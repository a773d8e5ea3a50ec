"""Read models on both databases, empty for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.views import Views
from tests.contract.databases import BOTH, fresh_database_url


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_database_url(request.param, tmp_path)


@pytest.fixture
def views(url: str) -> Iterator[Views]:
    views = Views(url)
    yield views
    views.close()
