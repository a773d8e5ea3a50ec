"""Who is there: the principal behind an API token or an issuer's, and what its scopes let it ask for.

What an actor may do to a subject is asked elsewhere (`domain.may`); scopes only narrow it per token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from api.errors import ScopeMissing, refused_sign_in
from domain.acts import LEDGER
from domain.errors import Malformed, MayNot
from domain.families import FAMILIES, Family
from domain.identity import is_erased
from domain.moments import from_text
from domain.policy_schema import READ_PERSONAL
from ledger.genesis import ALL_SCOPES, OPERATOR
from ledger.govern import Actor, token_is_live
from ledger.identified import identified, is_linked
from ledger.ledger import Ledger
from ledger.reading import Readable
from ledger.states import Loaded

if TYPE_CHECKING:
    from api.oidc import Issuers, SignedIdentity

Right = Literal["read", "append", "administer"]
RIGHTS: Final = get_args(Right)

PERSONAL: Final = "personal"
"""The scope to see personal values."""
_PRINCIPAL: Final = re.compile(r"principal/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TOKEN: Final = re.compile(r"itl_([A-Za-z0-9]{1,40})_[a-z2-7]{32}")
LONGEST_TOKEN: Final = 8_192
"""Characters. What is longer is not looked at."""
_NOT_OURS: Final = "unknown-token"
"""What the operator is told, whatever is wrong with a token of our own."""
_ADMINISTERED: Final = frozenset({"principal", "role", "grant", "policy", "ledger"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was authenticated. `scopes`: `family:right` with `*` for every family, and `personal`.

    `readable`: what the policy lets them read, which a token's scopes only narrow; None: everything, for who
    can read the files themselves.
    `rests_on`: the subjects that say so, each with the version it had.
    """

    actor: Actor
    scopes: frozenset[str]
    rests_on: tuple[tuple[str, int], ...] = ()
    readable: Readable | None = None

    def acting_for(self, holder: str | None) -> Identity:
        """The same, acting on behalf of `holder` (`principal/…`) if that is anybody. Raises Malformed.

        Scopes narrow it as before; whether it may is asked when the order is decided.
        """
        if holder is None:
            return self
        if not _PRINCIPAL.fullmatch(holder):
            raise Malformed("expected on whose behalf as a principal's id: principal/PRN0000012")
        return replace(self, actor=replace(self.actor, on_behalf_of=holder))

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


def check_scope(scope: str) -> None:
    """Raises Malformed for what is no scope."""
    family, _, right = scope.partition(":")
    known = (family == "*" or family in FAMILIES) and right in RIGHTS
    if not known and scope != PERSONAL:
        raise Malformed(
            f"expected a scope such as incident:read, *:append or personal, got {scope!r}; "
            f"families: {', '.join(FAMILIES)}; rights: {', '.join(RIGHTS)}",
            scope=scope,
        )


def right_to_order(family: Family) -> Right:
    """What a command of the family takes: those that confer authority are administered."""
    return "administer" if family.name in _ADMINISTERED else "append"


def authenticate(ledger: Ledger, token: str, now: str, issuers: Issuers | None = None) -> Identity:
    """The identity behind `token` at `now` (RFC 3339 UTC text). Raises Unauthenticated, IssuerUnavailable.

    An API token of ours is told from an issuer's by its form.
    """
    named = _TOKEN.fullmatch(token)
    if named is not None:
        return _by_own_token(ledger, token, f"ledger/{named[1]}", now)
    if issuers is None or not looks_like_jwt(token):
        raise refused_sign_in(_NOT_OURS)
    return _by_issuer(ledger, issuers.check(token, from_text(now)), issuers.scopes)


def looks_like_jwt(token: str) -> bool:
    """Three parts with dots in between. A token of ours has none."""
    return token.count(".") == 2


def _by_own_token(ledger: Ledger, token: str, subject: str, now: str) -> Identity:
    """A token says which subject holds its hash, so signing in reads that, by its cached fold."""
    held = ledger.load(subject)
    digest = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    if not hmac.compare_digest(digest, str(held.state.get("token_hash"))):
        raise refused_sign_in(_NOT_OURS)
    if not token_is_live(held.state, now):
        raise refused_sign_in(_NOT_OURS)
    principal = str(held.state["principal"])
    acting = ledger.load(principal)
    scopes = frozenset(scope for scope, granted in held.state["scopes"].items() if granted)
    actor = Actor(principal, _authtype(acting), subject)
    rests_on = ((subject, held.version), (principal, acting.version))
    return Identity(actor, scopes, rests_on, Readable(ledger, actor))


def _by_issuer(ledger: Ledger, signed: SignedIdentity, scopes: frozenset[str]) -> Identity:
    """Nobody is registered on the way: an identity that is not linked signs nobody in."""
    found, own = signed.found, ledger.load(LEDGER)
    acting = ledger.load(found.principal) if found else None
    if found is None or acting is None or not is_linked(acting.state, found.link):
        found = signed.found = identified(ledger, signed.issuer, signed.subject)
        if found is None:
            raise refused_sign_in("not-linked")
        acting = ledger.load(found.principal)
    if is_erased(found.principal, {LEDGER: own.state}):
        raise refused_sign_in("not-linked")
    actor = Actor(found.principal, _authtype(acting), link=found.link.identity)
    rests_on = ((found.principal, acting.version), (LEDGER, own.version))
    return Identity(actor, scopes, rests_on, Readable(ledger, actor))


def _authtype(principal: Loaded) -> str:
    """CloudEvents' word (Auth Context extension). Raises Unauthenticated for one that may not act."""
    if principal.state.get("status") != "registered":
        raise refused_sign_in("principal-not-registered")
    return {"person": "user", "system": "system"}.get(
        str(principal.state.get("kind")), "service_account"
    )
