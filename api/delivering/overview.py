"""How webhooks stand: what the log says of each, with how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.delivering.progress import Progress, Standing
from domain.event import State
from domain.rosters import WEBHOOKS
from ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Webhook:
    """`lag`: entries of the log that it was not told of yet, or that it need not be told of."""

    subject: str
    state: State
    version: int
    standing: Standing
    lag: int
    dead_letters: int

    @property
    def number(self) -> str:
        return self.subject.partition("/")[2]

    @property
    def is_failing(self) -> bool:
        return self.standing.failing_since is not None and self.state["status"] == "active"

    def told(self) -> dict[str, Any]:
        """As JSON, without its URL. `tries`: of the next event, so far."""
        state, standing = self.state, self.standing
        return {
            "webhook": self.subject,
            "status": state["status"],
            "because": state.get("because"),
            "receiver": state["receiver"],
            "events": sorted(state["events"]),
            "owner": state["owner"],
            "position": standing.position,
            "lag": self.lag,
            "delivered": standing.delivered,
            "dead_letters": self.dead_letters,
            "failing_since": standing.failing_since,
            "tries": standing.tries,
            "next_try": standing.next_try,
            "last_try": standing.last_try,
            "last_outcome": standing.last_outcome,
        }


def live_webhooks(ledger: Ledger, progress: Progress) -> list[Webhook]:
    """Those that did not end, in the order in which they were registered. Raises StorageFailed."""
    return _standing(ledger, progress, ledger.roster(WEBHOOKS).members)


def webhook(ledger: Ledger, progress: Progress, subject: str) -> Webhook:
    """`subject`: of a webhook, which may have ended. Raises StorageFailed."""
    return _standing(ledger, progress, [subject])[0]


def _standing(ledger: Ledger, progress: Progress, subjects: Sequence[str]) -> list[Webhook]:
    """Where nothing was delivered yet, or a replay was ordered and not yet heeded, one stands where it begins."""
    if not subjects:
        return []
    standings, letters = progress.standings(), progress.dead_letter_counts()
    size, found = ledger.head().size, []
    for subject in subjects:
        loaded = ledger.load(subject)
        begins = loaded.state["begins"]
        fresh = Standing(subject, begins["run"], int(begins["after"]))
        kept = standings.get(subject, fresh)
        standing = kept if kept.run == begins["run"] else replace(fresh, delivered=kept.delivered)
        lag = max(0, size - standing.position)
        found.append(
            Webhook(subject, loaded.state, loaded.version, standing, lag, letters.get(subject, 0))
        )
    return found


def counts(ledger: Ledger, progress: Progress) -> dict[str, int]:
    """For whoever asks whether all is well, without names."""
    found = live_webhooks(ledger, progress)
    return {
        "live": len(found),
        "failing": sum(one.is_failing for one in found),
        "disabled": sum(one.state["status"] == "disabled" for one in found),
        "dead_letters": sum(one.dead_letters for one in found),
    }
