"""The read models over a real ledger: they follow what is appended, and hold nothing personal in plain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from api.compose import House, open_house
from api.settings import Settings
from domain.incident import IncidentReported
from domain.incident_commands import ReportIncident
from domain.principal import RegisterPrincipal
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.observe import Observation, ObserveProposal
from projections.activity import top_actors
from projections.compare import compare_rebuilt
from projections.registry import PROJECTIONS
from projections.runner import Runner
from projections.tickets import find_tickets
from projections.views import SCHEMA, Views
from tests.contract.databases import BOTH, fresh_database_url
from tests.projections.desk import running, wait_until
from tests.staffing import init

TITLE = "Zebra-striped printer of Countess Lovelace is on fire"
NAME = "Countess Lovelace"
WHEN = "2026-03-02T09:00:00.000000Z"


@pytest.fixture(params=BOTH)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    settings = Settings(
        database_url=fresh_database_url(request.param, tmp_path),
        vault_url=f"sqlite:///{tmp_path / 'vault.db'}",
        key_file=tmp_path / "key",
        master_key_file=tmp_path / "master.key",
    )
    init(settings, origin="desk.example.com/real", administrator=NAME)
    house = open_house(settings)
    yield house
    house.close()


@pytest.fixture
def views(house: House) -> Iterator[Views]:
    views = Views(house.settings.resolved_views_url)
    yield views
    views.close()


def observe_incident(house: House) -> None:
    registered = house.ledger.execute(
        Order(
            RegisterPrincipal(
                kind="source", name="ServiceNow", mode="observe", source_uri="/s/now"
            ),
            Actor(FIRST_PERSON),
        )
    )
    told = {"title": TITLE, "priority": 2, "reported_by": NAME}
    fact = Observation(
        IncidentReported, "incident/INC0000001", told, WHEN, "1", "/s/now", actor=NAME
    )
    house.ledger.observe([ObserveProposal([fact], registered.receipts[0].subject)])


def test_no_personal_text_is_in_the_read_models(house: House, views: Views, tmp_path: Path) -> None:
    observe_incident(house)

    Runner(house.ledger, views).run_until()

    (row,) = find_tickets(views).rows
    assert row["title"].startswith("sd:sha-256:")
    assert row["reported_by"].startswith("principal/")
    assert all(found["actor"].startswith("principal/") for found in top_actors(views).rows)
    held = everything_held(views, tmp_path)
    assert row["title"].encode() in held
    assert b"Lovelace" not in held
    assert b"Zebra" not in held


def test_what_is_appended_is_followed_at_once(house: House, views: Views) -> None:
    runner = Runner(house.ledger, views, poll_seconds=5)
    order = Order(
        ReportIncident(title=TITLE, service="mail", impact=2, urgency=2), Actor(FIRST_PERSON)
    )

    with running(runner, stop_seconds=10):
        for _ in range(3):
            position = house.ledger.execute(order).receipts[-1].position

            def followed(position: int = position) -> bool:
                return all(status.position >= position for status in runner.status())

            wait_until(followed, seconds=4)

    assert len(find_tickets(views).rows) == 3
    assert [compare_rebuilt(house.ledger, views, p.name) for p in PROJECTIONS] == [[]] * len(
        PROJECTIONS
    )


def everything_held(views: Views, directory: Path) -> bytes:
    """The bytes of the read models' files, or on PostgreSQL of every cell of their schema."""
    if views.dialect == "sqlite":
        files = [path for path in directory.iterdir() if ".views.db" in path.name]
        assert files
        return b"".join(path.read_bytes() for path in files)
    metadata = MetaData()
    with views.looking() as connection:
        metadata.reflect(connection, schema=SCHEMA)
        assert len(metadata.tables) >= len(PROJECTIONS)
        rows = [
            row for table in metadata.tables.values() for row in connection.execute(select(table))
        ]
    return repr([tuple(row) for row in rows]).encode()
