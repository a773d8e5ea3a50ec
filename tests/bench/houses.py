"""Ledgers as they are installed: settings in the environment, keys in files, commands in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.compose import House, open_house
from api.settings import Settings
from tests.contract.databases import fresh_database_url
from tests.staffing import init

KIBIBYTES = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """`environment`: what a command needs to find the ledger. Its operator and first person hold every role.

    `token`: the first person's.
    """

    settings: Settings
    token: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ran:
    """A whole process, from start to end. `peak`: the most memory it held, in MiB."""

    seconds: float
    peak: float
    output: bytes


@contextmanager
def a_place(kind: str) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as directory:
        environment = {
            "ITSM_LEDGER_DATABASE_URL": fresh_database_url(kind, Path(directory)),
            "ITSM_LEDGER_VAULT_URL": f"sqlite:///{directory}/vault.db",
            "ITSM_LEDGER_KEY_FILE": f"{directory}/key",
            "ITSM_LEDGER_MASTER_KEY_FILE": f"{directory}/master",
        }
        settings = Settings(
            database_url=environment["ITSM_LEDGER_DATABASE_URL"],
            vault_url=environment["ITSM_LEDGER_VAULT_URL"],
            key_file=Path(environment["ITSM_LEDGER_KEY_FILE"]),
            master_key_file=Path(environment["ITSM_LEDGER_MASTER_KEY_FILE"]),
        )
        made = init(settings, origin=None, administrator="Ada")
        yield Place(settings, made.token, environment)


@contextmanager
def a_house(place: Place) -> Iterator[House]:
    house = open_house(place.settings)
    try:
        yield house
    finally:
        house.close()


def itsm_ledger(arguments: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Run the command line. Raises CalledProcessError."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MAIN, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    elapsed = time.perf_counter() - started
    peak = int(done.stderr.rsplit(b"VmHWM:", 1)[1].split()[0])
    return Ran(elapsed, peak / KIBIBYTES, done.stdout)


# What `wait4` tells of a child's memory begins with that of its parent, from before it became another program.
_MAIN = """
import atexit, sys

def tell():
    with open("/proc/self/status") as status:
        sys.stderr.write(next(line for line in status if line.startswith("VmHWM:")))

atexit.register(tell)
from api.cli import main
main()
"""
