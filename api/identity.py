"""Who is there: the principal behind an API token, and what the token's scopes let it ask for.

What an actor may do to a subject is asked elsewhere (`domain.may`); scopes only narrow it per token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Literal

from api.errors import ScopeMissing, Unauthenticated
from domain.errors import MayNot, UnknownSubject
from domain.families import FAMILIES, Family
from domain.policy_schema import READ_PERSONAL
from ledger.genesis import ALL_SCOPES, OPERATOR
from ledger.govern import Actor, token_is_live
from ledger.ledger import Ledger
from ledger.reading import Readable

Right = Literal["read", "append", "administer"]

PERSONAL: Final = "personal"
"""The scope to see personal values."""
_TOKEN: Final = re.compile(r"itl_([A-Za-z0-9]{1,40})_[a-z2-7]{32}")
_NOBODY: Final = "the API token is unknown, revoked or expired"
"""Never says which of them: guessing must not pay."""
_ADMINISTERED: Final = frozenset({"principal", "role", "grant", "policy", "ledger"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was authenticated. `scopes`: `family:right` with `*` for every family, and `personal`.

    `readable`: what the policy lets them read, which a token's scopes only narrow; None: everything, for who
    can read the files themselves.
    """

    actor: Actor
    scopes: frozenset[str]
    readable: Readable | None = None

    def reaches(self, family: str, right: Right) -> bool:
        """`family` "*": every one of them."""
        return self._in_scope(family, right) and (right != "read" or self._may_read(family))

    def require(self, family: str, right: Right) -> None:
        """Raises ScopeMissing for the token, MayNot for the policy."""
        if not self._in_scope(family, right):
            raise ScopeMissing(
                f"this takes the scope {family}:{right}; the token has "
                f"{', '.join(sorted(self.scopes)) or 'none'}",
                scope=f"{family}:{right}",
            )
        if right == "read" and not self._may_read(family):
            missing = family if family != "*" else ", ".join(sorted(self._unreadable()))
            raise MayNot(
                f"{self.actor.principal} may not read {missing}",
                rules=(f"no-permit:{family}:read",),
            )

    def sees_personal(self, family: str) -> bool:
        if PERSONAL not in self.scopes:
            return False
        return self.readable is None or family in self.readable.families(READ_PERSONAL)

    def _in_scope(self, family: str, right: Right) -> bool:
        return f"{family}:{right}" in self.scopes or f"*:{right}" in self.scopes

    def _may_read(self, family: str) -> bool:
        if self.readable is None:
            return True
        return not self._unreadable() if family == "*" else family in self.readable.families()

    def _unreadable(self) -> frozenset[str]:
        if self.readable is None:
            return frozenset()
        return frozenset(FAMILIES) - self.readable.families()


LOCAL_OPERATOR: Final = Identity(Actor(OPERATOR, "system"), frozenset(ALL_SCOPES))
"""Whoever works on the machine itself, without a token: who can read the files can read all of it."""


def right_to_order(family: Family) -> Right:
    """What a command of the family takes: those that confer authority are administered."""
    return "administer" if family.name in _ADMINISTERED else "append"


def authenticate(ledger: Ledger, token: str, now: str) -> Identity:
    """The identity behind `token` at `now` (RFC 3339 UTC text). Raises Unauthenticated.

    A token says which subject holds its hash, so signing in reads one subject, by its cached fold.
    """
    named = _TOKEN.fullmatch(token)
    if named is None:
        raise Unauthenticated(_NOBODY)
    subject = f"ledger/{named[1]}"
    try:
        state = ledger.subject(subject).state
    except UnknownSubject:
        raise Unauthenticated(_NOBODY) from None
    digest = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    if not hmac.compare_digest(digest, str(state.get("token_hash"))):
        raise Unauthenticated(_NOBODY)
    if not token_is_live(state, now):
        raise Unauthenticated(_NOBODY)
    principal = str(state["principal"])
    scopes = frozenset(scope for scope, granted in state["scopes"].items() if granted)
    actor = Actor(principal, _authtype(ledger, principal), subject)
    return Identity(actor, scopes, Readable(ledger, actor))


def _authtype(ledger: Ledger, principal: str) -> str:
    """CloudEvents' word (Auth Context extension). Raises Unauthenticated for one that may not act."""
    try:
        state = ledger.subject(principal).state
    except UnknownSubject:
        raise Unauthenticated(_NOBODY) from None
    if state.get("status") != "registered":
        raise Unauthenticated(_NOBODY)
    return {"person": "user", "system": "system"}.get(str(state.get("kind")), "service_account")
