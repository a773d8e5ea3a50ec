"""Tokens that sign nobody in: each for a reason of its own, and to the client all alike."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, JWKRegistry

from api.oidc import Issuers
from ledger.genesis import FIRST_PERSON
from tests.api.http_client import serving
from tests.api.issuer import AUDIENCE, Issuer
from tests.api.oidc_house import (
    SKEW_SECONDS,
    MovingClock,
    ask,
    claims_of,
    from_now,
    header_of,
    link,
    part,
    refused_as,
    trusting,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({"exp": -SKEW_SECONDS - 1}, "expired"),
        ({"nbf": SKEW_SECONDS + 20}, "not-yet-valid"),
        ({"iat": SKEW_SECONDS + 20}, "not-yet-valid"),
    ],
)
async def test_beyond_the_skew_it_is_not_of_this_moment(
    issuer: Issuer, tmp_path: Path, claims: dict[str, int], outcome: str
) -> None:
    async with trusting(issuer, tmp_path) as api:
        assert await refused_as(api, issuer.token(**from_now(claims))) == outcome


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({"aud": "https://other.example.com"}, "wrong-audience"),
        ({"aud": ["https://other.example.com"]}, "wrong-audience"),
        ({"aud": AUDIENCE + "/"}, "wrong-audience"),
        ({"aud": {AUDIENCE: True}}, "wrong-audience"),
        ({"aud": None}, "wrong-audience"),
        ({"iss": "https://other.example.com"}, "issuer-not-trusted"),
        ({"iss": None}, "issuer-not-trusted"),
        ({"iss": ["x"]}, "issuer-not-trusted"),
        ({"exp": None}, "unusable-claims"),
        ({"exp": "2999-01-01"}, "unusable-claims"),
        ({"exp": True}, "unusable-claims"),
        ({"exp": float("nan")}, "unusable-claims"),
        ({"sub": None}, "unusable-subject"),
        ({"sub": ""}, "unusable-subject"),
        ({"sub": 5}, "unusable-subject"),
        ({"sub": "a" * 256}, "unusable-subject"),
        ({"sub": "ada\n"}, "unusable-subject"),
        ({"sub": "Ada"}, "not-linked"),
        ({"sub": "a" * 255}, "not-linked"),
    ],
    ids=str,
)
async def test_what_it_says_has_to_fit(
    issuer: Issuer, tmp_path: Path, claims: dict[str, Any], outcome: str
) -> None:
    async with trusting(issuer, tmp_path) as api:
        assert await refused_as(api, issuer.token(**claims)) == outcome


async def test_an_issuers_address_is_compared_exactly(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        assert await refused_as(api, issuer.token(iss=issuer.url + "/")) == "issuer-not-trusted"


async def test_an_unsigned_token_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        good = issuer.token()
        claims = good.split(".")[1]
        for algorithm in ("none", "None", "", None, ["ES256"]):
            header = {**header_of(good), "alg": algorithm}
            for signature in ("", good.split(".")[2]):
                forged = f"{part(header)}.{claims}.{signature}"

                assert await refused_as(api, forged) == "algorithm-not-allowed"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        issuer.turn("RSA")
        good = issuer.token()
        (published,) = issuer.keys()
        secrets = [
            JWKRegistry.import_key(published).as_pem(private=False),  # type: ignore[union-attr]  # an RSA key has one
            published["n"].encode(),
            json.dumps(published).encode(),
        ]
        for secret in secrets:
            signing = f"{part({**header_of(good), 'alg': 'HS256'})}.{good.split('.')[1]}"
            signature = hmac.digest(secret, signing.encode(), "sha256")

            forged = f"{signing}.{part(signature)}"

            assert await refused_as(api, forged) == "algorithm-not-allowed"
        assert (await ask(api, good)).status_code == 200


async def test_another_key_under_the_same_name_signs_nobody_in(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        good = issuer.token()
        assert (await ask(api, good)).status_code == 200
        other = ECKey.generate_key("P-256")

        forged = jwt.encode(header_of(good), claims_of(good), other, algorithms=["ES256"])

        assert await refused_as(api, forged) == "bad-signature"


async def test_an_algorithm_that_the_key_is_not_for_is_refused(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with trusting(issuer, tmp_path) as api:
        issuer.turn("RSA", alg="RS256")
        good = issuer.token()
        assert (await ask(api, good)).status_code == 200

        for algorithm in ("PS256", "RS512"):
            token = issuer.token(header={"alg": algorithm})
            assert await refused_as(api, token) == "bad-signature"
        forged = f"{part({**header_of(good), 'alg': 'ES256'})}.{good.partition('.')[2]}"
        assert await refused_as(api, forged) == "bad-signature"


async def test_a_changed_or_truncated_token_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        good = issuer.token()
        header, claims, signature = good.split(".")
        assert (await ask(api, good)).status_code == 200
        raised = part({**claims_of(good), "sub": "mallory"})

        cases = {
            f"{header}.{raised}.{signature}": "bad-signature",
            good[:-3]: "bad-signature",
            f"{header}.{claims}.": "bad-signature",
            f"{header}.{claims[:-4]}.{signature}": "malformed",
            f"{header[:-4]}.{claims}.{signature}": "malformed",
            f"{header}.{claims}": "unknown-token",
            f"{good}.x": "unknown-token",
            f"{good}=": "bad-signature",
        }

        assert {token: await refused_as(api, token) for token in cases} == cases


async def test_what_is_no_token_at_all_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    async with trusting(issuer, tmp_path) as api:
        good = issuer.token()
        _, claims, signature = good.split(".")
        head = header_of(good)
        cases = {
            "..": "malformed",
            "a.b.c": "malformed",
            "é.b.c".encode().hex() + ".!!.c": "malformed",
            f"{part(b'nope')}.{claims}.{signature}": "malformed",
            f"{part(b'[]')}.{claims}.{signature}": "malformed",
            f"{part('alg')}.{claims}.{signature}": "malformed",
            f"{part(b'[' * 5_000)}.{claims}.{signature}": "malformed",
            f"{part(head)}.{part(b'[' * 5_000)}.{signature}": "malformed",
            f"{part(head)}.{part([])}.{signature}": "malformed",
            f"{part({**head, 'crit': ['exp'], 'exp': 1})}.{claims}.{signature}": "unusable-header",
            f"{part({**head, 'b64': False})}.{claims}.{signature}": "unusable-header",
            f"{part({**head, 'kid': 5})}.{claims}.{signature}": "unusable-header",
            f"{part({'alg': 'ES256'})}.{claims}.{signature}": "unusable-header",
            f"{part({**head, 'kid': 'a' * 9_000})}.{claims}.{signature}": "too-long",
            "a" * 8_193: "too-long",
        }

        assert {token: await refused_as(api, token) for token in cases} == cases


async def test_a_ledger_without_issuers_takes_no_tokens_of_theirs(
    issuer: Issuer, tmp_path: Path
) -> None:
    async with serving(tmp_path) as api:
        link(api, "ada", FIRST_PERSON, issuer.url)

        assert await refused_as(api, issuer.token()) == "unknown-token"
        assert issuer.asked() == 0


def test_of_a_token_only_its_hash_is_kept(issuer: Issuer) -> None:
    token = issuer.token()
    issuers = Issuers(
        [issuer.url],
        audience=AUDIENCE,
        scopes=frozenset(),
        skew_seconds=0,
        keys_seconds=60,
        clock=MovingClock(),
    )

    signed = issuers.check(token, datetime.now(UTC))

    issuers.close()
    assert signed.subject == "ada"
    assert list(issuers._kept) == [hashlib.sha256(token.encode()).digest()]
    assert token.split(".")[2] not in repr(signed)
