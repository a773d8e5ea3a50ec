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
from domain.errors import UnknownSubject
from domain.families import Family
from ledger.genesis import ALL_SCOPES, OPERATOR
from ledger.govern import Actor, token_is_live
from ledger.ledger import Ledger

Right = Literal["read", "append", "administer"]

PERSONAL: Final = "personal"
"""The right to see personal values."""
_TOKEN: Final = re.compile(r"itl_([A-Za-z0-9]{1,40})_[a-z2-7]{32}")
_NOBODY: Final = "the API token is unknown, revoked or expired"
"""Never says which of them: guessing must not pay."""
_ADMINISTERED: Final = frozenset({"principal", "ledger"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was authenticated. `scopes`: `family:right` with `*` for every family, and `personal`."""

    actor: Actor
    scopes: frozenset[str]

    def reaches(self, family: str, right: Right) -> bool:
        return f"{family}:{right}" in self.scopes or f"*:{right}" in self.scopes

    def require(self, family: str, right: Right) -> None:
        """Raises ScopeMissing."""
        if not self.reaches(family, right):
            raise ScopeMissing(
                f"this takes the scope {family}:{right}; the token has "
                f"{', '.join(sorted(self.scopes)) or 'none'}",
                scope=f"{family}:{right}",
            )

    @property
    def sees_personal(self) -> bool:
        return PERSONAL in self.scopes


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
    return Identity(Actor(principal, _authtype(ledger, principal), subject), scopes)


def _authtype(ledger: Ledger, principal: str) -> str:
    """CloudEvents' word (Auth Context extension). Raises Unauthenticated for one that may not act."""
    try:
        state = ledger.subject(principal).state
    except UnknownSubject:
        raise Unauthenticated(_NOBODY) from None
    if state.get("status") != "registered":
        raise Unauthenticated(_NOBODY)
    return {"person": "user", "system": "system"}.get(str(state.get("kind")), "service_account")
