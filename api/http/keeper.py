"""Who sent this request: bearer tokens, checked at most once a second each.

What is told here may be a second old. Appends ask again under the log's lock, so a revoked token never
records anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from typing import Final

from api.errors import Unauthenticated
from api.http.bodies import Headers
from api.http.cloudevents import Source
from api.identity import Identity, authenticate
from domain.errors import MayNot
from ledger.ledger import Ledger

STALE_SECONDS: Final = 1.0
KEPT_IDENTITIES: Final = 10_000
_BEARER: Final = re.compile(rb"[Bb]earer +([!-~]{1,200})")


@dataclass(frozen=True, slots=True)
class _Kept:
    identity: Identity
    until: float


class Keeper:
    """Keeps no token in memory, only its hash."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[bytes, _Kept] = {}
        self._sources: dict[str, tuple[Source, float]] = {}

    async def identify(self, headers: Headers) -> Identity:
        """Raises Unauthenticated."""
        sent = headers.get(b"authorization")
        bearer = None if sent is None else _BEARER.fullmatch(sent)
        if bearer is None:
            raise Unauthenticated("expected `Authorization: Bearer itl_…`")
        token = bearer[1]
        key = hashlib.sha256(token).digest()
        kept = self._kept.get(key)
        now = time.monotonic()
        if kept is not None and now < kept.until:
            return kept.identity
        identity = await asyncio.to_thread(self._look_up, token.decode("ascii"))
        if len(self._kept) >= KEPT_IDENTITIES:
            self._kept.clear()
        self._kept[key] = _Kept(identity, now + STALE_SECONDS)
        return identity

    async def source(self, identity: Identity) -> Source:
        """The observing source that is signed in. Raises MayNot for everybody else."""
        now = time.monotonic()
        principal = identity.actor.principal
        kept = self._sources.get(principal)
        if kept is None or kept[1] < now:
            source = await asyncio.to_thread(self._look_up_source, principal)
            kept = self._sources[principal] = (source, now + STALE_SECONDS)
        return kept[0]

    def _look_up_source(self, principal: str) -> Source:
        state = self._ledger.load(principal).state
        if state.get("mode") != "observe" or state.get("status") != "registered":
            raise MayNot(
                "only a source that is registered in observe mode states facts; give a command instead",
                rules=("observing-source",),
            )
        uri = state.get("source_uri")
        if not uri:
            raise MayNot(
                f"{principal} is registered without a source_uri; register the source with one",
                rules=("observing-source",),
            )
        return Source(principal, str(uri))

    def _look_up(self, token: str) -> Identity:
        return authenticate(self._ledger, token, self._ledger.now())
