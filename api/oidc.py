"""OpenID Connect bearer tokens: signed by a trusted issuer, meant for this ledger, and of this moment.

What a token says of its bearer beyond `iss` and `sub` is not looked at: who that is, and what they may do,
stands in the ledger. Neither a token nor a part of one is ever told, not even in an exception.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from joserfc import jws
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import Key
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from api.errors import refused_sign_in
from api.identity import LONGEST_TOKEN
from api.oidc_fetch import may_be_asked
from api.oidc_keys import IssuerKeys
from domain.errors import Malformed
from domain.event import Json
from ledger.clock import Clock
from ledger.identified import Identified

KEPT_TOKENS: Final = 10_000
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""Never `none`, and none whose verifying key could also sign."""
_SUBJECT: Final = re.compile(r"[ -~]{1,255}")


class _EdDSA(EdDSAAlgorithm):
    """The library warns that this name leaves the curve open (RFC 9864). The issuer's key closes it."""

    security_warning = ""


class _Algorithms(jws.JWSRegistry):
    """What a token may be signed with. For what is not here there is no code to run."""

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)
        self.max_header_length = LONGEST_TOKEN
        known = jws.JWSRegistry.algorithms
        self.algorithms = {name: known[name] for name in ALGORITHMS} | {"EdDSA": _EdDSA()}


_REGISTRY: Final = _Algorithms()


@dataclass(slots=True)
class SignedIdentity:
    """What a verified token says: whom an issuer calls `subject`, until `until` (seconds since 1970).

    `found`: whom that led to when it was last asked, which may have changed since.
    """

    issuer: str
    subject: str
    until: int
    kid: str
    key: Key
    found: Identified | None = None


class Issuers:
    """The trusted issuers, their keys, and the tokens that were verified. Safe from several threads.

    `clock`: ours; tokens may be `skew_seconds` off it. `scopes`: what a token of theirs is good for.
    """

    def __init__(
        self,
        issuers: Iterable[str],
        *,
        audience: str,
        scopes: frozenset[str],
        skew_seconds: int,
        keys_seconds: float,
        clock: Clock,
    ) -> None:
        """Raises Malformed for an issuer that could not be asked safely."""
        named = tuple(issuers)
        for issuer in named:
            if not may_be_asked(issuer):
                raise Malformed(
                    f"expected an issuer's https URL (http on the loopback address only), got {issuer!r}"
                )
        self.scopes = scopes
        self._audience, self._skew_seconds = audience, skew_seconds
        self._fetching = ThreadPoolExecutor(max(1, len(named)), thread_name_prefix="issuer-keys")
        self._keys = {
            issuer: IssuerKeys(
                issuer,
                keys_seconds=keys_seconds,
                monotonic_seconds=clock.monotonic_seconds,
                fetching=self._fetching,
            )
            for issuer in named
        }
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, SignedIdentity] = OrderedDict()

    async def prepare(self, token: str) -> None:
        """Have the keys at hand that `check` will look for, without holding a thread up while they come.

        Raises Unauthenticated for what is no token of a trusted issuer.
        """
        kept = self._recall(_digest(token))
        asked = kept or self._read(token)
        fetch = self._keys[asked.issuer].needed(asked.kid)
        if fetch is not None:
            # Others wait for the same fetch: one client that leaves does not end it.
            await asyncio.shield(asyncio.wrap_future(fetch))

    def check(self, token: str, now: datetime) -> SignedIdentity:
        """What the token says, once it is known to be true. May wait for the issuer's keys.

        Raises Unauthenticated, and IssuerUnavailable when there are no keys to check it with.
        """
        seconds, digest = int(now.timestamp()), _digest(token)
        kept = self._recall(digest)
        if (
            kept is not None
            and seconds < kept.until
            and self._key(kept.issuer, kept.kid) is kept.key
        ):
            return kept
        read = self._read(token)
        key = self._key(read.issuer, read.kid)
        claims = read.verified(key)
        self._check_claims(claims, seconds)
        until = int(claims["exp"]) + self._skew_seconds
        signed = SignedIdentity(read.issuer, claims["sub"], until, read.kid, key)
        self._keep(digest, signed)
        return signed

    def close(self) -> None:
        self._fetching.shutdown(wait=False, cancel_futures=True)

    def _read(self, token: str) -> _Read:
        read = _Read.of(token)
        if read.issuer not in self._keys:
            raise refused_sign_in("issuer-not-trusted")
        return read

    def _key(self, issuer: str, kid: str) -> Key:
        keys = self._keys[issuer]
        fetch = keys.needed(kid)
        if fetch is not None:
            fetch.result()
        return keys.find(kid)

    def _check_claims(self, claims: dict[str, Json], seconds: int) -> None:
        """The issuer is the one whose key it was. Raises Unauthenticated."""
        expected = JWTClaimsRegistry(
            now=seconds,
            leeway=self._skew_seconds,
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            expected.validate(claims)
        except ExpiredTokenError:
            raise refused_sign_in("expired") from None
        except ClaimError as fault:
            raise refused_sign_in(_CLAIM_OUTCOMES.get(fault.claim, "unusable-claims")) from None
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise refused_sign_in("unusable-subject")

    def _recall(self, digest: bytes) -> SignedIdentity | None:
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None:
                self._kept.move_to_end(digest)
            return kept

    def _keep(self, digest: bytes, signed: SignedIdentity) -> None:
        with self._lock:
            self._kept[digest] = signed
            self._kept.move_to_end(digest)
            if len(self._kept) > KEPT_TOKENS:
                self._kept.popitem(last=False)


_CLAIM_OUTCOMES: Final[Mapping[str, str]] = {
    "aud": "wrong-audience",
    "nbf": "not-yet-valid",
    "iat": "not-yet-valid",
    "sub": "unusable-subject",
}


@dataclass(frozen=True, slots=True)
class _Read:
    """A token taken apart. Nothing of it is true before `verified`."""

    token: str
    issuer: str
    kid: str

    @classmethod
    def of(cls, token: str) -> _Read:
        """Raises Unauthenticated for what is no signed token as we take them."""
        if len(token) > LONGEST_TOKEN:
            raise refused_sign_in("too-long")
        header, claims, _ = token.split(".")
        said = _json_object(header)
        # Extensions that must be understood (RFC 7515, section 4.1.11) are not.
        if "crit" in said or "b64" in said or not isinstance(said.get("kid"), str):
            raise refused_sign_in("unusable-header")
        if said.get("alg") not in ALGORITHMS:
            raise refused_sign_in("algorithm-not-allowed")
        return cls(token, str(_json_object(claims).get("iss")), said["kid"])

    def verified(self, key: Key) -> dict[str, Json]:
        """Its claims. Raises Unauthenticated unless `key` signed them, by an algorithm the key is for."""
        try:
            signed = jws.deserialize_compact(self.token, key, registry=_REGISTRY)
        except (JoseError, ValueError):
            raise refused_sign_in("bad-signature") from None
        return _parsed(signed.payload)


def _json_object(part: str) -> dict[str, Json]:
    try:
        decoded = urlsafe_b64decode(part.encode("ascii"))
    except ValueError:
        raise refused_sign_in("malformed") from None
    return _parsed(decoded)


def _parsed(text: bytes) -> dict[str, Json]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise refused_sign_in("malformed") from None
    if not isinstance(value, dict):
        raise refused_sign_in("malformed")
    return value


def _digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()
