"""The feed of findings: one entry for each, by an id that never changes, for whoever may read them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from api.atom import Naming, entry_of, feed_document
from domain.finding import AcknowledgeFinding, FindingRaised, RaiseFinding
from ledger.govern import Actor, Order
from ledger.view import SYSTEM
from tests.api.http_client import Api, problem, serving

pytestmark = pytest.mark.anyio

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/v1/findings.atom"
NAMING = Naming("ledger.example.com/acme", "2026-01-01T00:00:00.000000Z", "https://itsm.example")


def raised(api: Api, position: int = 1, **more: Any) -> str:
    told = {**RaiseFinding.example, "first_position": position, "last_position": position, **more}
    command = RaiseFinding.model_validate(told)
    done = api.house.ledger.execute(Order(command, Actor(SYSTEM, "system")))
    return done.receipts[-1].subject


async def read(api: Api, query: str = "", **headers: str) -> ET.Element:
    answer = await api.client.get(FEED + query, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml"
    return ET.fromstring(answer.content)


def texts(element: ET.Element, name: str) -> list[str | None]:
    return [found.text for found in element.iter(ATOM + name)]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_a_finding_is_an_entry_with_what_rfc_4287_asks_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        subject = raised(api)
        entry = api.house.ledger.entries_of(subject)[0]

        feed = await read(api)

        born = str(api.house.ledger.entry(1).attributes["recordedtime"])
        (one,) = feed.findall(f"{ATOM}entry")
        recorded = entry.attributes["recordedtime"]
        assert one.findtext(f"{ATOM}id") == (
            f"tag:ledger.example.com,{born[:10]}:test/finding/FND0000001"
        )
        assert one.findtext(f"{ATOM}title") == f"[high] {RaiseFinding.example['rule']}: raised"
        assert one.findtext(f"{ATOM}published") == one.findtext(f"{ATOM}updated") == recorded
        link = one.find(f"{ATOM}link")
        assert link is not None
        assert link.get("href") == "http://ledger/v1/findings/FND0000001"
        summary = one.findtext(f"{ATOM}summary") or ""
        assert "change/CHG0010042" in summary
        assert RaiseFinding.example["sentence"] in summary
        for name in ("id", "title", "updated", "author"):
            assert feed.find(ATOM + name) is not None, name
        assert feed.findtext(f"{ATOM}updated") == recorded


async def test_the_newest_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        raised(api, 1)
        second, third = raised(api, 2), raised(api, 3)

        ids = texts(await read(api, "?limit=2"), "id")[1:]

        assert [str(one).rpartition(":test/")[2] for one in ids] == [third, second]


async def test_what_becomes_of_a_finding_updates_its_entry_and_keeps_its_id(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as api:
        subject = raised(api)
        (before,) = (await read(api)).findall(f"{ATOM}entry")

        api.house.ledger.execute(
            Order(AcknowledgeFinding(), Actor("principal/PRN0000002"), subject)
        )
        (after,) = (await read(api)).findall(f"{ATOM}entry")

        changed = api.house.ledger.entries_of(subject)[-1].attributes["recordedtime"]
        assert after.findtext(f"{ATOM}id") == before.findtext(f"{ATOM}id")
        assert after.findtext(f"{ATOM}published") == before.findtext(f"{ATOM}published")
        assert after.findtext(f"{ATOM}updated") == changed > before.findtext(f"{ATOM}updated")
        assert "acknowledged" in (after.findtext(f"{ATOM}summary") or "")


async def test_a_ledger_without_findings_has_a_feed(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        feed = await read(api)

        assert feed.findall(f"{ATOM}entry") == []
        assert feed.findtext(f"{ATOM}updated")


async def test_a_reader_that_knows_only_passwords_sends_the_token_as_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await read(api, Authorization=basic("anybody", api.token))

        for sent in (
            basic("anybody", "wrong"),
            basic("anybody", ""),
            basic(api.token, "wrong"),
            "Basic ???",
            "Basic",
            "",
        ):
            refused = await api.client.get(FEED, headers={"Authorization": sent})
            problem(refused, 401, "unauthenticated")
            assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")

        # Whatever else is wrong: who is not signed in learns nothing.
        problem(
            await api.client.get(f"{FEED}?limit=0", headers={"Authorization": ""}),
            401,
            "unauthenticated",
        )


async def test_nowhere_else_is_a_password_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        sent = {"Authorization": basic("anybody", api.token)}

        refused = await api.client.get("/v1/incidents", headers=sent)

        problem(refused, 401, "unauthenticated")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer realm=")


async def test_a_token_in_the_query_signs_nobody_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        refused = await api.client.get(f"{FEED}?token={api.token}", headers={"Authorization": ""})

        problem(refused, 401, "unauthenticated")


async def test_who_does_not_read_findings_reads_no_feed_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        narrow = api.token_for("principal/PRN0000002", "incident:read")

        problem(await api.client.get(FEED, headers=narrow), 403, "scope-missing")


async def test_what_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        raised(api, 1)
        first = await api.client.get(FEED)
        at_hand = {"If-None-Match": first.headers["ETag"]}

        same = await api.client.get(FEED, headers=at_hand)
        raised(api, 2)
        other = await api.client.get(FEED, headers=at_hand)

        assert (same.status_code, same.content) == (304, b"")
        assert other.status_code == 200


async def test_a_feed_is_well_formed_whatever_a_finding_says() -> None:
    state = FindingRaised.from_data(
        {**FindingRaised.example, "sentence": "<script>&amp;]]>\x00\x1b\ud7ff\uffff 'läuft'"}
    ).data()

    entry = entry_of(
        "finding/FND0000001", state, published=NAMING.born, updated=NAMING.born, naming=NAMING
    )
    feed = ET.fromstring(feed_document([entry], NAMING))

    assert "The rule: <script>&amp;]]>\ufffd\ufffd" in (
        feed.findtext(f".//{ATOM}entry/{ATOM}summary") or ""
    )


async def test_an_id_holds_no_letter_that_a_uri_does_not() -> None:
    assert Naming("ledger.example.com/büro 1", NAMING.born, "").tag("findings") == (
        "tag:ledger.example.com,2026-01-01:b%C3%BCro%201/findings"
    )
