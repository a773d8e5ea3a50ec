"""Which refusals are recorded, and which are only counted: a flood of them must not fill the ledger.

Each principal's first `EACH` in a minute are recorded one by one. Those beyond are counted, and the count is
recorded with the principal's next one, or once `LONGEST_SECONDS` have gone by. Nothing is dropped but by the
end of the process, which records what it still owes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from domain.errors import Refused
from domain.refusal import OrderRefused
from ledger.entry import Draft
from ledger.ids import new_uuid7
from ledger.view import SYSTEM, View

EACH: Final = 20
MINUTE_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 60.0
MOST_PRINCIPALS: Final = 10_000
"""Principals that are kept count of; beyond that, those that owe nothing are forgotten."""


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


class _Count(NamedTuple):
    """Of one principal: since when its minute runs, how many it had, and what is not recorded yet."""

    since: float
    had: int
    owed: int
    last: Attempt


class Refusals:
    """Of one process. Only whoever holds the log's lock uses it; each commit ends with `keep` or `undo`."""

    def __init__(self, monotonic_seconds: Callable[[], float]) -> None:
        self._seconds = monotonic_seconds
        self._counts: dict[str, _Count] = {}
        self._before: dict[str, _Count | None] = {}
        """What this commit changed, as it was."""

    @property
    def owes(self) -> bool:
        return any(count.owed for count in self._counts.values())

    def noted(self, attempt: Attempt, view: View) -> list[Draft]:
        """What to record of it now: itself, with those that were counted before; or nothing yet."""
        now, count = self._seconds(), self._counts.get(attempt.actor)
        if count is None:
            count = _Count(now, 0, 0, attempt)
        elif now - count.since >= MINUTE_SECONDS:
            count = _Count(now, 0, count.owed, attempt)
        count = _Count(count.since, count.had + 1, count.owed + 1, attempt)
        if count.had <= EACH:
            return self._settled(count, view)
        self._put(attempt.actor, count)
        return []

    def due(self, view: View, *, all_of_them: bool = False) -> list[Draft]:
        """What has been owed for too long; `all_of_them`: whatever is owed."""
        now = self._seconds()
        late = [
            count
            for count in self._counts.values()
            if count.owed and (all_of_them or now - count.since >= LONGEST_SECONDS)
        ]
        return [draft for count in late for draft in self._settled(count, view)]

    def keep(self) -> None:
        """What was settled since the last `keep` or `undo` is recorded."""
        self._before.clear()
        if len(self._counts) > MOST_PRINCIPALS:
            self._counts = {actor: count for actor, count in self._counts.items() if count.owed}

    def undo(self) -> None:
        """It is not."""
        for actor, count in self._before.items():
            if count is None:
                self._counts.pop(actor, None)
            else:
                self._counts[actor] = count
        self._before.clear()

    def _settled(self, count: _Count, view: View) -> list[Draft]:
        self._put(count.last.actor, _Count(count.since, count.had, 0, count.last))
        return _drafts(count.last, count.owed, view)

    def _put(self, actor: str, count: _Count) -> None:
        self._before.setdefault(actor, self._counts.get(actor))
        self._counts[actor] = count


def attempt_of(actor: str, action: str, subject: str, error: Refused, at: str) -> Attempt:
    policy = error.facts.get("policy")
    told = str(policy) if policy else None
    return Attempt(actor, action, subject[:200], error.code, error.rules, told, at)


def _drafts(attempt: Attempt, number: int, view: View) -> list[Draft]:
    """Nothing for a principal that the ledger does not know: there is no subject to record it on."""
    loaded = view.load(attempt.actor)
    if not loaded.version:
        return []
    said: dict[str, str | int] = {
        "authtype": "system",
        "authid": SYSTEM,
        "recordedby": SYSTEM,
        "decision": "observed",
    }
    if attempt.policy:
        said["policy"] = attempt.policy
    if attempt.rules:
        said["rules"] = " ".join(attempt.rules)
    event = OrderRefused(
        refusals=loaded.state.get("refusals", 0) + number,
        last_refusal={
            "action": attempt.action,
            "subject": attempt.subject,
            "code": attempt.code,
            "at": attempt.at,
            "on_behalf_of": attempt.on_behalf_of,
        },
    )
    return [
        Draft(
            attempt.actor,
            OrderRefused,
            event.data(),
            view.recordedtime,
            new_uuid7(),
            view.source,
            said,
        )
    ]
