"""How far each receiver has come: what was delivered, what is tried again, what was given up, and who delivers.

None of it can be told from the log, so it is not among the read models, which may be thrown away at any time: it
has a database of its own, or on PostgreSQL a schema (docs/adr/0014). Should it be lost, each receiver begins again
where its registration, or its last replay, says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from api.delivering.schedule import SKEW
from domain.moments import later
from ledger.errors import StorageFailed
from projections.bulk import POSTGRESQL, upsert
from projections.projection import BinaryText, Integer64

SCHEMA: Final = "deliveries"
STRUCTURE_LOCK: Final = 0x1757_0002
"""Our PostgreSQL advisory lock: one process at a time creates the tables."""
TIMEOUT_SECONDS: Final = 30
KEPT_TRIES: Final = 200
"""Of each receiver, the newest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`run`: which of its beginnings this goes by. `position`: everything up to it is dealt with.

    `tries`: of the next event, so far. `failing_since`: the first failure after the last success.
    """

    receiver: str
    run: str = ""
    position: int = 0
    tries: int = 0
    delivered: int = 0
    failing_since: str | None = None
    next_try: str | None = None
    last_try: str | None = None
    last_outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Who delivers to a receiver, and until when nobody else does unless it is renewed."""

    holder: str
    until: str


@dataclass(frozen=True, slots=True)
class Try:
    """One POST. `number`: 1 for the first of its event in this run."""

    receiver: str
    position: int
    number: int
    at: str
    outcome: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up. A replay that delivers it takes it off."""

    receiver: str
    position: int
    tries: int
    at: str
    outcome: str


class Progress:
    """Safe from any number of threads and processes. Raises StorageFailed."""

    def __init__(self, url: str) -> None:
        """Connect, and make the tables where they are missing. `url`: as the setting `deliveries_url` has it."""
        self._engine = _engine(url)
        is_postgresql = self._engine.dialect.name == POSTGRESQL
        metadata = sa.MetaData(schema=SCHEMA if is_postgresql else None)
        self._standings = sa.Table(
            "standings",
            metadata,
            sa.Column("receiver", BinaryText, primary_key=True),
            sa.Column("run", BinaryText, nullable=False),
            sa.Column("position", Integer64, nullable=False),
            sa.Column("tries", Integer64, nullable=False),
            sa.Column("delivered", Integer64, nullable=False),
            sa.Column("failing_since", BinaryText),
            sa.Column("next_try", BinaryText),
            sa.Column("last_try", BinaryText),
            sa.Column("last_outcome", BinaryText),
            sa.Column("holder", BinaryText, nullable=False),
            sa.Column("held_until", BinaryText, nullable=False),
        )
        self._tries = sa.Table(
            "tries",
            metadata,
            sa.Column("receiver", BinaryText, primary_key=True),
            sa.Column("at", BinaryText, primary_key=True),
            sa.Column("position", Integer64, primary_key=True, autoincrement=False),
            sa.Column("number", Integer64, nullable=False),
            sa.Column("outcome", BinaryText, nullable=False),
        )
        self._dead = sa.Table(
            "dead_letters",
            metadata,
            sa.Column("receiver", BinaryText, primary_key=True),
            sa.Column("position", Integer64, primary_key=True, autoincrement=False),
            sa.Column("tries", Integer64, nullable=False),
            sa.Column("at", BinaryText, nullable=False),
            sa.Column("outcome", BinaryText, nullable=False),
        )
        with self._transaction() as connection:
            if is_postgresql:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({STRUCTURE_LOCK})"))
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            metadata.create_all(connection)

    # Questions

    def standings(self) -> dict[str, Standing]:
        """By receiver; of one that nothing was delivered to yet, none."""
        table = self._standings
        columns = [table.c[name] for name in Standing.__slots__]
        with self._transaction() as connection:
            rows = connection.execute(sa.select(*columns)).all()
        return {row[0]: Standing(*row) for row in rows}

    def tries(self, receiver: str, limit: int) -> list[Try]:
        """The newest first."""
        table = self._tries
        columns = [table.c[name] for name in Try.__slots__]
        newest = (
            sa.select(*columns)
            .where(table.c.receiver == receiver)
            .order_by(table.c.at.desc(), table.c.position.desc())
            .limit(limit)
        )
        with self._transaction() as connection:
            return [Try(*row) for row in connection.execute(newest)]

    def dead_letters(self, receiver: str, limit: int) -> list[DeadLetter]:
        """In the order of the log."""
        table = self._dead
        columns = [table.c[name] for name in DeadLetter.__slots__]
        asked = sa.select(*columns).where(table.c.receiver == receiver)
        with self._transaction() as connection:
            rows = connection.execute(asked.order_by(table.c.position).limit(limit))
            return [DeadLetter(*row) for row in rows]

    def dead_letter_counts(self) -> dict[str, int]:
        table = self._dead
        counted = sa.select(table.c.receiver, sa.func.count()).group_by(table.c.receiver)
        with self._transaction() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    # What a holder does. Each tells whether it still is the holder; if not, nothing was written.

    def claim(self, receiver: str, hold: Hold, now: str) -> Standing | None:
        """Where it stands, for who holds it from here on; None while somebody else does.

        Who holds it for longer than anybody may had a clock that was ahead.
        """
        table = self._standings
        held = (table.c.held_until > now) & (table.c.held_until <= later(hold.until, SKEW))
        free = sa.not_(held) | (table.c.holder == hold.holder)
        with self._transaction() as connection:
            row = (receiver, "", 0, 0, 0, None, None, None, None, "", "")
            # Whoever comes second keeps what the first one made of it.
            upsert(connection, table, [row], keep=tuple(column.name for column in table.columns))
            taken = connection.execute(
                table.update()
                .where(table.c.receiver == receiver, free)
                .values(holder=hold.holder, held_until=hold.until)
            )
            if not taken.rowcount:
                return None
            columns = [table.c[name] for name in Standing.__slots__]
            found = connection.execute(sa.select(*columns).where(table.c.receiver == receiver))
            return Standing(*found.one())

    def begin(self, receiver: str, hold: Hold, *, run: str, after: int) -> bool:
        """A new run: nothing was tried in it yet."""
        return self._held(
            receiver, hold, run=run, position=after, tries=0, failing_since=None, next_try=None
        )

    def passed(self, receiver: str, hold: Hold, position: int) -> bool:
        """Up to here nothing more is to be delivered."""
        return self._held(receiver, hold, position=position)

    def delivered(self, hold: Hold, tried: Try) -> bool:
        dead = self._dead
        table = self._standings
        with self._transaction() as connection:
            ours = self._write(
                connection,
                tried.receiver,
                hold,
                position=tried.position,
                tries=0,
                delivered=table.c.delivered + 1,
                failing_since=None,
                next_try=None,
                last_try=tried.at,
                last_outcome=tried.outcome,
            )
            if ours:
                self._note(connection, tried)
                connection.execute(
                    dead.delete().where(
                        dead.c.receiver == tried.receiver, dead.c.position == tried.position
                    )
                )
            return ours

    def failed(self, hold: Hold, tried: Try, *, next_try: str | None) -> bool:
        """`next_try`: when the same event is tried again; None: it is given up, and stands as a dead letter."""
        table = self._standings
        given_up = next_try is None
        moved: dict[str, Any] = {"tries": 0, "position": tried.position} if given_up else {}
        with self._transaction() as connection:
            ours = self._write(
                connection,
                tried.receiver,
                hold,
                **{"tries": tried.number, **moved},
                failing_since=sa.func.coalesce(table.c.failing_since, tried.at),
                next_try=next_try,
                last_try=tried.at,
                last_outcome=tried.outcome,
            )
            if ours:
                self._note(connection, tried)
            if ours and given_up:
                row = (tried.receiver, tried.position, tried.number, tried.at, tried.outcome)
                upsert(connection, self._dead, [row])
            return ours

    def resume(self, receiver: str, hold: Hold) -> bool:
        """It was enabled: the event that failed is tried as if for the first time."""
        return self._held(receiver, hold, tries=0, failing_since=None, next_try=None)

    def release(self, holder: str) -> None:
        """Others may deliver from now on."""
        table = self._standings
        with self._transaction() as connection:
            connection.execute(
                table.update().where(table.c.holder == holder).values(holder="", held_until="")
            )

    def close(self) -> None:
        self._engine.dispose()

    # Inside

    def _held(self, receiver: str, hold: Hold, **values: Any) -> bool:
        with self._transaction() as connection:
            return self._write(connection, receiver, hold, **values)

    def _write(self, connection: sa.Connection, receiver: str, hold: Hold, **values: Any) -> bool:
        table = self._standings
        written = connection.execute(
            table.update()
            .where(table.c.receiver == receiver, table.c.holder == hold.holder)
            .values(held_until=hold.until, **values)
        )
        return bool(written.rowcount)

    def _note(self, connection: sa.Connection, tried: Try) -> None:
        table = self._tries
        row = (tried.receiver, tried.at, tried.position, tried.number, tried.outcome)
        upsert(connection, table, [row])
        oldest = (
            sa.select(table.c.at)
            .where(table.c.receiver == tried.receiver)
            .order_by(table.c.at.desc())
            .offset(KEPT_TRIES)
            .limit(1)
            .scalar_subquery()
        )
        connection.execute(
            table.delete().where(table.c.receiver == tried.receiver, table.c.at <= oldest)
        )

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """One transaction whose failures are our own. Raises StorageFailed."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            named = type(error).__name__
            raise StorageFailed(
                f"what was delivered cannot be kept: {named}", reason=named
            ) from error


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.drivername == "postgresql":
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True
        )
    engine = sa.create_engine(
        parsed, hide_parameters=True, connect_args={"timeout": TIMEOUT_SECONDS}
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # The driver would begin transactions by its own rules.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # After a power cut a delivery may be forgotten, and is then made twice under one id.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then could find the picture it read outdated.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
