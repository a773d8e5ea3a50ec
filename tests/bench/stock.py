"""The yardstick: the stock `eventsourcing` application doing load, change, save."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from ledger.urls import library_environment

_NAMESPACE = UUID("3f1c9a52-6c0e-4a0e-9a52-0c1f6f0e7d11")


class Ticket(Aggregate):
    """A ticket as the library's tutorial would write it."""

    def __init__(self, *, number: str, title: str, group: str, priority: int) -> None:
        self.number = number
        self.title = title
        self.group = group
        self.priority = priority
        self.reassignments = 0

    @classmethod
    def create_id(cls, number: str) -> UUID:
        return uuid5(_NAMESPACE, number)

    @event("Reassigned")
    def reassign(self, group: str, reason: str) -> None:
        self.group = group
        self.reassignments += 1


class Desk(Application[UUID]):
    """Each call is one load, one change, one save, as durable as the database makes it."""

    def report(self, number: str, title: str) -> UUID:
        ticket = Ticket(number=number, title=title, group="Group 1", priority=3)
        self.save(ticket)
        return ticket.id

    def reassign(self, ticket_id: UUID, group: str) -> None:
        ticket: Ticket = self.repository.get(ticket_id)
        ticket.reassign(group=group, reason="Belongs to them")
        self.save(ticket)

    def history(self, ticket_id: UUID) -> list[tuple[object, dict[str, tuple[object, object]]]]:
        """Each event with what it changed, member by member: the question our `history` answers."""
        told: list[tuple[object, dict[str, tuple[object, object]]]] = []
        ticket: Ticket | None = None
        before: dict[str, object] = {}
        for happened in self.events.get(ticket_id):
            ticket = happened.mutate(ticket)  # type: ignore[attr-defined]  # its events can
            after = dict(vars(ticket))
            told.append(
                (
                    happened,
                    {
                        name: (before.get(name), value)
                        for name, value in after.items()
                        if before.get(name) != value
                    },
                )
            )
            before = after
        return told


def stock_desk(url: str) -> Desk:
    """On the same database kind as ours, with the same durability: SQLite's and PostgreSQL's defaults."""
    ours = library_environment(url, create_tables=True)
    module = "eventsourcing.sqlite" if "SQLITE_DBNAME" in ours else "eventsourcing.postgres"
    environment: dict[str, Any] = {**ours, "PERSISTENCE_MODULE": module}
    environment["ORIGINATOR_ID_TYPE"] = "uuid"
    if module.endswith("sqlite"):
        environment["SQLITE_LOCK_TIMEOUT"] = "30"
    return Desk(environment)
