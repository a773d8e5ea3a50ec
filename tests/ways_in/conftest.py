from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ways_in.house import Ways, ways_in


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """A ledger that every case of a module is put to; each brings what it needs."""
    with ways_in(tmp_path_factory.mktemp("ways")) as made:
        yield made
