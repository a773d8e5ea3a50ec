"""Each import contract of pyproject.toml holds here, and is shown able to fail."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "ledger", "projections", "replay", "api")

INWARD = "Rooms are entered inward only"
DATABASE = "Only the ledger knows the log's database"
PURE = "The domain is pure"
NO_TESTS = "The product runs without its tests"

# contract, the room that breaks it, how
VIOLATIONS = [
    (INWARD, "domain", "import ledger"),
    (INWARD, "ledger", "import projections"),
    (INWARD, "projections", "import replay"),
    (INWARD, "replay", "import api"),
    (DATABASE, "domain", "import eventsourcing"),
    (DATABASE, "projections", "import sqlite3"),
    (DATABASE, "replay", "from psycopg import connect"),
    (DATABASE, "api", "from psycopg_pool import ConnectionPool"),
    (PURE, "domain", "from os import environ"),
    (PURE, "domain", "import random"),
    (PURE, "domain", "import time"),
    (NO_TESTS, "api", "from tests import bench"),
]


def contracts() -> list[str]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in config["tool"]["importlinter"]["contracts"]]


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


@pytest.fixture
def empty_house(tmp_path: Path) -> Path:
    """The five rooms with nothing in them, under the real configuration."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    return tmp_path


def test_the_tree_keeps_every_contract() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


def test_an_empty_house_keeps_every_contract(empty_house: Path) -> None:
    """So whatever breaks below is broken by the one line that is added."""
    assert lint_imports(empty_house).returncode == 0


@pytest.mark.parametrize(("contract", "room", "line"), VIOLATIONS)
def test_a_violation_breaks_its_contract(
    empty_house: Path, contract: str, room: str, line: str
) -> None:
    (empty_house / room / "guilty.py").write_text(f"{line}\n")

    done = lint_imports(empty_house)

    assert done.returncode != 0
    assert f"{contract} BROKEN" in " ".join(done.stdout.split())
    assert f"{room}.guilty" in done.stdout


def test_every_contract_has_a_violation_that_breaks_it() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(contracts())
