"""The ledger's own acts: creation, software, keys, tokens, import runs, erasure and legal holds.

`ledger/LDG0000001` is the ledger itself. Each token and each import run is a subject of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from domain.command import Case, Command, Events, require
from domain.event import Event, Json, Moment, Principal, Sha256, Subject, Text

LEDGER = "ledger/LDG0000001"


class LedgerCreated(Event, family="ledger", source=(), to="open"):
    """Genesis: the log's origin and the key that signs its checkpoints."""

    example: ClassVar[dict[str, Any]] = {
        "origin": "ledger.example.com/acme",
        "vkey": "ledger.example.com/acme+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
        "software": "0.1.0",
    }

    origin: Text
    vkey: str
    software: str


class SoftwareStarted(Event, family="ledger"):
    """A version of this software that had not written to the ledger before."""

    example: ClassVar[dict[str, Any]] = {"software": "0.2.0"}

    software: str


class KeyRotated(Event, family="ledger"):
    """The signing key was replaced. `endorsement` is the old key's signed note over the new verifier key."""

    example: ClassVar[dict[str, Any]] = {
        "vkey": "ledger.example.com/acme+0b5c9f1e+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
        "previous_vkey": "ledger.example.com/acme+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
        "endorsement": "itsm-ledger key rotation\n…\n\n— ledger.example.com/acme …\n",
    }

    vkey: str
    previous_vkey: str
    endorsement: str


class AuthorityEstablished(Event, family="ledger"):
    """Genesis of authority: the shipped policy, the roles it names, and who holds the first of them.

    Nobody was entitled to put them in place, so they stand as unratified until a second person ratifies them.
    """

    example: ClassVar[dict[str, Any]] = {
        "genesis": {
            "status": "unratified",
            "policy": "policy/POL0000001@4",
            "people": {"principal/PRN0000002": True},
        }
    }

    genesis: dict[str, Json]


class GenesisRatified(Event, family="ledger"):
    """Somebody whom the genesis did not put in place read what it did, and stands by it."""

    example: ClassVar[dict[str, Any]] = {
        "genesis": {
            "status": "ratified",
            "ratified_by": "principal/PRN0000009",
            "ratified_at": "2026-03-02T09:30:00.000000Z",
        }
    }

    genesis: dict[str, Json]


class TokenIssued(Event, family="ledger", source=(), to="issued"):
    """An API token: its SHA-256 only, whom it signs in, and its scopes (`family:right`, `*` for all)."""

    example: ClassVar[dict[str, Any]] = {
        "token_hash": "sha256:" + "0" * 64,
        "principal": "principal/PRN0000002",
        "scopes": {"*:read": True, "*:append": True},
        "expires_at": "2027-01-01T00:00:00.000000Z",
    }

    token_hash: Sha256
    principal: Principal
    scopes: dict[str, bool]
    expires_at: Moment | None = None


class TokenRevoked(Event, family="ledger", source=("issued",), to="revoked"):
    """From this moment on the token signs nobody in."""


class ImportRun(Event, family="ledger", source=(), to="completed"):
    """One run of an importer over one file: what it read, what it became, and who ran it.

    `stopped`: why it ended before the file did, if it did.
    """

    example: ClassVar[dict[str, Any]] = {
        "file_hash": "sha256:" + "0" * 64,
        "mapping": "servicenow-incidents",
        "mapping_hash": "sha256:" + "0" * 64,
        "recorded_for": "principal/servicenow",
        "counts": {
            "rows": 12,
            "recorded": 9,
            "merged": 1,
            "skipped": 1,
            "rejected": 1,
            "events": 14,
        },
        "started_at": "2026-03-02T09:30:00.000000Z",
    }

    file_hash: Sha256
    mapping: Text
    mapping_hash: Sha256
    recorded_for: Subject
    counts: dict[str, int]
    started_at: Moment
    stopped: Text | None = None


class SubjectKeyDestroyed(Event, family="ledger"):
    """The key of a person's or a subject's personal values is gone, and with it every copy of them."""

    example: ClassVar[dict[str, Any]] = {
        "erased": {"principal/PRN0000012": "2026-03-02T09:30:00.000000Z"}
    }

    erased: dict[str, Moment]


class LegalHoldPlaced(Event, family="ledger"):
    """A named subject's key must not be destroyed until the hold is lifted."""

    example: ClassVar[dict[str, Any]] = {"holds": {"HLD-01": {"subject": "incident/INC0010001"}}}

    holds: dict[str, dict[str, Json]]


class LegalHoldLifted(Event, family="ledger"):
    """The hold no longer stands."""

    example: ClassVar[dict[str, Any]] = {"holds": {"HLD-01": None}}

    holds: dict[str, None]


class CheckpointLossAccepted(Event, family="ledger"):
    """The database was behind a checkpoint kept elsewhere, and somebody decided to go on without the rest."""

    example: ClassVar[dict[str, Any]] = {"lost_checkpoint": {"size": 1042, "root": "…base64…"}}

    lost_checkpoint: dict[str, Json]


class IssueToken(Command, yields=TokenIssued):
    """Issue an API token for a principal. The secret is shown once and never stored."""

    example: ClassVar[dict[str, Any]] = {"principal": "principal/PRN0000002", "scopes": ["*:read"]}

    principal: Subject
    token_hash: Sha256
    scopes: list[str]
    expires_at: Moment | None = None

    def reads(self) -> tuple[str, ...]:
        return (self.principal,)

    def given(self) -> dict[str, Any]:
        return {
            "token_hash": self.token_hash,
            "principal": self.principal,
            "scopes": dict.fromkeys(self.scopes, True),
            "expires_at": self.expires_at,
        }


class RevokeToken(Command, yields=TokenRevoked):
    """Revoke a token."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Laptop lost"}


class RecordImport(Command, yields=ImportRun):
    """Record what an import run did."""

    file_hash: Sha256
    mapping: Text
    mapping_hash: Sha256
    recorded_for: Subject
    counts: dict[str, int]
    started_at: Moment
    stopped: Text | None = None


class RotateKey(Command, yields=KeyRotated):
    """Replace the signing key."""

    vkey: str
    previous_vkey: str
    endorsement: str

    def decide(self, case: Case) -> Events:
        require(
            case.state.get("vkey") == self.previous_vkey,
            "rotates-the-current-key",
            "the key that endorses is not the one that signs now; rotate from the current one",
            case,
        )
        return super().decide(case)


class RatifyGenesis(Command, yields=GenesisRatified, verb="ratify"):
    """Stand by what the genesis put in place: the shipped policy, its roles, and who holds them."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"reason": "Read the policy and both grants"}

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """`genesis`: whom the genesis put in place."""
        return {"genesis": tuple(case.state.get("genesis", {}).get("people", {}))}

    def decide(self, case: Case) -> Events:
        _require_ledger(case)
        stands = case.state.get("genesis", {}).get("status") == "unratified"
        require(stands, "genesis-unratified", "there is no genesis that waits to be ratified", case)
        told = {"status": "ratified", "ratified_by": case.actor, "ratified_at": case.now}
        return self.stating(genesis=told)


class StartSoftware(Command, yields=SoftwareStarted):
    """Record the first start of a version of this software."""

    software: str


class DestroySubjectKey(Command, yields=SubjectKeyDestroyed, verb="erase"):
    """Destroy the key of a person's or subject's personal values. A legal hold on it forbids that."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {
        "target": "principal/PRN0000012",
        "reason": "GDPR art. 17 request",
    }

    target: Subject

    def reads(self) -> tuple[str, ...]:
        return (self.target,)

    def decide(self, case: Case) -> list[Event]:
        _require_ledger(case)
        held = [
            hold for hold in case.state.get("holds", {}).values() if hold["subject"] == self.target
        ]
        require(
            not held, "no-legal-hold", f"a legal hold stands on {self.target}; lift it first", case
        )
        require(
            bool(case.states.get(self.target)), "target-known", f"{self.target} is unknown", case
        )
        return [SubjectKeyDestroyed(erased={self.target: case.now})]


def _require_ledger(case: Case) -> None:
    """Holds stand on the ledger itself, and are looked for there: no other subject of its family will do."""
    require(case.subject == LEDGER, "the-ledger-itself", f"expected {LEDGER} as the subject", case)


class PlaceLegalHold(Command, yields=LegalHoldPlaced):
    """Forbid destroying a subject's key."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {
        "target": "incident/INC0010001",
        "reason": "Litigation 2026-04",
    }

    target: Subject

    def decide(self, case: Case) -> list[Event]:
        _require_ledger(case)
        return [LegalHoldPlaced(holds={f"HLD-{case.new_id()}": {"subject": self.target}})]


class LiftLegalHold(Command, yields=LegalHoldLifted):
    """Let a hold go."""

    needs_reason = True
    example: ClassVar[dict[str, Any]] = {"hold": "HLD-01", "reason": "Litigation ended"}

    hold: str

    def decide(self, case: Case) -> list[Event]:
        require(
            self.hold in case.state.get("holds", {}), "hold-stands", f"no hold {self.hold}", case
        )
        return [LegalHoldLifted(holds={self.hold: None})]


class AcceptLoss(Command, yields=CheckpointLossAccepted):
    """Go on with a database that is behind a checkpoint kept elsewhere."""

    needs_reason = True

    size: int
    root: str

    def decide(self, case: Case) -> list[Event]:
        return [CheckpointLossAccepted(lost_checkpoint={"size": self.size, "root": self.root})]
