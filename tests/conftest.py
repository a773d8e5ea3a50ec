"""For every test: scratch directories lie in memory where the machine offers that.

Durability is asked of the disk by the benchmark; here an fsync only makes thousands of small ledgers slow.
A killed process loses nothing on a memory file system either.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    tempfile.tempdir = str(_MEMORY)

# No property is a timed test: on a busy machine an example takes as long as it takes.
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
