"""Register of deployments: one row for each, with the verdict on the change behind it as the log tells it now.

A verdict is given again whenever the deployment, or a change that has a part in it, has moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    Table,
    bindparam,
    func,
    or_,
    select,
    update,
)

from domain.event import Json
from domain.reconciliation import Reconciled, happened_at, has_run, reconciled
from ledger.entry import Entry
from projections.bulk import among, upsert
from projections.folding import Touched, folded, state_text, without_nul
from projections.paging import Order, check_sort, page_of
from projections.projection import Answer, BinaryText, Integer64, Projection, Tables, family_of
from projections.reconciling import (
    StoredChanges,
    relevant,
    runs_concerned,
    store_changes,
    store_marks_of_runs,
    tables_of_matching,
)
from projections.views import Views

FROM_VERSION_ONE: Final = ("number", "source", "told")
MEMBERS: Final = (
    "status", "service", "environment", "started_at", "finished_at", "content_hash", "artifact", "deployed_by",
    "pipeline_run",
)  # fmt: skip
"""Columns that are the state's member of the same name."""
JUDGED: Final = ("happened_at", "change", "verdict", "found_by", "breaches")
TEXTS: Final = (*FROM_VERSION_ONE, "updated", "named", *MEMBERS, *JUDGED)
SORTS: Final = ("happened_at", "updated", "number")


class DeploymentRegister(Projection):
    """`deployments`: `told`, `updated` are RFC 3339 times of a deployment's first and latest fact, `named` the change
    that it names. `change`, `verdict`, `found_by`, `breaches` (a JSON object): as `domain/reconciliation.py` has them;
    without a verdict nothing was deployed. `happened_at` falls back on `told`.
    """

    name = "deployments"
    version = 1

    def tables(self, metadata: MetaData, prefix: str) -> Tables:
        deployments = Table(
            prefix,
            metadata,
            Column("subject", BinaryText, primary_key=True),
            *(Column(name, BinaryText) for name in TEXTS),
            *(Column(name, Integer64) for name in ("position", "version")),
            Column("state", BinaryText, nullable=False),
        )
        Index(f"{prefix}_happened", deployments.c.happened_at, deployments.c.subject)
        Index(f"{prefix}_service", deployments.c.service, deployments.c.happened_at)
        Index(f"{prefix}_named", deployments.c.named)
        return {"deployments": deployments, **tables_of_matching(metadata, prefix)}

    def apply(self, connection: Connection, tables: Tables, batch: Sequence[Entry]) -> None:
        of: dict[str, list[Entry]] = {"deployment": [], "change": []}
        for entry in batch:
            of.get(family_of(entry), []).append(entry)
        runs = folded(connection, tables["deployments"], of["deployment"])
        changes = folded(connection, tables["changes"], of["change"])
        moved = [one for one in changes if relevant(one.state) != one.before]
        if not (runs or moved):
            return
        names = {one.subject for one in moved}
        # A verdict may rest on what a change was, and may come to rest on what it is now.
        concerned = runs_concerned(connection, tables, names)
        store_changes(connection, tables, moved)
        rows = [_row(one) for one in runs]
        upsert(connection, tables["deployments"], rows, keep=(*FROM_VERSION_ONE, *JUDGED))
        store_marks_of_runs(connection, tables, runs)
        concerned |= {one.subject for one in runs} | runs_concerned(connection, tables, names)
        _judge(connection, tables, concerned)


def _row(one: Touched) -> tuple[Any, ...]:
    """In the order of the columns, not judged yet."""
    state, text = one.state, state_text(one.state)
    row = (
        one.subject,
        one.number,
        one.first.attributes["source"],
        one.first.time,
        one.latest.time,
        state.get("change"),
        *map(state.get, MEMBERS),
        *(None for _ in JUDGED),
        one.latest.position,
        one.latest.version,
        text,
    )
    return without_nul(row, text)


def _judge(connection: Connection, tables: Tables, subjects: Collection[str]) -> None:
    if not subjects:
        return
    table, changes = tables["deployments"], StoredChanges(connection, tables)
    asked = select(table.c.subject, table.c.state, table.c.told)
    rows = connection.execute(asked.where(among(connection, table.c.subject, subjects))).all()
    judged = [_judged(subject, orjson.loads(state), told, changes) for subject, state, told in rows]
    statement = update(table).where(table.c.subject == bindparam("its"))
    connection.execute(statement.values({name: bindparam(f"_{name}") for name in JUDGED}), judged)


def _judged(
    subject: str, state: Mapping[str, Json], told: str, changes: StoredChanges
) -> dict[str, str | None]:
    moment = happened_at(state) or told
    found = reconciled(state, moment, changes) if has_run(state) else None
    one = found or Reconciled()
    breaches = orjson.dumps(dict(one.breaches)).decode()
    verdict = one.verdict if found else None
    return {
        "its": subject, "_happened_at": moment, "_change": one.change, "_verdict": verdict, "_found_by": one.by,
        "_breaches": breaches,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeploymentFilter:
    """What is asked for; None asks for all. Times are RFC 3339 UTC text with microseconds, of when it happened.

    Of several values any may hold. `change`: that it names, or was found. `environments`: those, and the
    deployments that do not say theirs.
    """

    verdict: Sequence[str] = ()
    status: Sequence[str] = ()
    service: str | None = None
    environments: Sequence[str] | None = None
    change: str | None = None
    since: str | None = None
    until: str | None = None


_REGISTER = DeploymentRegister()


def find_deployments(
    views: Views,
    wanted: DeploymentFilter | None = None,
    *,
    sort: str = "-happened_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of deployments: rows with every column but `state`. `sort`: one of SORTS, with `-` to descend.

    Raises Malformed for a sort, limit or cursor that is none, and ViewNotReady.
    """
    name = check_sort(sort, SORTS)
    with views.reading(_REGISTER) as reading:
        table = reading.tables["deployments"]
        columns = [column for column in table.columns if column.name != "state"]
        conditions = list(_conditions(table, wanted or DeploymentFilter()))
        order = Order(sort, table.c[name], table.c.subject)
        found = page_of(reading, columns, conditions, order, limit=limit, cursor=cursor)
    rows = [{**row, "breaches": orjson.loads(row["breaches"])} for row in found.rows]
    return Answer(found.position, rows, found.next_cursor)


def _conditions(table: Table, wanted: DeploymentFilter) -> Iterator[ColumnElement[bool]]:
    for name in ("verdict", "status"):
        if getattr(wanted, name):
            yield table.c[name].in_(getattr(wanted, name))
    if wanted.service is not None:
        yield table.c.service == wanted.service
    if wanted.environments is not None:
        where = table.c.environment
        yield or_(where.is_(None), where.in_(wanted.environments))
    if wanted.change is not None:
        yield func.coalesce(table.c.change, table.c.named) == wanted.change
    if wanted.since is not None:
        yield table.c.happened_at >= wanted.since
    if wanted.until is not None:
        yield table.c.happened_at < wanted.until
