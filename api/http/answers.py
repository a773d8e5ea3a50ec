"""What goes back: receipts, problems, and JSON as orjson writes it."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from api.errors import RETRY_AFTER_SECONDS, Unauthenticated, problem_of
from api.http.bodies import JSON
from domain.errors import LedgerError
from domain.event import Json
from ledger.view import Receipt

PROBLEM: Final = "application/problem+json"


class JsonAnswer(Response):
    """Takes bytes that are JSON already, or a value to be written as JSON.

    Sets up no more than an answer needs: Starlette's own way takes a tenth of an append.
    """

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = JSON,
    ) -> None:
        self.body = content if isinstance(content, bytes) else orjson.dumps(content)
        self.status_code, self.background = status_code, None
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", media_type.encode("latin-1")),
        ]
        if headers:
            self.raw_headers += [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in headers.items()
            ]


def problem_answer(error: LedgerError, headers: Mapping[str, str] | None = None) -> JsonAnswer:
    """RFC 9457. Says how to sign in (401) and when to come again (503)."""
    problem = problem_of(error)
    told = dict(headers or {})
    if isinstance(error, Unauthenticated):
        told["WWW-Authenticate"] = error.challenge
    if problem["status"] == 503:
        told["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return JsonAnswer(problem, problem["status"], told, PROBLEM)


def receipt_json(receipt: Receipt) -> dict[str, Json]:
    """`leaf_hash` is base64, as tlog-proof and tlog-checkpoint write hashes."""
    return {
        "position": receipt.position,
        "subject": receipt.subject,
        "version": receipt.version,
        "type": receipt.type,
        "id": receipt.id,
        "recordedtime": receipt.recordedtime,
        "leaf_hash": b2a_base64(receipt.leaf_hash, newline=False).decode("ascii"),
    }


def receipts_json(receipts: Sequence[Receipt]) -> dict[str, Json]:
    """The receipt of the last event; what was recorded together with it, before it, stands in `also`."""
    told = receipt_json(receipts[-1])
    if len(receipts) > 1:
        told["also"] = [receipt_json(receipt) for receipt in receipts[:-1]]
    return told
