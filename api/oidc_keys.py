"""The keys of one issuer: kept while they may serve, and asked for anew when they turned."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from api.errors import IssuerUnavailable, refused_sign_in
from api.oidc_fetch import Fetched, NotFetched, fetch_keys
from domain.event import Json

ASK_AGAIN_SECONDS: Final = 10.0
"""How often at most an issuer is asked because of a failure, and because of a key that nobody knows."""
RSA_MODULUS_CHARACTERS: Final = 342
"""Of 2048 bits as base64url. RFC 7518, section 3.3 allows no shorter key."""
_log = logging.getLogger(__name__)


class IssuerKeys:
    """Safe from several threads. At most one fetch is under way, and everybody waits for the same.

    `keys_seconds`: how long keys serve at most once they were fetched; half of that later they are fetched
    ahead, so that an issuer that is away for a moment is not noticed. `monotonic_seconds`: the clock.
    """

    def __init__(
        self,
        issuer: str,
        *,
        keys_seconds: float,
        monotonic_seconds: Callable[[], float],
        fetching: Executor,
        fetch: Callable[[str], Fetched] = fetch_keys,
    ) -> None:
        self._issuer, self._keys_seconds, self._fetching = issuer, keys_seconds, fetching
        self._clock, self._fetch = monotonic_seconds, fetch
        self._lock = threading.Lock()
        self._keys: Mapping[str, Key] = {}
        self._serve_until = self._renew_from = float("-inf")
        self._asked_at = self._missed_at = float("-inf")
        self._failure: str | None = None
        self._under_way: Future[None] | None = None

    def needed(self, kid: str) -> Future[None] | None:
        """A fetch to wait for before `find` can tell of this key; None when it can at once."""
        with self._lock:
            now = self._clock()
            if self._under_way is None and self._is_due(kid, now):
                self._asked_at = now
                # It ends by taking the lock, so not before it is known to be under way.
                self._under_way = self._fetching.submit(self._ask)
            serves = now < self._serve_until and kid in self._keys
            return None if serves else self._under_way

    def find(self, kid: str) -> Key:
        """Raises Unauthenticated for a key that the issuer does not have, IssuerUnavailable when it cannot tell."""
        with self._lock:
            if self._clock() >= self._serve_until:
                raise IssuerUnavailable(self._issuer, self._failure or "not-asked-yet")
            key = self._keys.get(kid)
            if key is not None:
                return key
            if self._failure is not None:
                raise IssuerUnavailable(self._issuer, self._failure)
            raise refused_sign_in("unknown-key")

    def _is_due(self, kid: str, now: float) -> bool:
        """The lock is held."""
        if now >= self._serve_until or self._failure is not None:
            return now - self._asked_at >= ASK_AGAIN_SECONDS
        if kid not in self._keys and now - self._missed_at >= ASK_AGAIN_SECONDS:
            self._missed_at = now
            return True
        return now >= self._renew_from

    def _ask(self) -> None:
        failure: str | None = "fault"
        seconds, keys = 0.0, self._keys
        try:
            fetched = self._fetch(self._issuer)
            keys, seconds = usable_keys(fetched.value), self._seconds(fetched.max_age_seconds)
            failure = None
        except NotFetched as reason:
            failure = reason.outcome
            _log.warning("the keys of an issuer were not had: %s: %s", self._issuer, failure)
        finally:
            with self._lock:
                self._failure, self._under_way = failure, None
                if failure is None:
                    now = self._clock()
                    self._keys = keys
                    self._serve_until, self._renew_from = now + seconds, now + seconds / 2

    def _seconds(self, max_age_seconds: int | None) -> float:
        if max_age_seconds is None:
            return self._keys_seconds
        # Not less than what an issuer is left alone for, or each request would have to ask.
        return min(self._keys_seconds, max(max_age_seconds, ASK_AGAIN_SECONDS))


def usable_keys(jwk_set: Json) -> Mapping[str, Key]:
    """The public keys that sign, by `kid`; of two with one name the first. Raises NotFetched if there is none."""
    told = jwk_set.get("keys") if isinstance(jwk_set, dict) else None
    keys: dict[str, Key] = {}
    for jwk in told if isinstance(told, list) else ():
        key = _usable(jwk)
        if key is not None:
            keys.setdefault(jwk["kid"], key)
    if not keys:
        raise NotFetched("no-usable-keys")
    return keys


def _usable(jwk: Any) -> Key | None:
    """None for a key that we have no use for: the others of the set may be all that is needed."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        return None
    if jwk.get("kty") not in ("RSA", "EC", "OKP") or jwk.get("use", "sig") != "sig":
        return None
    if jwk["kty"] == "RSA" and len(str(jwk.get("n"))) < RSA_MODULUS_CHARACTERS:
        return None
    try:
        return JWKRegistry.import_key(jwk)
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
