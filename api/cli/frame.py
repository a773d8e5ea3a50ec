"""What every command stands in: the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from domain.errors import LedgerError, Malformed

EXIT_INTERRUPTED: Final = 130
EXIT_PIPE_CLOSED: Final = 141
"""What a shell reports for a process that SIGPIPE ended, as it would any other program in the pipe."""


class Commands(TyperGroup):
    """The root of the commands. No traceback for anything that can be foreseen."""

    def invoke(self, ctx: Any) -> Any:
        try:
            done = super().invoke(ctx)
            # What is still buffered must meet a closed pipe here, not when the interpreter ends.
            sys.stdout.flush()
        except LedgerError as error:
            raise typer.Exit(explain(error)) from None
        except BrokenPipeError:
            _drop_output()
            raise typer.Exit(EXIT_PIPE_CLOSED) from None
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except OSError as error:
            raise typer.Exit(explain(_unusable(error))) from None
        return done


def explain(error: LedgerError) -> int:
    """One paragraph on standard error: what is so, and what to do. Returns the exit code."""
    from api.errors import advice_of, exit_code_of

    typer.echo(f"itsm-ledger: {error.message} [{error.code}]", err=True)
    typer.echo(f"  {advice_of(error)}", err=True)
    return exit_code_of(error)


def _unusable(error: OSError) -> Malformed:
    """A file that was named and is not there, is a directory, or may not be read or written."""
    named = error.filename or "a file"
    return Malformed(f"{named} cannot be used: {error.strerror or type(error).__name__}")


def _drop_output() -> None:
    """Nobody reads any more; without this the interpreter would complain about it while it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
