"""Which linked identity leads to whom, as a commit sees it. The vault's index finds the principal; the log decides.

The index is durable before the log is, and may name somebody whose link was never recorded. So whom it names
counts only if that principal's state holds a commitment to this very subject, and was not erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from domain.errors import CanNot
from domain.event import Json, State
from domain.identity import IDENTITY_IS_FREE
from ledger.entry import Draft
from ledger.seals import Sealer
from ledger.states import Loaded
from ledger.vault import Vault

Name = tuple[str, str]
"""(subject, issuer): a name and who knows it, as the vault's index has it."""


class Link(NamedTuple):
    """The id of a principal's link, and the commitment in its state that holds the issuer's subject."""

    identity: str
    commitment: str


class Stands(Protocol):
    """Subjects in two states: with what this commit adds so far, and as the log was before it."""

    def load(self, subject: str) -> Loaded: ...

    def stored(self, subject: str) -> Loaded: ...


def link_in(state: State, issuer: str, says: Callable[[str], bool]) -> Link | None:
    """The link of this principal by which `issuer` means it. `says`: is this a commitment to the subject?"""
    for identity, linked in state.get("identities", {}).items():
        if linked["issuer"] == issuer and says(linked["subject"]):
            return Link(identity, linked["subject"])
    return None


class IdentityIndex:
    """Keeps one identity from leading to two principals, and writes what leads where into the vault."""

    def __init__(self, vault: Vault, sealer: Sealer, stands: Stands) -> None:
        self._vault, self._sealer, self._stands = vault, sealer, stands
        self._linked: dict[Name, str] = {}

    def free(self, draft: Draft) -> list[tuple[Name, str]]:
        """What the draft links, and to whom. Raises CanNot for an identity that leads to somebody already."""
        linked = [
            ((one["subject"], one["issuer"]), draft.subject)
            for one in draft.data["identities"].values()
        ]
        for name, principal in linked:
            if any(self._holds(holder, name) for holder in self._indexed(name)):
                # Who holds it is not told: it would tell a name to who only guessed it.
                raise CanNot(
                    "this identity is linked to a principal; unlink it there first",
                    rules=(IDENTITY_IS_FREE,),
                    subject=principal,
                )
        return linked

    def take(self, linked: Iterable[tuple[Name, str]]) -> None:
        """They are part of the commit."""
        self._linked.update(linked)

    def write(self) -> None:
        """Durably, and so before the log."""
        if self._linked:
            self._vault.add_names((*name, principal) for name, principal in self._linked.items())

    def _indexed(self, name: Name) -> Iterator[str]:
        """Who may hold it, by this commit and by the vault, where another process may have written."""
        if name in self._linked:
            yield self._linked[name]
        known = self._vault.principal_named(*name, anew=True)
        if known is not None:
            yield known

    def _holds(self, principal: str, name: Name) -> bool:
        """Now or before this commit: until it is recorded that a link ended, the index has to lead there."""
        subject, issuer = name
        return any(
            link_in(loaded.state, issuer, self._says(loaded, subject)) is not None
            for loaded in (self._stands.load(principal), self._stands.stored(principal))
        )

    def _says(self, loaded: Loaded, subject: Json) -> Callable[[str], bool]:
        return lambda commitment: self._sealer.says(loaded, commitment, subject)
