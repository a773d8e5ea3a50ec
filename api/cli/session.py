"""A command's way into the ledger: the settings, the opened house, and who is acting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Malformed

if TYPE_CHECKING:
    from api.compose import House
    from api.identity import Identity
    from api.oidc import Issuers
    from api.settings import Settings
    from domain.command import Command
    from domain.errors import LedgerError
    from domain.event import Json
    from domain.reading import ReadingKind
    from ledger.ledger import Ledger
    from ledger.writer import Recorded


@dataclass(frozen=True, slots=True)
class Session:
    """An opened ledger and who works on it."""

    house: House
    identity: Identity

    @property
    def ledger(self) -> Ledger:
        return self.house.ledger

    def reads(self, subject: str) -> None:
        """Raises ScopeMissing, or Malformed for what is no subject id."""
        from domain.families import split_subject

        family, _ = split_subject(subject)
        self.identity.require(family.name, "read")

    def named(self, family: str, text: str) -> str:
        """The subject that is called `CHG0010001` or `change/CHG0010001`. Raises Malformed for another family's."""
        from domain.families import split_subject, subject_id

        if "/" not in text:
            return subject_id(family, text)
        found, _ = split_subject(text)
        if found.name != family:
            raise Malformed(f"{text} is no {family}", subject=text)
        return text

    def revealed(self, subject: str, told: Json) -> Json:
        """With personal values for who may see them, without for everybody else."""
        from api.readings import revealed

        return revealed(self.ledger, self.identity, subject, told)

    def noted(self, what: ReadingKind, *, entries: int = 1, about: Iterable[str] = ()) -> None:
        """Whoever is acting was shown audit data: so many entries, or rows of an answer. Recorded in the end."""
        from api.readings import note

        note(self.ledger, self.identity, what, entries=entries, about=about)

    def order(
        self,
        command: Command,
        subject: str | None = None,
        *,
        expected_version: int | None = None,
    ) -> Recorded:
        """Give the order as whoever is acting. Raises LedgerError."""
        from api.identity import right_to_order
        from ledger.govern import Order

        self.identity.require(command.family.name, right_to_order(command.family))
        return self.ledger.execute(
            Order(command, self.identity.actor, subject, expected_version=expected_version)
        )


def settings() -> Settings:
    """Raises Malformed, naming the setting; its value may be a secret and is not repeated."""
    from pydantic import ValidationError

    from api.settings import Settings
    from domain.event import told

    try:
        return Settings()
    except ValidationError as error:
        raise Malformed(f"a setting ITSM_LEDGER_… cannot be used: {told(error)}") from None


@contextmanager
def opened(using: Settings | None = None, *, on_behalf_of: str | None = None) -> Iterator[Session]:
    """The ledger, as the principal of ITSM_LEDGER_TOKEN or else as the local operator.

    `on_behalf_of`: for whom orders are given. Raises Malformed unless it is a principal's id.
    """
    from api.compose import open_house

    chosen = using or settings()
    house = open_house(chosen)
    house.ledger.when_unrecorded = _tell_unrecorded
    try:
        there = who_is_there(house.ledger, chosen, house.issuers)
        yield Session(house, there.acting_for(on_behalf_of))
    finally:
        house.close()


def _tell_unrecorded(requests: int, error: LedgerError) -> None:
    """The command was carried out; that somebody read is not in the log."""
    from api.cli.output import note

    what = f"{requests} readings of audit data could not be recorded"
    note(f"itsm-ledger: {what}: {error.message} [{error.code}]")


def who_is_there(ledger: Ledger, chosen: Settings, issuers: Issuers | None = None) -> Identity:
    """Raises Unauthenticated for a token that signs nobody in: it never falls back to the operator."""
    from api.identity import LOCAL_OPERATOR, authenticate

    if chosen.token is None:
        return LOCAL_OPERATOR
    return authenticate(ledger, chosen.token.get_secret_value(), ledger.now(), issuers)
