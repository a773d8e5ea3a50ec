"""An OpenID Connect issuer as a process of its own: discovery, keys, and tokens that it signs.

`python -m tests.api.issuer` prints its address. What only a test may ask stands under `/test`, and is neither
counted nor switched off: it signs what it is told to, turns its keys, goes away and comes back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import JWKRegistry, Key

ROOT = Path(__file__).parents[2]
AUDIENCE = "https://ledger.example.com"
KINDS: dict[str, tuple[str, Any]] = {
    "RSA": ("RSA", 2048),
    "P-256": ("EC", "P-256"),
    "P-384": ("EC", "P-384"),
    "P-521": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
}
ALGORITHM = {
    "RSA": "RS256",
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
    "Ed25519": "EdDSA",
}


@dataclass
class Issuer:
    """The process, as a test speaks to it."""

    url: str

    def token(
        self, subject: str = "ada", *, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """Signed with the newest key. Valid for five minutes unless `claims` say otherwise; None leaves one out."""
        now = int(time.time())
        said = {
            "iss": self.url, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 300, **claims
        }  # fmt: skip
        said = {name: value for name, value in said.items() if value is not None}
        told: str = self._ask("sign", {"claims": said, "header": header or {}})
        return told

    def turn(self, kind: str = "P-256", **about: Any) -> None:
        """A new key in the old one's place. `about` stands in the published key beside what it is."""
        self._ask("turn", {"kind": kind, "about": about})

    def says(self, **mode: Any) -> None:
        """`down`, `issuer`, `keys_uri`, `redirect`, `cache_control`, `keys_body`: until told otherwise."""
        self._ask("mode", mode)

    def asked(self, path: str = "/keys") -> int:
        """How often this was asked for since the last `reset`."""
        told: dict[str, int] = self._ask("asked", {})
        return told.get(path, 0)

    def keys(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self._ask("keys", {})
        return told

    def reset(self) -> None:
        """As it was when it began, with a new key."""
        self._ask("reset", {})

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        asked = urllib.request.Request(f"{self.url}/test/{what}", json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def issuer_process() -> Iterator[Issuer]:
    command = [sys.executable, "-m", "tests.api.issuer"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Issuer(process.stdout.readline().strip())
        finally:
            process.terminate()


class _House:
    """What the process keeps."""

    def __init__(self) -> None:
        self.kids = count(1)
        self.url = ""
        self.reset()

    def reset(self) -> None:
        self.asked: Counter[str] = Counter()
        self.mode: dict[str, Any] = {}
        self.turn("P-256", {})

    def turn(self, kind: str, about: dict[str, Any]) -> None:
        self.kid, self.kind, self.about = f"key-{next(self.kids)}", kind, about
        self.key: Key = JWKRegistry.generate_key(*KINDS[kind])

    def published(self) -> list[dict[str, Any]]:
        public: dict[str, Any] = {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig"}
        public |= self.about
        return [{name: value for name, value in public.items() if value is not None}]

    def sign(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        header = {"alg": ALGORITHM[self.kind], "kid": self.kid, **header}
        header = {name: value for name, value in header.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EdDSA, which leaves the curve open
            return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])


def _handler(house: _House) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            house.asked[self.path] += 1
            if house.mode.get("down"):
                self.close_connection = True
                return
            if self.path == "/.well-known/openid-configuration":
                named = house.mode.get("issuer", house.url)
                keys = house.mode.get("keys_uri", f"{house.url}/keys")
                self._answer({"issuer": named, "jwks_uri": keys})
            elif self.path == "/keys" and "redirect" in house.mode:
                self.send_response(302)
                self.send_header("Location", house.mode["redirect"])
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path == "/keys" and "keys_body" in house.mode:
                self._send(house.mode["keys_body"].encode())
            elif self.path.endswith("keys"):
                self._answer({"keys": house.published()})
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            match self.path:
                case "/test/sign":
                    self._answer(house.sign(told["claims"], told["header"]))
                case "/test/asked":
                    self._answer(house.asked)
                case "/test/keys":
                    self._answer(house.published())
                case "/test/turn":
                    house.turn(told["kind"], told["about"])
                    self._answer(None)
                case "/test/mode":
                    house.mode.update(told)
                    self._answer(None)
                case "/test/reset":
                    house.reset()
                    self._answer(None)

        def _answer(self, value: Any) -> None:
            self._send(json.dumps(value).encode())

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if "cache_control" in house.mode:
                self.send_header("Cache-Control", house.mode["cache_control"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name for it
            """Not a word: what it is asked is counted."""

    return Handler


def main() -> None:
    house = _House()
    served = ThreadingHTTPServer(("127.0.0.1", 0), _handler(house))
    house.url = f"http://127.0.0.1:{served.server_address[1]}"
    print(house.url, flush=True)
    served.serve_forever()


if __name__ == "__main__":
    main()
