"""One tree of errors. Each carries its facts as fields and says what can be done about it.

`api` turns an error into an HTTP status or an exit code in one place; nothing below knows of either.
"""

from __future__ import annotations

from collections.abc import Mapping


class LedgerError(Exception):
    """Root of the tree. `facts` are the keyword arguments it was raised with.

    `code` is the stable, kebab-case name that clients may branch on.
    """

    code = "ledger-error"
    summary = "The ledger could not do this."

    def __init__(self, message: str = "", /, **facts: object) -> None:
        self.facts: Mapping[str, object] = facts
        self.message = message or self.describe()
        super().__init__(self.message)

    def describe(self) -> str:
        """The sentence shown when none was handed in."""
        told = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.summary} ({told})" if told else self.summary


class Refused(LedgerError):
    """A command that may not or can not be carried out. Nothing was recorded under its key."""

    code = "refused"
    summary = "The command was refused."

    def __init__(
        self, message: str = "", /, *, rules: tuple[str, ...] = (), **facts: object
    ) -> None:
        self.rules = rules
        super().__init__(message, rules=list(rules), **facts)


class MayNot(Refused):
    """Who: the actor is not entitled. `rules` names the rules that refused."""

    code = "may-not"
    summary = "The actor may not do this."


class CanNot(Refused):
    """Can: the state machine or an invariant forbids it for everybody."""

    code = "can-not"
    summary = "The subject's state does not allow this."


class Malformed(LedgerError):
    """Input that is not what the interface asks for: never retried with success unchanged."""

    code = "malformed"
    summary = "The input is malformed."


class UnknownSubject(LedgerError):
    code = "unknown-subject"
    summary = "The ledger knows no such subject."


class UnknownType(Malformed):
    code = "unknown-type"
    summary = "This event type is not registered; itsm.fact.observed.v1 takes any payload."


class StaleVersion(LedgerError):
    """The client's own precondition (`If-Match`) does not hold. Read the subject again, then decide."""

    code = "stale-version"
    summary = "The subject is not at the version the client expects."


class KeyReused(LedgerError):
    """An idempotency key was used before with another request."""

    code = "key-reused"
    summary = "This idempotency key belongs to another request."


class NotTheOwner(Refused):
    """A source speaks about a subject that another source (or the ledger itself) records."""

    code = "not-the-owner"
    summary = "Another source records this subject; only common events may be added to it."
