from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.compose import House
from projections.views import Views
from tests.api.audited import Audited, audited
from tests.api.importing_house import opened
from tests.api.issuer import Issuer, issuer_process


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A new ledger."""
    with opened(tmp_path) as house:
        yield house


@pytest.fixture
def views(tmp_path: Path) -> Iterator[Views]:
    """Read models that nothing was computed for yet."""
    views = Views(f"sqlite:///{tmp_path}/seen.db")
    yield views
    views.close()


@pytest.fixture(scope="session")
def running_issuer() -> Iterator[Issuer]:
    with issuer_process() as issuer:
        yield issuer


@pytest.fixture
def issuer(running_issuer: Issuer) -> Issuer:
    """An issuer of OpenID Connect tokens, as it was when it began."""
    running_issuer.reset()
    return running_issuer


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Filled once. Tests ask about it, and add nothing that they ask about."""
    return audited(tmp_path_factory.mktemp("audited"))
