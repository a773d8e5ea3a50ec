"""Who sent this request: bearer tokens, checked at most once a second each.

What is told here may be a second old where another process ended a sign-in; what this one recorded counts at
once. Appends ask again under the log's lock, so a token that was revoked, an identity that was unlinked or a
principal that was deactivated never records anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from api.errors import IssuerUnavailable, Unauthenticated, refused_sign_in
from api.http.bodies import Headers
from api.http.cloudevents import Source
from api.http.metrics import Metrics
from api.identity import LONGEST_TOKEN, Identity, authenticate, looks_like_jwt
from domain.errors import MayNot
from ledger.ledger import Ledger

if TYPE_CHECKING:
    from api.oidc import Issuers

STALE_SECONDS: Final = 1.0
KEPT_IDENTITIES: Final = 10_000
TOLD_SECONDS: Final = 10.0
"""How often at most one kind of refusal is logged. Metrics count each."""
_BEARER: Final = re.compile(rb"[Bb]earer +([!-~]+)")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    identity: Identity
    until: float


class Keeper:
    """Keeps no token in memory, only its hash, and never tells one."""

    def __init__(self, ledger: Ledger, issuers: Issuers | None, metrics: Metrics) -> None:
        self._ledger, self._issuers, self._metrics = ledger, issuers, metrics
        self._told: dict[str, float] = {}
        self._kept: dict[bytes, _Kept] = {}
        self._looking: dict[bytes, asyncio.Future[Identity]] = {}
        self._sources: dict[str, tuple[Source, float]] = {}

    async def identify(self, headers: Headers) -> Identity:
        """Raises Unauthenticated, or IssuerUnavailable for a token that cannot be checked."""
        try:
            token = _bearer(headers)
            key = hashlib.sha256(token).digest()
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() < kept.until and self._stands(kept.identity):
                return kept.identity
            return await self._looked_up(key, token.decode("ascii"))
        except (Unauthenticated, IssuerUnavailable) as refusal:
            self._tell(refusal.outcome)
            raise

    def _stands(self, identity: Identity) -> bool:
        """Has nothing that it rests on been recorded anew, as far as this process knows?"""
        version_at_hand = self._ledger.version_at_hand
        return all(version_at_hand(subject) <= version for subject, version in identity.rests_on)

    async def _looked_up(self, key: bytes, token: str) -> Identity:
        """One look for all who ask at the same time: a busy client's requests all find it stale together."""
        under_way = self._looking.get(key)
        if under_way is not None:
            with suppress(Unauthenticated, IssuerUnavailable):
                identity = await asyncio.shield(under_way)
                if self._stands(identity):
                    return identity
            # What was recorded since that look began counts for this request: it looks itself.
        looking = self._looking[key] = asyncio.ensure_future(self._look(key, token))
        looking.add_done_callback(partial(self._looked, key))
        # A client that leaves does not end the look that others wait for.
        return await asyncio.shield(looking)

    def _looked(self, key: bytes, look: asyncio.Future[Identity]) -> None:
        if self._looking.get(key) is look:
            del self._looking[key]
        if not look.cancelled():
            look.exception()  # whoever waited was told; perhaps all of them left

    async def _look(self, key: bytes, token: str) -> Identity:
        now = time.monotonic()
        if self._issuers is not None and looks_like_jwt(token):
            await self._issuers.prepare(token)
        identity = await asyncio.to_thread(self._look_up, token)
        if len(self._kept) >= KEPT_IDENTITIES:
            self._kept.clear()
        self._kept[key] = _Kept(identity, now + STALE_SECONDS)
        return identity

    def _tell(self, outcome: str) -> None:
        self._metrics.sign_in_refused(outcome)
        now = time.monotonic()
        if now >= self._told.get(outcome, now):
            self._told[outcome] = now + TOLD_SECONDS
            _log.warning("sign-in refused", outcome=outcome)

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
        return authenticate(self._ledger, token, self._ledger.now(), self._issuers)


def _bearer(headers: Headers) -> bytes:
    """Raises Unauthenticated."""
    sent = headers.get(b"authorization")
    bearer = None if sent is None else _BEARER.fullmatch(sent)
    if bearer is None:
        raise Unauthenticated("expected `Authorization: Bearer …`")
    if len(bearer[1]) > LONGEST_TOKEN:
        raise refused_sign_in("too-long")
    return bearer[1]
