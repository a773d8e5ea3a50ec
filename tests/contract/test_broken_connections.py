"""A connection that breaks: what is answered was recorded, and what was not recorded is never answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from ledger.database import Transaction
from ledger.errors import OutcomeUnknown, StorageFailed
from tests.contract.conftest import Desk
from tests.contract.test_appending import whole_log


def test_a_commit_whose_answer_was_lost_is_found_to_be_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = desk.report()
    really = desk.log.database.writing

    @contextmanager
    def commits_and_breaks() -> Iterator[Transaction]:
        with really() as transaction:
            yield transaction
        raise OutcomeUnknown

    with monkeypatch.context() as breaking:
        breaking.setattr(desk.log.database, "writing", commits_and_breaks)
        receipt = desk.comment(subject, "Did this arrive?")

    assert desk.log.entry(receipt.position).subject == subject
    assert desk.comment(subject, "It did").version == 3
    whole_log(desk.log)


def test_a_commit_that_never_happened_stays_unknown_to_its_client(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = desk.report()
    really = desk.log.database.writing

    @contextmanager
    def breaks_before_the_commit() -> Iterator[Transaction]:
        with suppress(KeyboardInterrupt), really() as transaction:
            yield transaction
            raise KeyboardInterrupt  # rolls back
        raise OutcomeUnknown

    with monkeypatch.context() as breaking:
        breaking.setattr(desk.log.database, "writing", breaks_before_the_commit)
        with pytest.raises(OutcomeUnknown):
            desk.comment(subject, "Did this arrive?")

    assert desk.comment(subject, "It did not").version == 2
    whole_log(desk.log)


def test_after_the_server_drops_every_connection_the_next_try_works(desk: Desk) -> None:
    if desk.log.database.dialect != "postgresql":
        return  # SQLite has no server
    subject = desk.report()
    with psycopg.connect(desk.url, autocommit=True) as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(StorageFailed):
        desk.log.load(subject)

    assert desk.comment(subject, "again").version == 2
    whole_log(desk.log)
