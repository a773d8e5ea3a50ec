"""Files that are handed out: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Written beside its place and moved there when it is complete, so that a reader sees the old file or the new one.

    What could not be finished is not left behind. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with begun.open("wb") as out:
            yield out
        begun.replace(path)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
