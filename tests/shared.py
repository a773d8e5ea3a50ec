"""The public vectors and data sets that are shared between projects and not part of this
repository.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parent.parent
_VARIABLE = "ITSM_LEDGER_SHARED"


def shared_path(*parts: str) -> Path:
    """A file below the shared folder: `$ITSM_LEDGER_SHARED`, else `../shared` beside the
    repository.

    Skips the test that asks, and says what is missing, where the file is not there.
    """
    path = Path(os.environ.get(_VARIABLE, _REPOSITORY.parent / "shared")).joinpath(*parts)
    if not path.exists():
        reason = f"{'/'.join(parts)} is missing; set {_VARIABLE} to the folder that holds it"
        pytest.skip(reason, allow_module_level=True)
    return path


def shared_archive(*parts: str) -> dict[str, bytes]:
    """The regular files of a shared .tar.gz by their path inside it. Skips as `shared_path` does."""
    with tarfile.open(fileobj=io.BytesIO(shared_path(*parts).read_bytes())) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}
