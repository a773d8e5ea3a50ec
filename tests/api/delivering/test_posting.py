"""A receiver gets one request, and little of our time and memory, however it answers."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from api.delivering.addresses import NotAllowed
from api.delivering.posting import Patience, Poster
from api.delivering.signing import delivery_id, secret_text, signed_headers
from tests.api.delivering.certificates import authority_in, server_certificate
from tests.api.delivering.receivers import OK, Manner, Names, Receiver, answering, receiving

LOOPBACK = ["127.0.0.1"]
SHORT = Patience(connect_seconds=0.3, whole_seconds=0.6)
BODY = '{"specversion":"1.0","reason":"läuft"}'.encode()


def poster(**said: Any) -> Poster:
    told: dict[str, Any] = {"allow_private": True, "resolve": Names(LOOPBACK), "patience": SHORT}
    return Poster(**{**told, **said})


def posted(manner: Manner, **said: Any) -> tuple[str, Receiver]:
    async def story() -> tuple[str, Receiver]:
        async with receiving(manner) as receiver:
            outcome = await poster(**said).post(receiver.url, {"webhook-id": "one"}, BODY)
            return outcome, receiver

    return asyncio.run(story())


def test_what_arrives_is_the_body_byte_for_byte_at_the_url() -> None:
    outcome, receiver = posted(answering(OK))

    assert outcome == "delivered"
    (request,) = receiver.requests
    assert request.request_line == "POST /itsm?team=a HTTP/1.1"
    assert request.body == BODY
    assert request.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert request.headers["webhook-id"] == "one"
    assert request.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "delivered"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", "delivered"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "status-400"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status-503"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "gone"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "redirected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not-http"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"a" * 40_000, "not-http"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, "not-http"),
        (b"", "not-http"),
    ],
)
def test_what_came_of_it_is_a_word(answer: bytes, outcome: str) -> None:
    assert posted(answering(answer))[0] == outcome


def test_a_redirect_is_not_followed_wherever_it_leads() -> None:
    async def story() -> None:
        async with receiving(answering(OK)) as inner:
            moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/\r\n\r\n"
            async with receiving(answering(moved % inner.port)) as outer:
                assert await poster().post(outer.url, {}, BODY) == "redirected"

            assert inner.connections == 0

    asyncio.run(story())


def test_a_receiver_that_hangs_costs_no_more_than_the_time_for_one_request() -> None:
    async def hangs(writer: Any) -> None:
        await asyncio.sleep(60)

    assert posted(hangs)[0] == "timed-out"


def test_a_receiver_that_answers_a_byte_at_a_time_is_given_up() -> None:
    """Each byte comes in time, and the answer never."""

    async def drips(writer: Any) -> None:
        for _ in range(600):
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.1)

    assert posted(drips)[0] == "timed-out"


def test_an_answer_that_never_ends_is_not_read() -> None:
    written = 0

    async def endless(writer: Any) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            await writer.drain()
            written += 65_536

    assert posted(endless)[0] == "delivered"
    assert written < 64 * 65_536  # what the sockets' buffers hold


def test_nobody_listening_is_a_failure() -> None:
    async def story() -> str:
        async with receiving(answering(OK)) as receiver:
            pass
        return await poster().post(receiver.url, {}, BODY)

    assert asyncio.run(story()) == "unreachable"


def test_the_name_is_looked_up_once_and_what_it_led_to_is_connected_to() -> None:
    """A second look-up could be answered otherwise than the one that was checked."""
    names = Names(LOOPBACK, ["203.0.113.1"])

    outcome, _ = posted(answering(OK), resolve=names)

    assert outcome == "delivered"
    assert names.asked == ["hooks.example.com"]


def test_a_name_that_leads_home_after_its_registration_reaches_nobody() -> None:
    """DNS rebinding: public when it is checked, ours when it is delivered to."""
    names = Names(["8.8.8.8"], LOOPBACK)

    async def story() -> None:
        async with receiving(answering(OK)) as receiver:
            guarded = poster(allow_private=False, resolve=names)
            url = receiver.url.replace("http:", "https:")
            await guarded.check(url)

            assert await guarded.post(url, {}, BODY) == "address-not-allowed"
            assert receiver.connections == 0

    asyncio.run(story())


def test_a_name_that_is_never_answered_is_given_up() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return LOOPBACK

    assert posted(answering(OK), resolve=silent)[0] == "timed-out"
    with pytest.raises(NotAllowed, match="name-not-found"):
        asyncio.run(poster(resolve=silent).check("https://hooks.example.com"))


def over_tls(directory: Path, name: str) -> Coroutine[Any, Any, str]:
    authority = authority_in(directory)
    server = server_certificate(authority, name)
    trusting = ssl.create_default_context(cafile=str(authority.certificate_file))

    async def story() -> str:
        async with receiving(answering(OK), tls=server) as receiver:
            sender = poster(tls=trusting, patience=Patience(5, 5))
            return await sender.post(f"https://hooks.example.com:{receiver.port}/", {}, BODY)

    return story()


def test_the_certificate_is_asked_for_in_the_name_of_the_url(tmp_path: Path) -> None:
    assert asyncio.run(over_tls(tmp_path, "hooks.example.com")) == "delivered"


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    assert asyncio.run(over_tls(tmp_path, "other.example.com")) == "certificate-refused"


def test_a_receiver_that_checks_by_the_standard_takes_it() -> None:
    secret, message = b"s" * 32, delivery_id("ledger/LDG0000007", 1841)
    now = int(time.time())

    headers = signed_headers(message, now, BODY, [secret])

    assert message == "LDG0000007-1841"
    assert Webhook(secret_text(secret)).verify(BODY, headers)["reason"] == "läuft"


def test_while_a_secret_is_replaced_either_of_both_is_taken() -> None:
    now = int(time.time())
    headers = signed_headers("one", now, BODY, [b"n" * 32, b"o" * 32])

    for secret in (b"n" * 32, b"o" * 32):
        Webhook(secret_text(secret)).verify(BODY, headers)


def test_a_changed_body_id_or_time_is_not_taken() -> None:
    now = int(time.time())
    headers = signed_headers("one", now, BODY, [b"s" * 32])
    checking = Webhook(secret_text(b"s" * 32))

    for told, body in (
        (headers, BODY.replace(b"1.0", b"1.1")),
        ({**headers, "webhook-id": "two"}, BODY),
        ({**headers, "webhook-timestamp": str(now - 1)}, BODY),
        (signed_headers("one", now, BODY, [b"t" * 32]), BODY),
    ):
        with pytest.raises(Exception, match="No matching signature"):
            checking.verify(body, told)
