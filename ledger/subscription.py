"""Past and future entries as one iteration, on both databases.

A notification shortens the wait; polling makes a lost one cost milliseconds instead of an entry.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification, Subscription

if TYPE_CHECKING:
    from ledger.recorder import LogRecorder

BATCH = 500
POLL_SECONDS = 0.1


class LogSubscription(Subscription):  # type: ignore[type-arg]  # its parameter is the library's recorder class
    """Iterate; `stop()` from another thread ends the iteration within POLL_SECONDS."""

    def __init__(
        self, recorder: LogRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._log = recorder
        self._position = gt or 0
        self._waiting: deque[Notification] = deque()

    def __next__(self) -> Notification:
        while not self._waiting:
            if self._has_been_stopped:
                raise StopIteration
            self._fetch()
        if self._has_been_stopped:
            raise StopIteration
        return self._waiting.popleft()

    def _fetch(self) -> None:
        # The head is read first: entries up to it are settled, whatever their type.
        head = self._log.max_notification_id() or 0
        found = self._log.select_notifications(
            self._position, BATCH, head, self._topics, inclusive_of_start=False
        )
        self._waiting.extend(found)
        self._position = found[-1].id if len(found) == BATCH else max(head, self._position)
        if not found:
            self._log.database.wait_for_append(POLL_SECONDS)
