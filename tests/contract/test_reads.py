"""Readings of audit data: in the ledger within a minute, once for each reader and kind, however many there were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from domain.acts import LEDGER, KeyRotated, LedgerCreated
from domain.errors import LedgerError, UnknownSubject
from domain.principal import DeactivatePrincipal
from domain.reading import MOST_NAMED, LedgerRead
from ledger.errors import ClockJumped
from ledger.genesis import FIRST_PERSON
from ledger.ledger import Ledger
from ledger.owed import LONGEST_SECONDS
from ledger.view import SYSTEM
from tests.contract.conftest import Desk
from tests.contract.test_appending import whole_log


def readings(log: Ledger) -> list[dict[str, Any]]:
    return [entry.data["reading"] for entry in log.entries_of(LEDGER, LedgerRead)]


def a_minute_later(desk: Desk) -> None:
    desk.clock.later_seconds += LONGEST_SECONDS
    desk.log.record_reads()


@contextmanager
def jumped(desk: Desk) -> Iterator[None]:
    """No append works meanwhile."""
    desk.clock.ahead += timedelta(hours=1)
    yield
    desk.clock.ahead -= timedelta(hours=1)


def test_a_reading_is_recorded_on_the_ledger_by_the_ledger(desk: Desk) -> None:
    subject = desk.report()

    desk.log.note_reading(FIRST_PERSON, "history", entries=7, about=(subject,))
    a_minute_later(desk)

    entry = desk.log.entries_of(LEDGER)[-1]
    assert entry.type == "itsm.ledger.read.v1"
    assert (entry.attributes["authid"], entry.attributes["recordedby"]) == (SYSTEM, SYSTEM)
    told = dict(entry.data["reading"])
    assert told.pop("first_at") == told.pop("last_at") < entry.recordedtime
    assert told == {
        "by": FIRST_PERSON, "what": "history", "requests": 1, "entries": 7, "about": [subject],
    }  # fmt: skip
    whole_log(desk.log)


def test_noting_appends_nothing_and_waits_for_nothing(desk: Desk) -> None:
    size = desk.log.head().size

    with desk.log.database.writing():
        # The log's lock is held: whoever waited for it here would wait for ever.
        desk.log.note_reading(FIRST_PERSON, "history", entries=7)

    assert desk.log.head().size == size
    assert desk.log.reads.pending == 1


def test_a_flood_becomes_one_entry_for_each_reader_and_kind_in_a_minute(desk: Desk) -> None:
    ben = desk.person("Ben")
    size = desk.log.head().size

    for _ in range(500):
        desk.log.note_reading(FIRST_PERSON, "history", entries=3)
        desk.log.note_reading(FIRST_PERSON, "entries", entries=100)
        desk.log.note_reading(ben, "history", entries=1)
        desk.log.record_reads()
    assert desk.log.head().size == size
    a_minute_later(desk)

    found = {(one["by"], one["what"]): one for one in readings(desk.log)}
    assert desk.log.head().size == size + 3
    assert {key: (one["requests"], one["entries"]) for key, one in found.items()} == {
        (FIRST_PERSON, "history"): (500, 1_500),
        (FIRST_PERSON, "entries"): (500, 50_000),
        (ben, "history"): (500, 500),
    }
    whole_log(desk.log)


def test_the_next_minute_is_a_record_of_its_own(desk: Desk) -> None:
    desk.log.note_reading(FIRST_PERSON, "history", entries=3)
    a_minute_later(desk)
    desk.log.note_reading(FIRST_PERSON, "history", entries=4)
    desk.log.record_reads()

    assert [one["entries"] for one in readings(desk.log)] == [3]
    a_minute_later(desk)
    first, second = readings(desk.log)
    assert (first["entries"], second["entries"]) == (3, 4)
    assert first["last_at"] < second["first_at"]
    a_minute_later(desk)
    assert len(readings(desk.log)) == 2


def test_a_record_tells_when_the_first_and_the_last_one_was(desk: Desk) -> None:
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)
    desk.clock.later_seconds += 30
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)
    desk.clock.later_seconds += 30
    desk.log.record_reads()

    (one,) = readings(desk.log)
    assert one["requests"] == 2
    assert one["first_at"] < one["last_at"]


def test_subjects_are_named_while_they_are_few(desk: Desk) -> None:
    subjects = [f"incident/INC{number:07}" for number in range(MOST_NAMED * 2)]

    for subject in (*subjects, *subjects):
        desk.log.note_reading(FIRST_PERSON, "history", entries=1, about=(subject,))
    a_minute_later(desk)

    (one,) = readings(desk.log)
    assert (one["requests"], one["about"]) == (MOST_NAMED * 4, subjects[:MOST_NAMED])


def test_what_no_subject_is_called_keeps_no_reading_from_being_recorded(desk: Desk) -> None:
    subject = desk.report()
    for told in ("", "\U0005485d\n", "incident/", subject + "\n", subject):
        desk.log.note_reading(FIRST_PERSON, "activity", entries=1, about=(told,))

    a_minute_later(desk)

    (reading,) = readings(desk.log)
    assert (reading["requests"], reading["about"]) == (5, [subject])


def test_who_may_not_append_is_recorded_as_a_reader(desk: Desk) -> None:
    ben = desk.person("Ben")
    desk.do(DeactivatePrincipal(reason="Left"), ben)

    desk.log.note_reading(ben, "history", entries=1)
    a_minute_later(desk)

    assert [one["by"] for one in readings(desk.log)] == [ben]


def test_what_could_not_be_recorded_is_told_and_tried_again(desk: Desk) -> None:
    told: list[tuple[int, LedgerError]] = []
    desk.log.when_unrecorded = lambda requests, error: told.append((requests, error))
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)
    desk.clock.later_seconds += LONGEST_SECONDS

    with jumped(desk):
        desk.log.record_reads()
        desk.log.note_reading(FIRST_PERSON, "history", entries=2)
        desk.log.record_reads()

    assert [(requests, type(error)) for requests, error in told] == [
        (1, ClockJumped), (2, ClockJumped),
    ]  # fmt: skip
    assert readings(desk.log) == []
    desk.log.record_reads()
    (one,) = readings(desk.log)
    assert (one["requests"], one["entries"], desk.log.reads.pending) == (2, 3, 0)
    whole_log(desk.log)


def test_orders_go_on_while_readings_wait(desk: Desk) -> None:
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)
    desk.clock.later_seconds += LONGEST_SECONDS

    size = desk.log.head().size
    desk.report()

    # What somebody reads moves nobody's positions but by an entry of its own.
    assert desk.log.head().size == size + 1
    assert desk.log.reads.pending == 1


def test_closing_records_what_is_pending(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)

    desk.log.close()

    assert [one["requests"] for one in readings(desk.open())] == [1]


def test_closing_does_not_fail_because_readings_cannot_be_recorded(
    make_desk: Callable[..., Desk],
) -> None:
    desk, told = make_desk(), list[int]()
    desk.log.when_unrecorded = lambda requests, _: told.append(requests)
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)

    with jumped(desk):
        desk.log.close()

    assert told == [1]


def test_no_reading_is_lost_between_readers_and_the_writer(desk: Desk) -> None:
    def read() -> None:
        for _ in range(200):
            desk.log.note_reading(FIRST_PERSON, "entries", entries=1)

    readers = [Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        desk.log.record_reads(all_of_them=True)
    desk.log.record_reads(all_of_them=True)

    assert sum(one["requests"] for one in readings(desk.log)) == 800
    assert desk.log.reads.pending == 0
    whole_log(desk.log)


def test_a_ledger_that_was_opened_to_look_records_nothing(desk: Desk) -> None:
    looking = desk.ledger()

    looking.note_reading(FIRST_PERSON, "history", entries=1)
    looking.record_reads(all_of_them=True)

    assert readings(desk.log) == []


def test_keys_are_found_whatever_was_read(desk: Desk) -> None:
    keys = desk.log.vkeys()
    desk.log.note_reading(FIRST_PERSON, "history", entries=1)
    a_minute_later(desk)

    assert desk.log.vkeys() == keys
    assert len(desk.log.entries_of(LEDGER, LedgerCreated, KeyRotated)) == 1
    assert desk.log.entries_of("incident/INC0099999", LedgerRead) == []
    with pytest.raises(UnknownSubject):
        desk.log.entries_of("incident/INC0099999")
