"""From a database URL to the settings that the event-sourcing library reads."""

from __future__ import annotations

from pathlib import Path

from domain.errors import Malformed

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL, or None for another database."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def library_environment(url: str, *, create_tables: bool) -> dict[str, str]:
    """Raises Malformed for a URL that is neither `sqlite:///file` nor `postgresql://…`."""
    common = {"ORIGINATOR_ID_TYPE": "text", "CREATE_TABLE": "y" if create_tables else "n"}
    path = sqlite_path(url)
    if path is not None and path.name:
        return {
            **common,
            "PERSISTENCE_MODULE": "ledger.sqlite:LogFactory",
            "SQLITE_DBNAME": path.absolute().as_uri(),
        }
    if not url.startswith(POSTGRESQL):
        raise Malformed(
            "expected a database URL such as sqlite:///ledger.db or postgresql://user@host/name"
        )
    from psycopg import ProgrammingError  # noqa: PLC0415 - who is on SQLite need not load it
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the same

    try:
        told = conninfo_to_dict(url)
    except ProgrammingError:
        raise Malformed(
            "the PostgreSQL URL cannot be read"
        ) from None  # never repeat it: it may hold a password
    return {
        **common,
        "PERSISTENCE_MODULE": "ledger.postgres:LogFactory",
        "POSTGRES_DBNAME": str(told.get("dbname") or "ledger"),
        "POSTGRES_HOST": str(told.get("host") or "localhost"),
        "POSTGRES_PORT": str(told.get("port") or "5432"),
        "POSTGRES_USER": str(told.get("user") or "postgres"),
        "POSTGRES_PASSWORD": str(told.get("password") or ""),
    }
