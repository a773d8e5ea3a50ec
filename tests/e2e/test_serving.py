"""A served ledger, as clients meet it: streams, stops, and more connections than there is room for."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.compose import open_house
from api.http.connections import HEADER_LIMIT_BYTES
from domain.moments import from_text
from tests.api.http_client import INCIDENT
from tests.e2e.servers import Server, server


def _ask(
    served: Server, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    try:
        sent = None if body is None else orjson.dumps(body)
        connection.request(method, path, sent, {**served.headers, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class _Stream:
    """A reader of server-sent events."""

    def __init__(
        self, served: Server, last_event_id: str | None = None, authorization: str | None = None
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        headers = dict(served.headers)
        if authorization is not None:
            headers["Authorization"] = authorization
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", "/v1/events/stream", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.headers["content-type"].startswith("text/event-stream")

    def event(self) -> tuple[int, dict[str, Any]] | None:
        """The next event's id and data; None when the stream has ended."""
        told: dict[str, str] = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                told[name] = value
            elif "id" in told:
                return int(told["id"]), json.loads(told["data"])
            else:
                told = {}
        return None

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


def test_a_stream_tells_what_was_and_goes_on_with_what_comes(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        stream = _Stream(served)

        first = stream.event()
        assert first is not None
        assert (first[0], first[1]["type"]) == (1, "itsm.ledger.created.v1")
        status, body = _ask(served, "POST", "/v1/incidents", INCIDENT)
        assert status == 201
        position = orjson.loads(body)["position"]
        seen = [1]
        while seen[-1] < position:
            event = stream.event()
            assert event is not None
            seen.append(event[0])

        assert seen == list(range(1, position + 1))
        stream.close()


def test_a_stream_goes_on_where_the_client_left_off(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()

        stream = _Stream(served, last_event_id="3")

        event = stream.event()
        assert event is not None
        assert event[0] == 4
        stream.close()
        status, _ = _ask(served, "GET", "/v1/events/stream", **{"Last-Event-ID": "x"})
        assert status == 422


def test_a_stream_ends_once_its_token_is_revoked(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        status, body = _ask(
            served,
            "POST",
            "/v1/tokens",
            {"principal": "principal/PRN0000002", "scopes": ["*:read"]},
        )
        assert status == 201
        token = orjson.loads(body)["token"]
        stream = _Stream(served, authorization=f"Bearer {token}")

        _ask(served, "POST", f"/v1/tokens/{token.split('_')[1]}/revoke", {"reason": "Lost"})
        time.sleep(1.1)
        _ask(served, "POST", "/v1/incidents", INCIDENT)
        time.sleep(0.3)
        _ask(served, "POST", "/v1/incidents", INCIDENT)

        seen = []
        while (event := stream.event()) is not None:
            seen.append(event[1]["type"])
        assert seen.count("itsm.incident.reported.v1") <= 1
        stream.close()


def test_a_stop_ends_streams_and_answers_what_is_in_flight(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        stream = _Stream(served)
        answers: list[int] = []
        stopping = threading.Event()

        def append() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            body = orjson.dumps(INCIDENT)
            with closing(connection):
                while not stopping.is_set():
                    try:
                        connection.request("POST", "/v1/incidents", body, served.headers)
                        answer = connection.getresponse()
                    except (http.client.HTTPException, OSError):
                        # The connection was idle when the server closed it: nothing was taken.
                        return
                    answers.append(answer.status)
                    answer.read()

        threads = [threading.Thread(target=append) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        code = served.stop()
        stopping.set()
        for thread in threads:
            thread.join()

        assert code == 0
        assert time.monotonic() - began < 10
        assert set(answers) <= {201, 503}
        while stream.event() is not None:
            pass
        stream.close()
        house = open_house(served.settings)
        newest = house.ledger.checkpoints.newest()
        assert newest is not None
        assert newest[0] == house.ledger.head().size
        house.close()


def test_registers_follow_from_a_process_that_ends_with_its_server(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        assert served.process is not None
        _, body = _ask(served, "POST", "/v1/incidents", INCIDENT)
        position = orjson.loads(body)["position"]

        deadline = time.monotonic() + 30
        while True:
            status, body = _ask(served, "GET", "/v1/incidents")
            if status == 200 and orjson.loads(body)["position"] >= position:
                break
            assert time.monotonic() < deadline, body
            time.sleep(0.05)

        assert len(orjson.loads(body)["items"]) == 1
        tasks = Path(f"/proc/{served.process.pid}/task")
        children = " ".join(path.read_text() for path in tasks.glob("*/children")).split()
        keeping = [pid for pid in children if _is_running(pid, "spawn_main")]
        assert len(keeping) == 1
        served.kill()
        deadline = time.monotonic() + 10
        while _is_running(keeping[0], "spawn_main"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _is_running(pid: str, what: str) -> bool:
    try:
        return what in Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_thousands_of_parallel_connections_do_not_bring_it_down(tmp_path: Path) -> None:
    body = orjson.dumps(INCIDENT)

    async def one(served: Server) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        except OSError:
            return b"refused"
        head = "POST /v1/incidents HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
        head += f"Content-Length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            return (await reader.read())[:12]
        except OSError:
            return b"refused"
        finally:
            writer.close()

    async def many(served: Server) -> list[bytes]:
        return await asyncio.gather(*(one(served) for _ in range(2_000)))

    with server(tmp_path, connection_limit=100) as served:
        served.start()

        answers = asyncio.run(many(served))

        assert set(answers) <= {b"HTTP/1.1 201", b"HTTP/1.1 503", b"refused"}
        taken = answers.count(b"HTTP/1.1 201")
        assert taken >= 100
        assert answers.count(b"HTTP/1.1 503") > 0
        status, feed = _ask(served, "GET", "/v1/events?limit=1000&after=5")
        assert status == 200
        reported = [e for e in orjson.loads(feed) if e["type"] == "itsm.incident.reported.v1"]
        assert len(reported) == min(taken, 1000)


def test_connections_that_stay_silent_do_not_keep_others_out(tmp_path: Path) -> None:
    with server(tmp_path, connection_limit=50) as served:
        served.start()

        silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(80)]

        status, _ = _ask(served, "POST", "/v1/incidents", INCIDENT)
        assert status == 201
        more = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
        answer = more[-1].recv(12)
        assert answer == b"HTTP/1.1 503"
        for connection in (*silent, *more):
            connection.close()
        for _ in range(100):
            status, _ = _ask(served, "POST", "/v1/incidents", INCIDENT)
            if status == 201:
                break
            time.sleep(0.02)
        assert status == 201


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBig: " + b"x" * (HEADER_LIMIT_BYTES + 1) + b"\r\n\r\n",
        b"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_with_a_problem(tmp_path: Path, sent: bytes) -> None:
    with server(tmp_path) as served:
        served.start()
        with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
            connection.sendall(sent)

            answer = connection.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in answer
        assert _ask(served, "GET", "/healthz")[0] == 200


def test_a_body_that_stops_halfway_records_nothing(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        head = "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())

        with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
            connection.sendall(
                f"POST /v1/incidents HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 99\r\n\r\n".encode()
                + b'{"title": "x"'
            )

        status, feed = _ask(served, "GET", "/v1/events?limit=1000")
        assert status == 200
        assert b"itsm.incident.reported.v1" not in feed


def test_logs_hold_neither_tokens_nor_what_was_sent(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.start()
        _ask(served, "POST", "/v1/incidents", {**INCIDENT, "title": "Ada Lovelace's laptop"})
        _ask(served, "POST", "/v1/incidents", {"title": ["Ada Lovelace"]})
        _ask(served, "GET", "/v1/incidents?q=Lovelace")
        served.stop()

        logged = served.log.read_text()

        assert "listening" in logged
        assert served.made.token.split("_")[2] not in logged
        assert "Lovelace" not in logged


def test_what_is_due_is_ordered_while_it_serves(tmp_path: Path) -> None:
    """A freeze that ends while nobody looks is recorded as expired, as of its end."""
    with server(tmp_path) as served:
        served.start()
        end = datetime.now(UTC) + timedelta(seconds=2)
        interval = {"start": datetime.now(UTC).isoformat(), "end": end.isoformat()}
        said = {"title": "Books", "services": ["erp"], "interval": interval, "reason": "Closing"}
        status, answer = _ask(served, "POST", "/v1/freezes", said)
        assert status == 201, answer
        subject = orjson.loads(answer)["subject"].removeprefix("freeze/")

        deadline = time.monotonic() + 60
        while (state := orjson.loads(_ask(served, "GET", f"/v1/freezes/{subject}")[1])["state"])[
            "status"
        ] == "active":
            assert time.monotonic() < deadline, "nobody ended the freeze"
            time.sleep(0.1)

        assert state["status"] == "expired"
        history = orjson.loads(_ask(served, "GET", f"/v1/freezes/{subject}/history")[1])
        assert from_text(history["events"][-1]["time"]) == end
