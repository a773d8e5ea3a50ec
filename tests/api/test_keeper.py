"""Signing in is looked up once for all who ask at the same time, and what was recorded since still counts."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from api.errors import Unauthenticated
from api.http import keeper
from api.http.keeper import Keeper
from api.http.metrics import Metrics
from api.identity import Identity, authenticate
from domain.acts import RevokeToken
from ledger.genesis import FIRST_PERSON, FIRST_TOKEN
from ledger.govern import Actor, Order
from tests.api.http_client import Api, serving

pytestmark = pytest.mark.anyio


class Looks:
    """Counts the looks into the ledger. The first one answers only when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.begun, self.let_go = 0, threading.Event(), threading.Event()
        monkeypatch.setattr(keeper, "authenticate", self)

    def __call__(self, *asked: Any) -> Identity:
        self.count += 1
        is_first = self.count == 1
        found = authenticate(*asked)
        if is_first:
            self.begun.set()
            assert self.let_go.wait(60)
        return found


def asked(at: Keeper, api: Api) -> asyncio.Task[Identity]:
    return asyncio.ensure_future(at.identify({b"authorization": f"Bearer {api.token}".encode()}))


async def test_many_requests_at_once_share_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as api:
        at, looks = Keeper(api.house.ledger, None, Metrics()), Looks(monkeypatch)

        waiting = [asked(at, api) for _ in range(32)]
        await asyncio.to_thread(looks.begun.wait, 60)
        looks.let_go.set()
        identities = await asyncio.gather(*waiting)

        assert {identity.actor.principal for identity in identities} == {FIRST_PERSON}
        assert looks.count == 1


async def test_a_client_that_leaves_takes_the_look_from_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as api:
        at, looks = Keeper(api.house.ledger, None, Metrics()), Looks(monkeypatch)
        first, second = asked(at, api), asked(at, api)
        await asyncio.to_thread(looks.begun.wait, 60)

        first.cancel()
        looks.let_go.set()

        assert (await second).actor.principal == FIRST_PERSON
        assert looks.count == 1


async def test_a_token_revoked_during_a_look_signs_in_nobody_who_asks_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as api:
        at, looks = Keeper(api.house.ledger, None, Metrics()), Looks(monkeypatch)
        before = asked(at, api)
        await asyncio.to_thread(looks.begun.wait, 60)
        revoke = Order(RevokeToken(reason="Lost"), Actor(FIRST_PERSON), FIRST_TOKEN)
        api.house.ledger.execute(revoke)

        after = asked(at, api)
        await asyncio.sleep(0)
        looks.let_go.set()

        assert (await before).actor.principal == FIRST_PERSON
        with pytest.raises(Unauthenticated):
            await after
