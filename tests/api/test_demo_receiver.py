"""The demo's receiver takes what is genuine, each event once, and nothing else."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.delivering.signing import secret_text, signed_headers
from api.demo_receiver import HOST, LARGEST_BYTES, receiving
from tests.bench.serving import free_port

SECRET, BODY = b"s" * 32, b'{"type":"itsm.finding.raised.v1"}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "received.jsonl"


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    port = free_port()
    with receiving(port, secret_text(SECRET), file):
        yield f"http://{HOST}:{port}/findings"


def post(url: str, headers: dict[str, str], body: bytes = BODY) -> int:
    return httpx.post(url, headers=headers, content=body, trust_env=False).status_code


def test_an_event_that_comes_twice_is_taken_once(url: str, file: Path) -> None:
    now = int(time.time())

    first = post(url, signed_headers("LDG0000009-7", now, BODY, [b"other" * 8, SECRET]))
    again = post(url, signed_headers("LDG0000009-7", now, BODY, [SECRET]))

    assert (first, again) == (204, 204)
    assert file.read_bytes() == BODY + b"\n"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "LDG0000009-7", "webhook-timestamp": "soon", "webhook-signature": "v1,"},
        signed_headers("LDG0000009-7", int(time.time()), BODY, [b"x" * 32]),
        signed_headers("LDG0000009-7", int(time.time()) - 600, BODY, [SECRET]),
        signed_headers("LDG0000009-7", int(time.time()), BODY + b" ", [SECRET]),
    ],
)
def test_what_is_not_genuine_is_refused(url: str, file: Path, headers: dict[str, str]) -> None:
    assert post(url, headers) == 401
    assert not file.exists()


@pytest.mark.parametrize(("length", "status"), [(str(LARGEST_BYTES + 1), 413), ("-1", 411)])
def test_what_is_too_large_is_not_even_read(url: str, file: Path, length: str, status: int) -> None:
    there = urlsplit(url)
    connection = http.client.HTTPConnection(str(there.hostname), there.port, timeout=10)
    connection.putrequest("POST", there.path)
    connection.putheader("content-length", length)
    connection.endheaders()

    assert connection.getresponse().status == status
    assert not file.exists()
