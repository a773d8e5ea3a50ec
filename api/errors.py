"""What an error is to the outside: the HTTP status, the exit code and what to do, in one table.

A class that is not listed takes the row of its nearest base. What only the ways in can say (who are you,
how large is your request) is a class here; everything else comes from the rooms within.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.commitment import DigestMismatch
from domain.errors import (
    CanNot,
    KeyReused,
    LedgerError,
    Malformed,
    MayNot,
    NotTheOwner,
    Refused,
    StaleVersion,
    UnknownSubject,
    UnknownType,
)
from ledger.errors import (
    AlreadyALedger,
    BehindCheckpoint,
    ClockJumped,
    CorruptEntry,
    EntryTooLarge,
    KeyDestroyed,
    KeyFileUnusable,
    LegalHold,
    NewerDatabase,
    NotALedger,
    NotConsistent,
    OutcomeUnknown,
    StorageFailed,
)
from ledger.merkle import OutsideTree, RootMismatch
from ledger.notes import BadSignature, Unsigned, WrongOrigin
from ledger.tiles import MalformedTilePath
from projections.errors import ForeignLog, ViewNotReady
from replay.errors import AnswerRefuted, ArchiveUnusable, ExportFailed, SegmentAltered

EXIT_UNEXPECTED: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_TAMPERED: Final = 3
EXIT_REFUSED: Final = 4
EXIT_NOT_FOUND: Final = 5
EXIT_UNAVAILABLE: Final = 6
EXIT_NOT_SIGNED_IN: Final = 7


class Unauthenticated(LedgerError):
    """No token was sent, or one that signs nobody in.

    `outcome` says why in a word, for the operator's log and metrics only: guessing must not pay.
    `challenge`: how to sign in (RFC 9110, 11.6.1).
    """

    code = "unauthenticated"
    summary = "A valid token is needed."
    outcome = "no-token"
    challenge = 'Bearer realm="itsm-ledger"'


class IssuerUnavailable(LedgerError):
    """The issuer of the token cannot be asked for its keys, so the token can be neither taken nor refused.

    `outcome` says why in a word, for the operator.
    """

    code = "issuer-unavailable"
    summary = "The token cannot be checked at the moment."

    def __init__(self, issuer: str, outcome: str) -> None:
        super().__init__(f"the keys of {issuer} are not to be had at the moment", issuer=issuer)
        self.outcome = outcome


def refused_sign_in(outcome: str) -> Unauthenticated:
    """The same to whoever sent the token, whatever was wrong with it."""
    refusal = Unauthenticated("the token is unknown, revoked or expired")
    refusal.outcome = outcome
    return refusal


class ScopeMissing(LedgerError):
    """The token is live, but was not issued for this. `scope` is what it would need."""

    code = "scope-missing"
    summary = "The API token was not issued for this."


class UnreadableBody(Malformed):
    """The body is no JSON, no UTF-8, names a member twice, or holds what I-JSON (RFC 7493) does not."""

    code = "unreadable-body"
    summary = "The request body cannot be read."


class UnsupportedMedia(LedgerError):
    code = "unsupported-media-type"
    summary = "The request body has a content type that this address does not take."


class BodyTooLarge(LedgerError):
    """Nothing of the request was recorded."""

    code = "body-too-large"
    summary = "The request body is over the limit."


class BatchTooLarge(LedgerError):
    """Nothing of the batch was recorded."""

    code = "batch-too-large"
    summary = "The batch has too many events."


class Busy(LedgerError):
    """More is waiting than can be served at once. Nothing of this request was recorded."""

    code = "busy"
    summary = "The server is serving as many requests as it can."


class NotReady(LedgerError):
    code = "not-ready"
    summary = "The server cannot do its work at the moment."


class NoSuchAddress(LedgerError):
    code = "no-such-address"
    summary = "There is nothing at this address."


class MethodNotAllowed(LedgerError):
    code = "method-not-allowed"
    summary = "This address does not take this method."


class ServerFault(LedgerError):
    """A fault of the software. Whether something was recorded is told by asking again with the same key."""

    code = "server-fault"
    summary = "Something went wrong that should not have."


@dataclass(frozen=True, slots=True)
class Row:
    """How one class of errors is answered. `advice` is for whoever sent the request."""

    status: int
    exit_code: int
    advice: str


_SIGN_IN = "Send `Authorization: Bearer …` with an API token (`itl_…`) or the token of a trusted issuer, not expired."
_TAMPERED = "Run `itsm-ledger verify`, and keep the database as it is: it is evidence."
_LATER = "Send the same request, with the same key, again later."
_SMALLER = "Send less at once; record large content as an attachment, by its hash."

TABLE: Final[Mapping[type[LedgerError], Row]] = {
    LedgerError: Row(500, EXIT_UNEXPECTED, "Tell whoever runs this ledger."),
    ServerFault: Row(500, EXIT_UNEXPECTED, "Send it again with the same idempotency key; tell whoever runs this."),
    Malformed: Row(422, EXIT_BAD_INPUT, "Correct the request; unchanged it fails every time."),
    UnreadableBody: Row(400, EXIT_BAD_INPUT, "Send UTF-8 JSON in which no object names a member twice."),
    UnknownType: Row(422, EXIT_BAD_INPUT, "Use a registered type, or `itsm.fact.observed.v1`, which takes any payload."),
    EntryTooLarge: Row(413, EXIT_BAD_INPUT, _SMALLER),
    BodyTooLarge: Row(413, EXIT_BAD_INPUT, _SMALLER),
    BatchTooLarge: Row(413, EXIT_BAD_INPUT, "Send it as several batches; each event is recorded once whatever the cut."),
    UnsupportedMedia: Row(415, EXIT_BAD_INPUT, "Send one of the content types that the API's description names."),
    MethodNotAllowed: Row(405, EXIT_BAD_INPUT, "The header `Allow` says which methods are taken."),
    NoSuchAddress: Row(404, EXIT_NOT_FOUND, "`/openapi.json` describes every address."),
    MalformedTilePath: Row(404, EXIT_BAD_INPUT, "Ask for tiles by the paths of c2sp.org/tlog-tiles."),
    OutsideTree: Row(404, EXIT_NOT_FOUND, "Ask for a position within the newest checkpoint's size."),
    Unauthenticated: Row(401, EXIT_NOT_SIGNED_IN, _SIGN_IN),
    IssuerUnavailable: Row(503, EXIT_UNAVAILABLE, "Try again in some seconds, or sign in with an API token."),
    ScopeMissing: Row(403, EXIT_NOT_SIGNED_IN, "Ask an administrator for a token with this scope."),
    MayNot: Row(403, EXIT_REFUSED, "`rules` names what forbids it; somebody else may be entitled."),
    Refused: Row(409, EXIT_REFUSED, "`rules` names what forbids it."),
    CanNot: Row(409, EXIT_REFUSED, "Read the subject's state; `rules` names the guard that does not hold."),
    NotTheOwner: Row(409, EXIT_REFUSED, "Let the source that records the subject say it, or add a common event."),
    UnknownSubject: Row(404, EXIT_NOT_FOUND, "Check the number; a command needs a subject that was created before."),
    StaleVersion: Row(412, EXIT_REFUSED, "Read the subject again, then decide again."),
    KeyReused: Row(409, EXIT_REFUSED, "Use a new key for a new request."),
    LegalHold: Row(409, EXIT_REFUSED, "Lift the hold first, if it may be lifted."),
    KeyDestroyed: Row(410, EXIT_NOT_FOUND, "The values were erased and cannot come back."),
    AlreadyALedger: Row(409, EXIT_REFUSED, "Use the ledger that is there, or another place."),
    NotALedger: Row(503, EXIT_NOT_FOUND, "Run `itsm-ledger init`, or set ITSM_LEDGER_DATABASE_URL."),
    ClockJumped: Row(503, EXIT_UNAVAILABLE, "Set the server's clock right; appends then go on by themselves."),
    StorageFailed: Row(503, EXIT_UNAVAILABLE, _LATER),
    OutcomeUnknown: Row(503, EXIT_UNAVAILABLE, _LATER),
    ExportFailed: Row(503, EXIT_UNAVAILABLE, "See that there is room where it is written, then ask again."),
    Busy: Row(503, EXIT_UNAVAILABLE, _LATER),
    NotReady: Row(503, EXIT_UNAVAILABLE, "Wait; `/readyz` says what is missing."),
    ViewNotReady: Row(503, EXIT_UNAVAILABLE, "Wait until it is built; `/readyz` tells how far it is."),
    ForeignLog: Row(503, EXIT_UNAVAILABLE, "Point ITSM_LEDGER_VIEWS_URL at a place of this ledger's own."),
    NewerDatabase: Row(503, EXIT_UNAVAILABLE, "Install the version of this software that wrote the database."),
    ArchiveUnusable: Row(503, EXIT_NOT_FOUND, "Name an archive of this ledger; `itsm-ledger archive -o DIR` makes one."),
    SegmentAltered: Row(500, EXIT_TAMPERED, "Run `itsm-ledger verify --archive`, and keep the archive as it is."),
    KeyFileUnusable: Row(503, EXIT_UNAVAILABLE, "Give the ledger its key file back, readable by its owner only."),
    CorruptEntry: Row(500, EXIT_TAMPERED, _TAMPERED),
    BehindCheckpoint: Row(500, EXIT_TAMPERED, _TAMPERED),
    NotConsistent: Row(500, EXIT_TAMPERED, _TAMPERED),
    BadSignature: Row(500, EXIT_TAMPERED, _TAMPERED),
    Unsigned: Row(500, EXIT_TAMPERED, _TAMPERED),
    WrongOrigin: Row(500, EXIT_TAMPERED, _TAMPERED),
    AnswerRefuted: Row(422, EXIT_TAMPERED, "Do not believe this file; ask for another, and keep this one: it is evidence."),
    RootMismatch: Row(500, EXIT_TAMPERED, _TAMPERED),
    DigestMismatch: Row(500, EXIT_TAMPERED, _TAMPERED),
}  # fmt: skip
"""The one place where an error becomes a status or an exit code."""

RETRY_AFTER_SECONDS: Final = 1


def row_of(kind: type[LedgerError]) -> Row:
    return next(TABLE[base] for base in kind.__mro__ if base in TABLE)


def status_of(error: LedgerError) -> int:
    """The HTTP status."""
    return row_of(type(error)).status


def exit_code_of(error: LedgerError) -> int:
    """The exit code of a command line that ended with this error."""
    return row_of(type(error)).exit_code


def advice_of(error: LedgerError) -> str:
    return row_of(type(error)).advice


def problem_of(error: LedgerError) -> dict[str, Any]:
    """RFC 9457 problem details, ready for JSON. `type` resolves to a page that explains the code.

    `facts` are those that the error was raised with; `rules` stands beside them only when some refused.
    """
    row = row_of(type(error))
    facts = {name: _plain(fact) for name, fact in error.facts.items() if name != "rules"}
    rules = error.rules if isinstance(error, Refused) else ()
    return {
        "type": f"/problems/{error.code}",
        "title": error.summary,
        "status": row.status,
        "detail": error.message,
        "code": error.code,
        **({"rules": list(rules)} if rules else {}),
        "what_to_do": row.advice,
        **({"facts": facts} if facts else {}),
    }


def _plain(fact: object) -> object:
    if fact is None or isinstance(fact, (bool, int, str)):
        return fact
    if isinstance(fact, (list, tuple, set, frozenset)):
        return [_plain(part) for part in fact]
    return str(fact)


def every_kind() -> Iterator[type[LedgerError]]:
    """Each class of the error tree that has a code of its own, once; for the pages behind `type`."""
    waiting: list[type[LedgerError]] = [LedgerError]
    seen: set[str] = set()
    while waiting:
        kind = waiting.pop(0)
        waiting.extend(kind.__subclasses__())
        if kind.code not in seen:
            seen.add(kind.code)
            yield kind
