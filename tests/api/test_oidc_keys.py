"""Keys that turn, and issuers that are away or not what they say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import JWKRegistry

from api.http import keeper
from tests.api.http_client import problem
from tests.api.issuer import Issuer
from tests.api.oidc_house import (
    MovingClock,
    ask,
    part,
    refusals,
    refused_as,
    trusting,
)

pytestmark = pytest.mark.anyio


async def test_keys_that_turn_are_taken_when_their_first_token_comes(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        before = issuer.token()
        assert (await ask(api, before)).status_code == 200

        issuer.turn()
        after = issuer.token()

        assert (await ask(api, after)).status_code == 200
        assert issuer.asked() == 2
        fresh_with_the_old_key = await ask(api, before)
        assert fresh_with_the_old_key.status_code in {200, 401}  # it was looked at a moment ago


async def test_a_key_that_is_gone_signs_nobody_in_however_long_its_tokens_last(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "STALE_SECONDS", 0.0)
    async with trusting(issuer, tmp_path) as api:
        before = issuer.token()
        assert (await ask(api, before)).status_code == 200
        issuer.turn()
        assert (await ask(api, issuer.token())).status_code == 200

        assert await refused_as(api, before) == "unknown-key"


async def test_a_flood_of_unknown_keys_does_not_reach_the_issuer(
    issuer: Issuer, tmp_path: Path
) -> None:
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock) as api:
        assert (await ask(api, issuer.token())).status_code == 200
        assert issuer.asked() == 1
        flood = [issuer.token(header={"kid": f"guess-{n}"}) for n in range(40)]

        answers = await asyncio.gather(*(ask(api, token) for token in flood))

        assert {answer.status_code for answer in answers} == {401}
        assert issuer.asked() == 2
        clock.passed += 11
        await ask(api, flood[0])
        await ask(api, flood[1])
        assert issuer.asked() == 3
        assert (await ask(api, issuer.token())).status_code == 200


async def test_many_at_once_wait_for_one_fetch(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        tokens = [issuer.token(jti=str(n)) for n in range(40)]

        answers = await asyncio.gather(*(ask(api, token) for token in tokens))

        assert {answer.status_code for answer in answers} == {200}
        assert issuer.asked() == issuer.asked("/.well-known/openid-configuration") == 1


async def test_keys_serve_while_the_issuer_is_away_and_no_longer_than_they_may(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "STALE_SECONDS", 0.0)
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock, oidc_keys_seconds=120) as api:
        used, unused = issuer.token(), issuer.token(jti="2")
        assert (await ask(api, used)).status_code == 200
        issuer.says(down=True)

        clock.passed += 100
        assert {(await ask(api, token)).status_code for token in (used, unused)} == {200}
        clock.passed += 25
        for token in (used, unused):
            closed = await ask(api, token)
            problem(closed, 503, "issuer-unavailable")
            assert closed.headers["Retry-After"]
            assert token not in closed.text
        assert (await api.client.get("/v1/holds")).status_code == 200  # a local token as ever

        issuer.says(down=False)
        clock.passed += 11
        assert (await ask(api, used)).status_code == 200


async def test_a_token_that_was_taken_is_taken_no_longer_than_it_says(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "STALE_SECONDS", 0.0)
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock) as api:
        token = issuer.token()
        for passed in (0, 200, 140):
            clock.passed += passed
            assert (await ask(api, token)).status_code == 200

        clock.passed += 30

        assert await refused_as(api, token) == "expired"


async def test_an_issuer_that_is_away_is_left_alone_for_a_while(
    issuer: Issuer, tmp_path: Path
) -> None:
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock) as api:
        issuer.says(down=True)
        for n in range(10):
            problem(await ask(api, issuer.token(jti=str(n))), 503, "issuer-unavailable")

        assert issuer.asked("/.well-known/openid-configuration") == 1
        assert (await refusals(api))["unreachable"] == 10


async def test_keys_are_fetched_ahead_before_they_may_serve_no_longer(
    issuer: Issuer, tmp_path: Path
) -> None:
    clock = MovingClock()
    async with trusting(issuer, tmp_path, clock=clock, oidc_keys_seconds=120) as api:
        for passed, fetched in ((0, 1), (50, 1), (20, 2)):
            clock.passed += passed
            assert (await ask(api, issuer.token(jti=str(passed)))).status_code == 200
            await _until(lambda asked=fetched: issuer.asked() == asked)

        issuer.says(down=True)
        clock.passed += 100
        assert (await ask(api, issuer.token(jti="170 s after the first"))).status_code == 200


async def _until(holds: Any) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [("max-age=30", 30), ("public, max-age=100000", 120), ("no-store", 10), ("max-age=0", 10)],
)
async def test_keys_serve_as_long_as_the_issuer_says_and_we_allow(
    issuer: Issuer, tmp_path: Path, cache_control: str, seconds: int
) -> None:
    clock = MovingClock()
    issuer.says(cache_control=cache_control)
    async with trusting(issuer, tmp_path, clock=clock, oidc_keys_seconds=120) as api:
        assert (await ask(api, issuer.token())).status_code == 200
        issuer.says(down=True)

        clock.passed += seconds - 5
        assert (await ask(api, issuer.token(jti="2"))).status_code == 200
        clock.passed += 6
        problem(await ask(api, issuer.token(jti="3")), 503, "issuer-unavailable")


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ({"issuer": "https://other.example.com"}, "discovery-names-another-issuer"),
        ({"keys_uri": "ftp://127.0.0.1/keys"}, "keys-at-an-unsafe-address"),
        ({"keys_uri": "http://keys.example.com/keys"}, "keys-at-an-unsafe-address"),
        ({"keys_uri": "http://[x/keys"}, "keys-at-an-unsafe-address"),
        ({"keys_uri": 5}, "keys-at-an-unsafe-address"),
        ({"redirect": "/other/keys"}, "redirected"),
        ({"redirect": "https://keys.example.com/keys"}, "redirected"),
        ({"keys_body": "<html>"}, "not-json"),
        ({"keys_body": "[" * 100_000}, "not-json"),
        ({"keys_body": " " * 1_100_000}, "too-large"),
        ({"keys_body": "[]"}, "no-usable-keys"),
        ({"keys_body": '{"keys": 5}'}, "no-usable-keys"),
        (
            {"keys_body": '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "key-1"}]}'},
            "no-usable-keys",
        ),
    ],
    ids=str,
)
async def test_an_issuer_that_cannot_be_asked_properly_signs_nobody_in(
    issuer: Issuer, tmp_path: Path, mode: dict[str, Any], outcome: str
) -> None:
    async with trusting(issuer, tmp_path) as api:
        issuer.says(**mode)

        problem(await ask(api, issuer.token()), 503, "issuer-unavailable")

        assert (await refusals(api)) == {outcome: 1}
        assert issuer.asked("/other/keys") == 0


async def test_one_bad_key_of_a_set_does_not_spoil_the_others(
    issuer: Issuer, tmp_path: Path
) -> None:
    bad = [
        5,
        {"kid": "a"},
        {"kid": "b", "kty": ["RSA"]},
        {"kid": "c", "kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kid": "d", "kty": "EC", "crv": "P-0", "x": "AA", "y": "AA"},
        {"kid": "e", "kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kid": "f", "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "RSA"},
    ]
    async with trusting(issuer, tmp_path) as api:
        issuer.says(keys_body=json.dumps({"keys": [*bad, *issuer.keys()]}))

        assert (await ask(api, issuer.token())).status_code == 200


async def test_a_short_key_is_none(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
        modulus = part(short.public_numbers().n.to_bytes(128, "big"))
        key = {"kty": "RSA", "kid": "key-1", "n": modulus, "e": "AQAB"}
        issuer.says(keys_body=json.dumps({"keys": [key]}))

        problem(await ask(api, issuer.token()), 503, "issuer-unavailable")

        assert await refusals(api) == {"no-usable-keys": 1}


async def test_a_key_for_encryption_signs_nobody_in(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        issuer.turn(use="enc")

        problem(await ask(api, issuer.token()), 503, "issuer-unavailable")


async def test_an_x25519_key_is_no_signing_key(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        issuer.turn("Ed25519")
        token = issuer.token()
        x25519 = JWKRegistry.generate_key("OKP", "X25519").as_dict(private=False)
        (named,) = issuer.keys()
        issuer.says(keys_body=json.dumps({"keys": [{**x25519, "kid": named["kid"]}]}))

        assert await refused_as(api, token) == "bad-signature"
