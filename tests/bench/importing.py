"""The whole ServiceNow log through the command line: seconds and peak memory, durable and sealed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measuring import Figure
from tests.contract.databases import fresh_database_url
from tests.shared import shared_path

SECONDS, MEBIBYTES = 20.0, 300.0


def imported(kind: str) -> Iterator[Figure]:
    log = shared_path("data", "uci_incident_event_log.csv.gz")
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            **os.environ,
            "ITSM_LEDGER_DATABASE_URL": fresh_database_url(kind, Path(directory)),
            "ITSM_LEDGER_VAULT_URL": f"sqlite:///{directory}/vault.db",
            "ITSM_LEDGER_KEY_FILE": f"{directory}/key",
            "ITSM_LEDGER_MASTER_KEY_FILE": f"{directory}/master",
        }
        _itsm_ledger(["init"], environment)
        started = time.perf_counter()
        _itsm_ledger(
            ["import", str(log), "--mapping", "servicenow-incidents", "--json",
             "--rejects", f"{directory}/rejects.jsonl"],
            environment,
        )  # fmt: skip
        _itsm_ledger(["checkpoint"], environment)
        elapsed = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield Figure("import of the ServiceNow log (141,712 rows), against 20 s", kind, elapsed, SECONDS, "s", 1.0, at_most=True)  # fmt: skip
    yield Figure("its peak memory (of any process started so far), against 300 MiB", kind, peak, MEBIBYTES, "MiB", 1.0, at_most=True)  # fmt: skip


def _itsm_ledger(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *arguments],
        env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
