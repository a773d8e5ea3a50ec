"""What the server writes to its log about a failure."""

from __future__ import annotations

import subprocess
import sys

import orjson

FAIL = """
import logging, structlog
from api.http.logs import configure_logs
configure_logs()
try:
    raise ValueError("Ada Lovelace's laptop")
except ValueError as error:
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
    structlog.get_logger("api").error("failed", exc_info=True)
"""


def test_a_failure_is_logged_by_its_place_and_not_by_what_it_says() -> None:
    """The message of an exception may repeat what a client sent."""
    done = subprocess.run(
        [sys.executable, "-c", FAIL], capture_output=True, text=True, check=True, timeout=60
    )

    assert "Lovelace" not in done.stderr
    theirs, ours = (orjson.loads(line) for line in done.stderr.splitlines())
    for line in (theirs, ours):
        assert line["exception"] == "ValueError"
        assert line["frames"] == ["<string>:6 <module>"]
    assert (theirs["logger"], ours["logger"]) == ("uvicorn.error", "api")
