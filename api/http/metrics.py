"""What `/metrics` tells (Prometheus). One registry for each application, so that two can run in a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.delivering.overview import Webhook
from ledger.writer import Outcome, Recorded
from projections.status import ProjectionStatus

LATENCY_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
GROUP_EVENTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048)

OUTCOMES: Final = ("recorded", "replayed", "refused")


class Metrics:
    """Labels are route templates, methods and statuses: never what a client chose freely."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "itsm_ledger_http_requests_total",
            "Requests answered",
            ("method", "route", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            "itsm_ledger_http_request_seconds",
            "Time from a request's headers to the end of its answer",
            ("route",),
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "itsm_ledger_http_requests_in_flight", "Requests being served", registry=registry
        )
        self._proposals = Counter(
            "itsm_ledger_proposals_total",
            "Orders and facts by what came of them",
            ("outcome",),
            registry=registry,
        )
        self._refused_sign_ins = Counter(
            "itsm_ledger_sign_ins_refused_total",
            "Requests whose sender was not signed in, by why",
            ("outcome",),
            registry=registry,
        )
        self._pending_reads = Gauge(
            "itsm_ledger_reads_unrecorded",
            "Requests for audit data that no entry tells of yet",
            registry=registry,
        )
        self._failed_reads = Counter(
            "itsm_ledger_read_record_failures_total",
            "Times that readings of audit data could not be recorded; they are tried again",
            registry=registry,
        )
        self._groups = Histogram(
            "itsm_ledger_commit_group_proposals",
            "Orders and facts of HTTP requests that were answered together after a commit",
            buckets=GROUP_EVENTS,
            registry=registry,
        )
        self._size = Gauge("itsm_ledger_head_size", "Entries in the log", registry=registry)
        self._checkpoint = Gauge(
            "itsm_ledger_checkpoint_size", "Entries under the newest checkpoint", registry=registry
        )
        self._lag = Gauge(
            "itsm_ledger_projection_lag",
            "Entries that a projection is behind",
            ("projection",),
            registry=registry,
        )
        self._parked = Gauge(
            "itsm_ledger_projection_parked",
            "Entries that a projection could not take",
            ("projection",),
            registry=registry,
        )

        self._tries = Counter(
            "itsm_ledger_webhook_tries_total",
            "Deliveries to webhooks that were tried, by what came of them",
            ("outcome",),
            registry=registry,
        )
        self._behind = Gauge(
            "itsm_ledger_webhook_lag",
            "Entries that a webhook is behind",
            ("webhook",),
            registry=registry,
        )
        self._dead_letters = Gauge(
            "itsm_ledger_webhook_dead_letters",
            "Events that were given up, and stand as dead letters",
            ("webhook",),
            registry=registry,
        )

    def serving(self, count: Callable[[], int]) -> None:
        """`count` is asked with each scrape."""
        self._in_flight.set_function(count)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        label = (method, route, status)
        if label not in self._children:
            # Looking a label up costs more than counting.
            self._children[label] = (
                self._requests.labels(method, route, str(status)),
                self._latency.labels(route),
            )
        requests, latency = self._children[label]
        requests.inc()
        latency.observe(seconds)

    def sign_in_refused(self, outcome: str) -> None:
        """`outcome` is one of our own words, never a client's."""
        self._refused_sign_ins.labels(outcome).inc()

    def reading(self, pending: Callable[[], int]) -> None:
        """`pending` is asked with each scrape."""
        self._pending_reads.set_function(pending)

    def readings_not_recorded(self) -> None:
        self._failed_reads.inc()

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """What one commit came to."""
        recorded = [one.replayed for one in outcomes if isinstance(one, Recorded)]
        replayed = sum(recorded)
        counts = (len(recorded) - replayed, replayed, len(outcomes) - len(recorded))
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            if count:
                self._proposals.labels(outcome).inc(count)
        self._groups.observe(len(outcomes))

    def tried(self, outcome: str) -> None:
        """`outcome` is one of our own words, or `status-` with a status."""
        self._tries.labels(outcome).inc()

    def delivering(self, webhooks: Sequence[Webhook]) -> None:
        """As they stand. Those that ended are told of no more."""
        self._behind.clear()
        self._dead_letters.clear()
        for webhook in webhooks:
            self._behind.labels(webhook.number).set(webhook.lag)
            self._dead_letters.labels(webhook.number).set(webhook.dead_letters)

    def text(
        self, size: int, checkpoint_size: int, projections: Sequence[ProjectionStatus]
    ) -> bytes:
        """The exposition format."""
        self._size.set(size)
        self._checkpoint.set(checkpoint_size)
        for status in projections:
            self._lag.labels(status.projection).set(status.lag)
            self._parked.labels(status.projection).set(status.parked)
        return generate_latest(self._registry)
