"""Exports over HTTP are those of the command line, for who may read, and noted."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from api.exporting import Exporting, Period
from api.identity import LOCAL_OPERATOR
from domain.acts import LEDGER
from domain.reading import LedgerRead
from tests.api.http_client import Api, serving

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def with_an_incident(directory: Path) -> AsyncIterator[Api]:
    async with serving(directory) as api:
        await api.reported()
        yield api


async def test_each_format_is_answered_as_what_it_is(tmp_path: Path) -> None:
    async with with_an_incident(tmp_path) as api:
        size = api.house.ledger.head().size
        stored = [entry.raw for entry in api.house.ledger.entries(0, size)]
        got = {
            name: await api.client.get(f"/v1/exports/{name}?up_to={size}")
            for name in ("ocel-json", "ocel-sqlite", "xes", "cloudevents", "csv")
        }

    assert {answer.status_code for answer in got.values()} == {200}
    assert len(json.loads(got["ocel-json"].content)["events"]) == size
    assert (
        len(list(ET.fromstring(got["xes"].content).iter("{http://www.xes-standard.org/}event")))
        == size
    )
    assert got["cloudevents"].content.splitlines() == stored
    assert len(list(csv.reader(io.StringIO(got["csv"].text, newline="")))) == size + 1
    database = tmp_path / "answered.sqlite"
    database.write_bytes(got["ocel-sqlite"].content)
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("SELECT count(*) FROM event").fetchone() == (size,)
    assert got["csv"].headers["content-disposition"] == 'attachment; filename="ledger.csv"'
    assert got["ocel-sqlite"].headers["content-type"] == "application/vnd.sqlite3"


async def test_a_family_and_a_period_narrow_it(tmp_path: Path) -> None:
    async with with_an_incident(tmp_path) as api:
        some = await api.client.get("/v1/exports/cloudevents?family=incident&family=policy")
        none = await api.client.get("/v1/exports/cloudevents?to=2001-01-01T00:00:00Z")

    families = {json.loads(line)["subject"].split("/")[0] for line in some.text.splitlines()}
    assert families == {"incident", "policy"}
    assert (none.status_code, none.content) == (200, b"")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("pdf", 422),
        ("xes?family=incidents", 422),
        ("xes?from=yesterday", 422),
        ("xes?after=5&up_to=3", 422),
        ("xes?up_to=1000000", 422),
        ("xes?after=-1", 422),
    ],
)
async def test_what_cannot_be_asked_is_a_problem(tmp_path: Path, asked: str, status: int) -> None:
    async with serving(tmp_path) as api:
        got = await api.client.get(f"/v1/exports/{asked}")

    assert (got.status_code, got.headers["content-type"]) == (status, "application/problem+json")


async def test_a_token_exports_the_families_it_reads(tmp_path: Path) -> None:
    async with with_an_incident(tmp_path) as api:
        narrow = api.token_for("principal/PRN0000002", "incident:read")
        blind = api.token_for("principal/PRN0000002", "incident:append")
        own = await api.client.get("/v1/exports/cloudevents", headers=narrow)
        other = await api.client.get("/v1/exports/csv?family=change", headers=narrow)
        nothing = await api.client.get("/v1/exports/csv", headers=blind)

    assert {json.loads(line)["subject"] for line in own.text.splitlines()} == {
        "incident/INC0010001"
    }
    assert (other.status_code, nothing.status_code) == (403, 403)


async def test_personal_values_are_shown_to_who_may_see_them(tmp_path: Path) -> None:
    async with with_an_incident(tmp_path) as api:
        sees = api.token_for("principal/PRN0000002", "*:read", "personal")
        blind = api.token_for("principal/PRN0000002", "*:read")
        asked = "/v1/exports/csv?family=incident"
        shown = await api.client.get(asked, headers=sees)
        hidden = await api.client.get(asked, headers=blind)

    assert "Mail is not delivered" in shown.text
    assert "Mail is not delivered" not in hidden.text
    assert "[personal]" in hidden.text


async def test_an_export_is_noted_even_when_who_asked_goes_away(tmp_path: Path) -> None:
    async with with_an_incident(tmp_path) as api:
        ledger = api.house.ledger
        asked = Exporting(ledger, LOCAL_OPERATOR, (), Period())
        pieces = asked.stream("cloudevents")

        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # what happens to a generator that nobody reads on
        ledger.record_reads(all_of_them=True)
        readings = [one.data["reading"] for one in ledger.entries_of(LEDGER, LedgerRead)]

    assert [(one["what"], one["entries"]) for one in readings] == [("entries", asked.counts.events)]
