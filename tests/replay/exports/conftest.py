"""One ledger with traps for all tests of exports: they only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.ledger import Ledger
from tests.contract.databases import fresh_database_url
from tests.replay.exports.given_exports import fill_with_traps
from tests.replay.given_log import desk


@pytest.fixture(scope="session")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    directory = tmp_path_factory.mktemp("trapped")
    with desk(fresh_database_url("sqlite", directory), directory) as made:
        fill_with_traps(made)
        yield made.house.ledger
