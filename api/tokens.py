"""Issuing API tokens: the secret is shown once; the ledger keeps its hash and whom it signs in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from api.compose import new_token, token_hash
from api.identity import check_scope
from domain.acts import IssueToken
from domain.errors import Refused
from ledger.entry import Draft
from ledger.govern import Actor, GovernProposal, Order
from ledger.ledger import Ledger, recorded
from ledger.refusals import Attempt
from ledger.taken import Request
from ledger.view import Needs, Receipt, View

_UNKNOWN_HASH = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """`token` is the secret: it exists here and nowhere else."""

    token: str
    receipt: Receipt


@dataclass(slots=True)
class _TokenProposal:
    """A token says the number of the subject that holds its hash, and the number is known under the lock."""

    inner: GovernProposal
    token: str = ""
    request: Request | None = None

    def attempt(self, error: Refused, at: str) -> Attempt | None:
        return self.inner.attempt(error, at)

    def foresee(self, needs: Needs) -> None:
        self.inner.foresee(needs)

    def settle(self, view: View) -> list[Draft]:
        self.token = new_token(view.next_number("ledger"))
        order = self.inner.order
        command = order.command.model_copy(update={"token_hash": token_hash(self.token)})
        self.inner.order = replace(order, command=command)
        return self.inner.settle(view)

    def comes_after(self, view: View) -> Iterator[GovernProposal]:
        return self.inner.comes_after(view)

    def follow_ups(self, view: View, receipts: Sequence[Receipt]) -> Iterator[GovernProposal]:
        return self.inner.follow_ups(view, receipts)


def issue_token(
    ledger: Ledger,
    actor: Actor,
    *,
    principal: str,
    scopes: Sequence[str],
    expires_at: str | None = None,
    reason: str | None = None,
) -> IssuedToken:
    """Record a new token for `principal`. `expires_at`: RFC 3339. Raises Malformed for an unknown scope."""
    for scope in scopes:
        check_scope(scope)
    command = IssueToken(
        principal=principal,
        token_hash=_UNKNOWN_HASH,
        scopes=list(scopes),
        expires_at=expires_at,
        reason=reason,
    )
    proposal = _TokenProposal(ledger.undecided(Order(command, actor)))
    done = recorded(ledger.writer.submit([proposal])[0])
    return IssuedToken(proposal.token, done.receipts[0])
