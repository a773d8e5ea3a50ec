"""Asking another policy about a million decisions: how many a second in one process, and how much memory."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from tests.bench.company import staffed
from tests.bench.decided import decided
from tests.bench.houses import Place, Ran, a_house, a_place, itsm_ledger
from tests.bench.measuring import Figure

FEW, MANY = 100_000, 1_000_000
A_SECOND = 5_000.0


def checked(kind: str) -> Iterator[Figure]:
    """By the command line. On PostgreSQL a tenth of them: what is behind the database is the same."""
    count = MANY if kind == "sqlite" else FEW
    with a_place(kind) as place:
        with a_house(place) as house:
            company = staffed(house.ledger)
            before = house.ledger.head().size
            decided(house.ledger, company, count)
        last = _check(place, before, count)
        yield Figure(
            f"`check` over {count:,} decisions in one process, against {A_SECOND:,.0f}/s",
            kind, count / last.seconds, A_SECOND, "decisions/s", 1.0,
        )  # fmt: skip
        if count > FEW:
            first = _check(place, before, FEW)
            yield Figure(
                f"its peak memory, against that over {FEW:,}",
                kind, last.peak, first.peak, "MiB", 1.2, at_most=True,
            )  # fmt: skip


def _check(place: Place, before: int, count: int) -> Ran:
    """The policy in force on so many: it would decide none of them otherwise."""
    span = ["--from", str(before + 1), "--to", str(before + count)]
    ran = itsm_ledger(["check", "--policy", "in-force", *span, "--json"], place.environment)
    told = orjson.loads(ran.output)
    if (told["asked"], told["unknown"], told["otherwise"]) != (count, 0, []):
        raise AssertionError(f"expected {count} decisions to stand, got {told}")
    return ran
