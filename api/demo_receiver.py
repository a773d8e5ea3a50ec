"""The demo's own receiver of webhooks: what is genuine it takes, each event once, and writes it to a file."""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from api.delivering.signing import PREFIX, signed_headers

HOST: Final = "127.0.0.1"
LARGEST_BYTES: Final = 1_048_576
FRESH_SECONDS: Final = 300


@contextmanager
def receiving(port: int, secret: str, file: Path) -> Iterator[None]:
    """Take deliveries until the end of the block. `secret`: as the registration told it. Raises OSError."""
    server = ThreadingHTTPServer((HOST, port), _handler(secret, file))
    thread = threading.Thread(target=server.serve_forever, name="receiver")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(secret: str, file: Path) -> type[BaseHTTPRequestHandler]:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    taken: set[str] = set()
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdigit() or int(length) > LARGEST_BYTES:
                self._answer(413 if length.isdigit() else 411)
                return
            body = self.rfile.read(int(length))
            if not self._is_genuine(body):
                self._answer(401)
                return
            with one_at_a_time:
                if self.headers["webhook-id"] not in taken:
                    with file.open("ab") as lines:
                        lines.write(body + b"\n")
                    taken.add(self.headers["webhook-id"])
            self._answer(204)

        def _is_genuine(self, body: bytes) -> bool:
            name, at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
            theirs = self.headers.get("webhook-signature", "").split(" ")
            if not at.isdigit() or abs(time.time() - int(at)) > FRESH_SECONDS:
                return False
            mine = signed_headers(name, int(at), body, [key])["webhook-signature"]
            return any(hmac.compare_digest(mine, one) for one in theirs)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """What comes is told by the file."""

    return Handler
