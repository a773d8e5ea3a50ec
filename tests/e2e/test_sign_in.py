"""A served ledger and an issuer, each a process: keys turn while it runs, and its log never holds a token."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any

from api.compose import open_house
from domain.identity import LinkIdentity, UnlinkIdentity
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order
from tests.api.http_client import INCIDENT
from tests.api.issuer import AUDIENCE, Issuer, issuer_process
from tests.e2e.servers import Server, server


def asked(
    served: Server, token: str, method: str = "GET", path: str = "/v1/holds", body: Any = None
) -> int:
    """The status."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    headers = {**served.headers, "Authorization": f"Bearer {token}"}
    try:
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def reported(served: Server, token: str) -> int:
    return asked(served, token, "POST", "/v1/incidents", INCIDENT)


def ordered(served: Server, command: LinkIdentity | UnlinkIdentity) -> None:
    """By another process than the server."""
    house = open_house(served.settings)
    try:
        house.ledger.execute(Order(command, Actor(OPERATOR), FIRST_PERSON))
    finally:
        house.close()


def named_link(served: Server) -> str:
    house = open_house(served.settings)
    try:
        (named,) = house.ledger.subject(FIRST_PERSON).state["identities"]
        return str(named)
    finally:
        house.close()


def bad_tokens(issuer: Issuer) -> list[str]:
    good = issuer.token(jti="good once")
    header, claims, signature = good.split(".")
    return [
        issuer.token(exp=int(time.time()) - 3_600),
        issuer.token(aud="https://other.example.com"),
        issuer.token(sub="nobody-we-know"),
        issuer.token(header={"kid": "unknown-kid-in-this-token"}),
        f"{header}.{claims}.{signature[:-6]}",
        f"{header}.{claims}",
        f"{header[:-2]}.{claims}.{signature}",
        f"{header}.{claims}." + "a" * 9_000,
        "itl_LDG0000002_" + "b" * 32,
    ]


def test_signing_in_while_keys_turn_and_nothing_of_a_token_in_the_log(tmp_path: Path) -> None:
    with (
        issuer_process() as issuer,
        server(tmp_path, oidc_issuers=issuer.url, oidc_audience=AUDIENCE) as served,
    ):
        served.start()
        ordered(served, LinkIdentity(issuer=issuer.url, subject="ada"))
        used = [issuer.token("ada")]
        assert reported(served, used[0]) == 201

        issuer.turn("RSA")
        used.append(issuer.token("ada"))

        assert reported(served, used[1]) == 201
        bad = bad_tokens(issuer)
        assert [asked(served, token) for token in bad] == [401] * len(bad)
        issuer.says(down=True)
        assert asked(served, issuer.token(header={"kid": "gone"})) in {401, 503}
        # Where no token belongs one may be sent as well.
        assert asked(served, used[0], path=f"/v1/holds?token={used[0]}") in {200, 401, 422}
        assert served.stop() == 0

        log = served.log.read_text()
        assert log.count("sign-in refused") >= 5
        for token in (*used, *bad, served.made.token):
            parts = [
                part for part in (token, *token.split("."), *token.split("_")) if len(part) > 12
            ]
            assert [part for part in parts if part in log] == []


def test_an_identity_that_another_process_unlinks_records_nothing_from_then_on(
    tmp_path: Path,
) -> None:
    with (
        issuer_process() as issuer,
        server(tmp_path, oidc_issuers=issuer.url, oidc_audience=AUDIENCE) as served,
    ):
        served.start()
        ordered(served, LinkIdentity(issuer=issuer.url, subject="ada"))
        token = issuer.token("ada")
        assert reported(served, token) == 201

        ordered(served, UnlinkIdentity(identity=named_link(served), reason="Left"))

        assert reported(served, token) in {
            401,
            403,
        }  # 403: it was still known, and asked for under the lock
        gone_by = time.monotonic() + 10
        while asked(served, token) != 401:
            assert time.monotonic() < gone_by
            time.sleep(0.1)
        ordered(served, LinkIdentity(issuer=issuer.url, subject="ada"))
        assert reported(served, token) == 201


def test_a_stream_ends_once_its_token_cannot_be_checked_any_more(tmp_path: Path) -> None:
    trust = {"oidc_audience": AUDIENCE, "oidc_keys_seconds": 1}
    with issuer_process() as issuer, server(tmp_path, oidc_issuers=issuer.url, **trust) as served:
        served.start()
        ordered(served, LinkIdentity(issuer=issuer.url, subject="ada"))
        token = issuer.token("ada")
        stream = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        stream.request("GET", "/v1/events/stream", headers={"Authorization": f"Bearer {token}"})
        answer = stream.getresponse()
        assert answer.status == 200

        issuer.says(down=True)
        closed_by = time.monotonic() + 20
        while asked(served, token) != 503:
            assert time.monotonic() < closed_by
            time.sleep(0.1)
        assert (
            reported(served, served.made.token) == 201
        )  # so that the stream has something to tell

        assert b"itsm.ledger.created.v1" in answer.read()
        stream.close()
        assert served.stop() == 0
        assert '"exception"' not in served.log.read_text()
