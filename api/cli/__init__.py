"""The command line `itsm-ledger`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from api.cli.commands import app
from api.collector import calm_collector


def main() -> None:
    """The console script. Ends the process with one of the exit codes of `api/errors.py`."""
    calm_collector()
    app(prog_name="itsm-ledger")
