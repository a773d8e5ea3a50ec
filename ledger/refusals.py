"""Which refusals are recorded, and which are only counted: a flood of them must not fill the ledger.

Each principal's first `EACH` in a minute are recorded one by one. Those beyond are counted, and the count is
recorded with the principal's next one, or once it has been owed for too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from domain.errors import Refused
from domain.refusal import OrderRefused
from ledger.entry import Draft
from ledger.ids import new_uuid7
from ledger.owed import Count, Owed, told_by_the_ledger
from ledger.view import View

EACH: Final = 20
MINUTE_SECONDS: Final = 60.0
MOST_PRINCIPALS: Final = 10_000


class Attempt(NamedTuple):
    """Who ordered what of which subject, for whom if not for themselves, and how it was refused."""

    actor: str
    action: str
    subject: str
    code: str
    rules: tuple[str, ...]
    policy: str | None
    at: str
    on_behalf_of: str | None = None


class Refusals(Owed[str, Attempt]):
    """By principal: since when its minute runs, how many it had in it, and the last one."""

    def __init__(self, monotonic_seconds: Callable[[], float]) -> None:
        super().__init__(monotonic_seconds, MOST_PRINCIPALS)

    def noted(self, attempt: Attempt, view: View) -> list[Draft]:
        """What to record of it now: itself, with those that were counted before; or nothing yet."""
        now, count = self._seconds(), self._counts.get(attempt.actor)
        if count is None:
            count = Count(now, 0, 0, attempt)
        elif now - count.since >= MINUTE_SECONDS:
            count = Count(now, 0, count.owed, attempt)
        count = Count(count.since, count.had + 1, count.owed + 1, attempt)
        if count.had <= EACH:
            return self._settled(attempt.actor, count, view)
        self._put(attempt.actor, count)
        return []

    def _drafts(self, key: str, count: Count[Attempt], view: View) -> list[Draft]:
        """Nothing for a principal that the ledger does not know: there is no subject to record it on."""
        loaded, attempt = view.load(key), count.seen
        if not loaded.version:
            return []
        said = told_by_the_ledger()
        if attempt.policy:
            said["policy"] = attempt.policy
        if attempt.rules:
            said["rules"] = " ".join(attempt.rules)
        event = OrderRefused(
            refusals=loaded.state.get("refusals", 0) + count.owed,
            last_refusal={
                "action": attempt.action,
                "subject": attempt.subject,
                "code": attempt.code,
                "at": attempt.at,
                "on_behalf_of": attempt.on_behalf_of,
            },
        )
        data, at = event.data(), view.recordedtime
        return [Draft(key, OrderRefused, data, at, new_uuid7(), view.source, said)]


def attempt_of(actor: str, action: str, subject: str, error: Refused, at: str) -> Attempt:
    policy = error.facts.get("policy")
    told = str(policy) if policy else None
    return Attempt(actor, action, subject[:200], error.code, error.rules, told, at)
