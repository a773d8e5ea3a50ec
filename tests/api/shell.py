"""The command line as a shell sees it: output, errors and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.commands import app
from api.compose import House, open_house
from api.settings import Settings
from domain.incident_commands import ReportIncident
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.govern import Actor, Order
from tests.staffing import give_every_role

ITSM_LEDGER = Path(sys.executable).with_name("itsm-ledger")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output holds one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs commands on the ledger in `directory`. `env` is added to what is there.

    `genesis`: how many entries the log had when the test was given it.
    """

    directory: Path
    env: dict[str, str]
    genesis: int = 0

    def __call__(self, *arguments: str, stdin: str | None = None, **env: str) -> Done:
        done = CliRunner().invoke(app, list(arguments), input=stdin, env={**self.env, **env})
        # Whatever is not an exit code is a traceback on a user's screen.
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str | None = None, **env: str) -> Done:
        done = self(*arguments, stdin=stdin, **env)
        assert done.code == 0, done.err
        return done

    def report(self, title: str = "Mail is slow", **members: Any) -> str:
        """The subject of a new incident."""
        data = json.dumps({"title": title, **members})
        return str(self.order("incident", "report", data)["subject"])

    def order(self, family: str, command: str, data: str = "{}", *subject: str) -> dict[str, Any]:
        """The last receipt."""
        done = self.ok("order", family, command, *subject, "--data", data, "--json")
        return dict(done.json["receipts"][-1])

    def process(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """In a process of its own, for signals and pipes."""
        return subprocess.Popen(
            [ITSM_LEDGER, *arguments], env={**os.environ, **self.env}, cwd=self.directory, **options
        )


def fill(shell: Shell, incidents: int) -> None:
    """That many more entries, in one commit: tiles fill at 256."""
    house = house_of(shell)
    orders = [Order(ReportIncident(title=str(n)), Actor(OPERATOR)) for n in range(incidents)]
    house.ledger.writer.submit([house.ledger.proposal(order) for order in orders])
    house.close()


def shell_in(directory: Path) -> Shell:
    return Shell(directory, {"ITSM_LEDGER_DATABASE_URL": f"sqlite:///{directory / 'ledger.db'}"})


def shell_with_ledger(directory: Path) -> tuple[Shell, dict[str, Any]]:
    """A fresh ledger whose first person and operator hold every role, and what `init --json` said."""
    shell = shell_in(directory)
    made = shell.ok("init", "--origin", "ledger.example/acme", "--json").json
    return staffed(shell), made


def staffed(shell: Shell) -> Shell:
    """The same, once the first person and the operator hold every role."""
    house = house_of(shell)
    give_every_role(house.ledger, FIRST_PERSON, OPERATOR)
    size = house.ledger.head().size
    house.close()
    return replace(shell, genesis=size)


def house_of(shell: Shell) -> House:
    """Opened as the commands would, with the shell's own settings."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in shell.env.items():
            environment.setenv(name, value)
        return open_house(Settings())
