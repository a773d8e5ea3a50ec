"""The runner: brings every projection to the head of the log, and keeps it there.

A batch and its position are one transaction, so a crash applies nothing twice and loses nothing; another
process that runs the same projections finds the position moved, and goes on from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import OperationalError

from ledger.entry import Entry
from ledger.errors import StorageFailed
from projections.errors import BeyondHead, UnknownProjection
from projections.feed import Feed
from projections.generations import advance, create, drop_retired, swap
from projections.identity import check_consecutive, check_log
from projections.projection import Projection
from projections.registry import PROJECTIONS
from projections.status import Parked, ProjectionStatus, parked_in, status_of
from projections.views import Generation, Views

BATCH_EVENTS = 1_000
POLL_SECONDS = 0.1
"""How late a lost notification can make an answer."""
RETRY_SECONDS = 1.0

Progress = Callable[[str, int, int], None]
"""Told after each batch: projection, its position, the log's head."""

_log = structlog.get_logger(__name__)


class Runner:
    """Runs projections over a log. Any number of runners, in any number of processes, may run at once."""

    def __init__(
        self,
        feed: Feed,
        views: Views,
        projections: Sequence[Projection] = PROJECTIONS,
        *,
        batch_events: int = BATCH_EVENTS,
        poll_seconds: float = POLL_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        gather_seconds: float = 0.0,
    ) -> None:
        """`gather_seconds`: how long `run_forever` lets entries gather between two rounds. A round costs
        some transactions however few entries it takes, and they share the processor with appends.
        """
        self._feed = feed
        self._views = views
        self._projections = {projection.name: projection for projection in projections}
        self._batch_events = batch_events
        self._poll_seconds = poll_seconds
        self._retry_seconds = retry_seconds
        self._gather_seconds = gather_seconds
        self._failing = False

    def prepare(self) -> None:
        """Make the tables that this version needs. Raises ForeignLog, and changes nothing then."""
        check_log(self._feed, self._views, list(self._projections))
        for projection in self._projections.values():
            create(self._views, projection)

    def step(self, progress: Progress | None = None) -> int:
        """One batch for each generation that is behind, then swaps. How many entries were applied."""
        head = self._feed.head().size
        batches: dict[int, list[Entry]] = {}
        applied = 0
        for generation in self._generations():
            projection = self._projections[generation.projection]
            if generation.role == "retired":
                drop_retired(self._views, generation)
            if generation.role == "retired" or generation.version != projection.version:
                continue
            moved = self._advance(projection, generation, head, batches)
            applied += moved.position - generation.position
            if moved.role == "building":
                swap(self._views, moved)
            if progress is not None and moved.position > generation.position:
                progress(projection.name, moved.position, head)
        return applied

    def run_until(self, position: int | None = None, progress: Progress | None = None) -> None:
        """Return once every projection's answers reflect `position` or more; by default the head.

        New tables that are being built have taken their place by then. A projection that newer software
        has taken over is left to it. Raises BeyondHead, and ForeignLog.
        """
        head = self._feed.head().size
        target = head if position is None else position
        if target > head:
            raise BeyondHead(
                f"the log ends at position {head}; cannot run to {target}",
                head=head,
                position=target,
            )
        self.prepare()
        while self._is_behind(target):
            self.step(progress)

    def run_forever(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set. Raises ForeignLog at the start.

        A database that fails for a while is tried again, and `status()` says so meanwhile.
        """
        is_prepared = False
        while not stop.is_set():
            try:
                if not is_prepared:
                    self.prepare()
                    is_prepared = True
                applied = self.step()
                self._failing = False
                if not applied:
                    self._feed.database.wait_for_append(self._poll_seconds)
                elif applied < self._batch_events:
                    stop.wait(self._gather_seconds)
            except (OperationalError, StorageFailed) as error:
                self._failing = True
                _log.warning("projections-wait-for-database", error=type(error).__name__)
                stop.wait(self._retry_seconds)

    def rebuild(self, name: str, progress: Progress | None = None) -> None:
        """Build the projection from nothing beside its live tables, then let it take their place.

        The old tables answer meanwhile. Also the way back to this version after newer software ran.
        Raises UnknownProjection, ForeignLog.
        """
        alone = Runner(
            self._feed, self._views, [self._projection(name)], batch_events=self._batch_events
        )
        alone.prepare()
        made = create(self._views, self._projection(name), rebuild=True)
        while made is not None and alone.is_building(made):
            alone.step(progress)
        # What was replaced is dropped now, unless somebody reads it still.
        alone.step()

    def is_building(self, generation: Generation) -> bool:
        """Are these tables still to take the live ones' place?"""
        return any(
            (found.projection, found.generation, found.role)
            == (generation.projection, generation.generation, "building")
            for found in self._generations()
        )

    def status(self) -> list[ProjectionStatus]:
        """Where each projection stands, in one consistent picture."""
        head = self._feed.head().size
        return status_of(self._views, list(self._projections.values()), head, failing=self._failing)

    def parked(self, name: str) -> list[Parked]:
        """The entries that the live tables of a projection are without. Raises UnknownProjection."""
        self._projection(name)
        return parked_in(self._views, name)

    def _projection(self, name: str) -> Projection:
        if name not in self._projections:
            raise UnknownProjection(
                f"there is no projection {name!r}; there are {', '.join(self._projections)}",
                name=name,
            )
        return self._projections[name]

    def _generations(self) -> list[Generation]:
        with self._views.looking() as connection:
            return self._views.generations_of(connection, *self._projections)

    def _is_behind(self, target: int) -> bool:
        """Is there something that this software may build, and that has not come to `target` yet?"""
        return any(
            generation.version == self._projections[generation.projection].version
            and (
                generation.role == "building"
                or (generation.role == "live" and generation.position < target)
            )
            for generation in self._generations()
        )

    def _advance(
        self,
        projection: Projection,
        generation: Generation,
        head: int,
        batches: dict[int, list[Entry]],
    ) -> Generation:
        """Projections that stand at the same position share what was read and parsed."""
        after = generation.position
        if after >= head:
            return generation
        if after not in batches:
            batches[after] = self._feed.entries(after, self._batch_events, head)
            check_consecutive(batches[after], after)
        moved = advance(self._views, projection, generation, batches[after], self._feed.now)
        return moved or generation
