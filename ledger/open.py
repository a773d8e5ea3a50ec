"""Opening the log's database alone: to read and verify it, without keys, vault or policy."""

from __future__ import annotations

from typing import cast

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment

from domain.errors import LedgerError
from ledger.database import Database
from ledger.errors import NotALedger, StorageFailed
from ledger.migrate import check_version, schema_version
from ledger.urls import library_environment, sqlite_path


def open_database(url: str) -> Database:
    """The database as it is: nothing is created, migrated or changed. Close it when done.

    Raises NotALedger, NewerDatabase, StorageFailed, and Malformed for a URL of another kind.
    """
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise NotALedger(f"there is no ledger at {path}; `itsm-ledger init` makes one")
    database = connect(url)
    try:
        _check_schema(database)
    except BaseException:
        database.close()
        raise
    return database


def connect(url: str) -> Database:
    """The database that the URL names, whatever it holds. Close it when done. Raises Malformed for another kind."""
    environment = Environment("itsm_ledger", library_environment(url, create_tables=False))
    factory = InfrastructureFactory.construct(environment)
    return cast(Database, factory.datastore)  # type: ignore[attr-defined]  # our factories have one


def _check_schema(database: Database) -> None:
    try:
        with database.reading() as transaction:
            found = schema_version(transaction)
    except StorageFailed as error:
        raise no_ledger(error) from error
    if not found:
        raise NotALedger
    check_version(found)


def no_ledger(error: StorageFailed) -> LedgerError:
    """What it means that the schema's version cannot be read: its table is not there, or nothing is."""
    return NotALedger() if "schema_version" in str(error.facts.get("reason")) else error
