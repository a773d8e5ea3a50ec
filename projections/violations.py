"""What detectors have seen so far: how far each came, each violation with how often it was seen, and what failed.

It stands beside the read models and is made from the log alone, so that it may be thrown away: then every detector
begins anew, and finds the same. What was raised is in the log; here stands what is still to be told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    Column,
    Index,
    MetaData,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from projections.bulk import upsert
from projections.projection import BinaryText, Integer64
from projections.views import Views

FAULTS_TOLD: Final = 100


class Key(NamedTuple):
    """What of a rule's violations is one and the same."""

    rule: str
    rule_version: str
    about: str


class Named(NamedTuple):
    """A detector in one of its versions."""

    name: str
    version: int


@dataclass(slots=True)
class Tallied:
    """`first`: what the first sight of it says, as a finding does. `told`: how often the log says that it was seen; 0:
    no finding was raised. `whole`: the position that showed the rule kept again, 0 for none; `told_whole`: the one
    that the log tells of. `finding`: which one was raised.
    """

    key: Key
    detector: Named
    first: Mapping[str, Any]
    first_position: int
    last_position: int
    count: int
    told: int = 0
    whole: int = 0
    told_whole: int = 0
    finding: str | None = None


class Failed(NamedTuple):
    """An entry that a detector could not take. It went on with the next."""

    detector: str
    version: int
    position: int
    error: str


@dataclass(slots=True)
class Sightings:
    """What one stretch of the log showed, from behind `after` to `up_to`."""

    detectors: Sequence[Named]
    after: int
    up_to: int
    seen: dict[Key, Tallied] = field(default_factory=dict)
    whole: dict[Key, int] = field(default_factory=dict)
    failed: list[Failed] = field(default_factory=list)

    def saw(self, key: Key, detector: Named, position: int, first: Mapping[str, Any]) -> None:
        found = self.seen.get(key)
        if found is None:
            self.seen[key] = Tallied(key, detector, first, position, position, 1)
        else:
            found.count += 1
            found.last_position = position


class Violations:
    """Safe from any number of threads and processes."""

    def __init__(self, views: Views) -> None:
        """Makes its tables where they are missing."""
        self._views = views
        metadata = MetaData(schema=views.generations.schema)
        self._detectors = Table(
            "detectors",
            metadata,
            Column("name", BinaryText, primary_key=True),
            Column("version", Integer64, primary_key=True, autoincrement=False),
            Column("position", Integer64, nullable=False),
        )
        self._violations = Table(
            "violations",
            metadata,
            Column("rule", BinaryText, primary_key=True),
            Column("rule_version", BinaryText, primary_key=True),
            Column("about", BinaryText, primary_key=True),
            Column("detector", BinaryText, nullable=False),
            Column("version", Integer64, nullable=False),
            Column("first", Text, nullable=False),
            Column("first_position", Integer64, nullable=False),
            Column("last_position", Integer64, nullable=False),
            Column("count", Integer64, nullable=False),
            Column("told", Integer64, nullable=False),
            Column("whole", Integer64, nullable=False),
            Column("told_whole", Integer64, nullable=False),
            Column("finding", BinaryText),
        )
        table = self._violations.c
        self._untold = or_(
            table.count > table.told,
            and_(table.whole > table.last_position, table.whole > table.told_whole),
        )
        Index(
            "violations_untold",
            table.first_position,
            sqlite_where=self._untold,
            postgresql_where=self._untold,
        )
        self._faults = Table(
            "detector_faults",
            metadata,
            Column("detector", BinaryText, primary_key=True),
            Column("version", Integer64, primary_key=True, autoincrement=False),
            Column("position", Integer64, primary_key=True, autoincrement=False),
            Column("error", BinaryText, nullable=False),
        )
        with views.writing() as connection:
            views.lock_structure(connection)
            metadata.create_all(connection)

    def positions(self, detectors: Iterable[Named]) -> dict[Named, int]:
        """How far each came. One that is new, or of a new version, is at 0, and what a former version left is dropped.
        A detector of which newer software keeps a higher version is left to that, and out here.
        """
        with self._views.writing() as connection:
            found = {
                Named(*row[:2]): int(row[2]) for row in connection.execute(select(self._detectors))
            }
            kept = {
                name: max(one.version for one in found if one.name == name) for name, _ in found
            }
            wanted = [one for one in detectors if one.version >= kept.get(one.name, 0)]
            named = {one.name: one.version for one in wanted}
            for left in found:
                if left.version < named.get(left.name, 0):
                    self._drop(connection, left)
            new = [(*one, 0) for one in wanted if one not in found]
            upsert(connection, self._detectors, new)
        return {one: found.get(one, 0) for one in wanted}

    def look(self) -> dict[Named, int]:
        """How far each came, as it stands."""
        with self._views.looking() as connection:
            rows = connection.execute(select(self._detectors))
            return {Named(*row[:2]): int(row[2]) for row in rows}

    def _drop(self, connection: Any, left: Named) -> None:
        for table, name in (
            (self._detectors, self._detectors.c.name),
            (self._violations, self._violations.c.detector),
            (self._faults, self._faults.c.detector),
        ):
            connection.execute(
                delete(table).where(name == left.name, table.c.version == left.version)
            )

    def take(self, sightings: Sightings) -> bool:
        """Count them, and move the detectors on: both or neither. False: another process was faster."""
        with self._views.writing() as connection:
            which = tuple_(self._detectors.c.name, self._detectors.c.version)
            moved = connection.execute(
                update(self._detectors)
                .where(
                    which.in_(sightings.detectors), self._detectors.c.position == sightings.after
                )
                .values(position=sightings.up_to)
            )
            if moved.rowcount != len(sightings.detectors):
                connection.rollback()
                return False
            upsert(
                connection,
                self._violations,
                [_row(one) for one in sightings.seen.values()],
                add=("count",),
                keep=(
                    "detector",
                    "version",
                    "first",
                    "first_position",
                    "told",
                    "whole",
                    "told_whole",
                    "finding",
                ),
            )
            if sightings.whole:
                connection.execute(
                    self._set_whole(),
                    [{**_parameters(key), "w": at} for key, at in sightings.whole.items()],
                )
            upsert(connection, self._faults, sightings.failed)
        return True

    def _set_whole(self) -> Any:
        return update(self._violations).where(*self._of_parameters()).values(whole=bindparam("w"))

    def _of_parameters(self) -> tuple[Any, ...]:
        table = self._violations.c
        return (
            table.rule == bindparam("r"),
            table.rule_version == bindparam("v"),
            table.about == bindparam("a"),
        )

    def untold(self, limit: int, *, but: Iterable[Key] = ()) -> list[Tallied]:
        """What the log does not tell yet, the earliest first; not those that may wait."""
        waiting = set(but)
        with self._views.looking() as connection:
            rows = connection.execute(
                select(self._violations)
                .where(self._untold)
                .order_by(self._violations.c.first_position)
                .limit(limit + len(waiting))
            )
            found = [_tallied(row) for row in rows]
        return [one for one in found if one.key not in waiting][:limit]

    def untold_keys(self) -> set[Key]:
        """Of all that was seen and the log does not tell yet."""
        table = self._violations.c
        with self._views.looking() as connection:
            rows = connection.execute(
                select(table.rule, table.rule_version, table.about).where(self._untold)
            )
            return {Key(*row) for row in rows}

    def tell(self, told: Sequence[Tallied]) -> None:
        """The log tells of them now, as they say."""
        if not told:
            return
        statement = (
            update(self._violations)
            .where(*self._of_parameters())
            .values(told=bindparam("t"), told_whole=bindparam("w"), finding=bindparam("f"))
        )
        with self._views.writing() as connection:
            connection.execute(
                statement,
                [
                    {**_parameters(one.key), "t": one.told, "w": one.told_whole, "f": one.finding}
                    for one in told
                ],
            )

    def faults(self) -> list[Failed]:
        """The first hundred, by detector and position."""
        table = self._faults
        with self._views.looking() as connection:
            rows = connection.execute(
                select(table).order_by(table.c.detector, table.c.position).limit(FAULTS_TOLD)
            )
            return [Failed(*row) for row in rows]

    def fault_counts(self) -> dict[str, int]:
        """Detector → how many entries it could not take."""
        table = self._faults
        with self._views.looking() as connection:
            rows = connection.execute(
                select(table.c.detector, func.count()).group_by(table.c.detector)
            )
            return {name: int(count) for name, count in rows}


def _row(one: Tallied) -> tuple[Any, ...]:
    return (
        *one.key,
        *one.detector,
        orjson.dumps(one.first).decode(),
        one.first_position,
        one.last_position,
        one.count,
        one.told,
        one.whole,
        one.told_whole,
        one.finding,
    )


def _tallied(row: Any) -> Tallied:
    return Tallied(
        Key(row.rule, row.rule_version, row.about),
        Named(row.detector, row.version),
        orjson.loads(row.first),
        row.first_position,
        row.last_position,
        row.count,
        row.told,
        row.whole,
        row.told_whole,
        row.finding,
    )


def _parameters(key: Key) -> dict[str, str]:
    return {"r": key.rule, "v": key.rule_version, "a": key.about}
