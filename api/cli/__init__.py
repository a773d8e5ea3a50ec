"""The command line `itsm-ledger`. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from api.cli.commands import app


def main() -> None:
    """The console script. Ends the process with one of the exit codes of `api/errors.py`."""
    app(prog_name="itsm-ledger")
