"""By what a principal signs in elsewhere: the subject that an OpenID Connect issuer calls it by.

The issuer stands in the entry as itself, the subject as a commitment: it is often a name or an address.
Several identities may lead to one principal, and each to one only; the ledger sees to that under its lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.acts import LEDGER
from domain.command import Case, Events, require
from domain.event import PERSONAL, Event, Json
from domain.principal import AboutPrincipal, PrincipalState

IdentityId = Annotated[str, StringConstraints(pattern=r"^IDN-[A-Za-z0-9._-]{1,64}$")]
Issuer = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=200)]
"""Its URL, exactly as its tokens name it (`iss`)."""
IssuerSubject = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,255}$"), PERSONAL]
"""Whom the issuer means (`sub`): at most 255 ASCII characters, as OpenID Connect Core has it."""

IDENTITY_IS_FREE: Final = "identity-is-free"
"""One identity leads to at most one principal. Asked under the lock (`ledger/identities.py`)."""


@with_config(ConfigDict(extra="forbid", strict=True))
class LinkedIdentity(TypedDict):
    issuer: Issuer
    subject: IssuerSubject


class SigningInState(PrincipalState, total=False):
    """A principal's state, with what leads to it from elsewhere."""

    identities: dict[IdentityId, LinkedIdentity]


class IdentityLinked(Event, family="principal", source=("registered",)):
    """Whoever the issuer calls by this subject signs in as this principal."""

    example: ClassVar[Mapping[str, Json]] = {
        "identities": {
            "IDN-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12": {
                "issuer": "https://login.example.com",
                "subject": "248289761001",
            }
        }
    }

    identities: dict[IdentityId, LinkedIdentity]


class IdentityUnlinked(Event, family="principal", source=("registered", "deactivated")):
    """The identity signs nobody in any more. Its id is never used again."""

    example: ClassVar[Mapping[str, Json]] = {
        "identities": {"IDN-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12": None}
    }

    identities: dict[IdentityId, None]


class LinkIdentity(AboutPrincipal, yields=IdentityLinked):
    """Let whoever signs in elsewhere, as an issuer's subject, act as this principal."""

    example: ClassVar[Mapping[str, Any]] = {
        "issuer": "https://login.example.com",
        "subject": "248289761001",
    }

    issuer: Issuer
    subject: IssuerSubject

    def reads(self) -> tuple[str, ...]:
        return (LEDGER,)

    def decide(self, case: Case) -> Events:
        comes_from_outside = case.state.get("kind") != "system"
        require(comes_from_outside, "not-the-system", "the system signs in nowhere", case)
        told = f"{case.subject} was erased; register whoever it is as a new principal"
        require(not is_erased(case.subject, case.states), "not-erased", told, case)
        linked = {"issuer": self.issuer, "subject": self.subject}
        return self.stating(identities={f"IDN-{case.new_id()}": linked})


class UnlinkIdentity(AboutPrincipal, yields=IdentityUnlinked):
    """Take a linked identity away, by its id: it signs nobody in from then on."""

    needs_reason = True
    example: ClassVar[Mapping[str, Any]] = {
        "identity": "IDN-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b12",
        "reason": "Moved to another login",
    }

    identity: IdentityId

    def decide(self, case: Case) -> Events:
        known = case.state.get("identities", {})
        told = f"{case.subject} has no identity {self.identity}"
        require(self.identity in known, "identity-linked", told, case)
        return self.stating(identities={self.identity: None})


def is_erased(principal: str, states: Mapping[str, Mapping[str, Json]]) -> bool:
    """Were the principal's personal values erased? `states` holds the ledger's own."""
    return principal in states.get(LEDGER, {}).get("erased", {})
