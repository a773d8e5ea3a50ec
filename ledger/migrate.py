"""Bring a database to this version's schema, once, whatever number of processes start together."""

from __future__ import annotations

from ledger.database import Database, Transaction
from ledger.errors import NewerDatabase
from ledger.log import create_head
from ledger.schema import MIGRATIONS, VERSION_TABLE, Dialect

_POSTGRES_LOCK = 0x1775_4C45  # any number of our own: one migration at a time


def migrate(database: Database) -> None:
    """Raises NewerDatabase, and changes nothing, for a schema this version does not know."""
    with database.writing() as transaction:
        migrate_in(transaction, database.dialect)


def migrate_in(transaction: Transaction, dialect: Dialect) -> None:
    """The same as a part of a transaction."""
    if dialect == "postgresql":
        transaction.execute("SELECT pg_advisory_xact_lock(?)", (_POSTGRES_LOCK,))
    transaction.execute(VERSION_TABLE)
    found = schema_version(transaction)
    check_version(found)
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        for statement in statements(dialect):
            transaction.execute(statement)
        transaction.execute("INSERT INTO schema_version VALUES (?)", (number,))
    if found == 0:
        create_head(transaction)


def schema_version(transaction: Transaction) -> int:
    row = transaction.row("SELECT coalesce(max(version), 0) FROM schema_version")
    return int(row[0]) if row else 0


def check_version(found: int) -> None:
    if found > len(MIGRATIONS):
        raise NewerDatabase(
            f"the database has schema {found}; this version knows {len(MIGRATIONS)}. "
            "Install the version that wrote it.",
            found=found,
            known=len(MIGRATIONS),
        )
