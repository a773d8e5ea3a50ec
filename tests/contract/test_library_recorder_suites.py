"""The event-sourcing library's own recorder suites, run on our recorders of both databases."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest import TestCase
from uuid import uuid4

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from ledger.urls import library_environment
from tests.contract.databases import fresh_database_url


class OnOurRecorder(TestCase):
    database: str

    def setUp(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._factories: list[InfrastructureFactory[Any]] = []

    def tearDown(self) -> None:
        for factory in self._factories:
            factory.close()
        self._directory.cleanup()

    def new_originator_id(self) -> str:
        return f"incident/{uuid4()}"

    def create_recorder(self) -> Any:
        url = fresh_database_url(self.database, Path(self._directory.name))
        factory: InfrastructureFactory[Any] = InfrastructureFactory.construct(
            library_environment(url, create_tables=True)
        )
        self._factories.append(factory)
        return factory.application_recorder()


class TestSQLiteApplicationRecorder(OnOurRecorder, ApplicationRecorderTestCase[Any]):
    database = "sqlite"


class TestPostgresApplicationRecorder(OnOurRecorder, ApplicationRecorderTestCase[Any]):
    database = "postgresql"


class TestSQLiteNonInterleaving(OnOurRecorder, NonInterleavingNotificationIDsBaseCase):
    database = "sqlite"


class TestPostgresNonInterleaving(OnOurRecorder, NonInterleavingNotificationIDsBaseCase):
    database = "postgresql"


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase, OnOurRecorder
