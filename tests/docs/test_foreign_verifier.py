"""A checkpoint, a proof and the tiles, as a program sees them that is not ours: aics-tlog, as in proof.md."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.shell import Shell, fill, shell_with_ledger

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("aics_tlog") is None,
    reason="needs aics-tlog (Python 3.12 or later), which is no dependency: pip install aics-tlog",
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """With tiles of a log of 305 entries, and the key that was kept from before."""
    shell = shell_with_ledger(tmp_path)[0]
    (tmp_path / "kept.vkey").write_text(shell.ok("vkey").out)
    (tmp_path / "kept.checkpoint").write_text(shell.ok("checkpoint").out)
    fill(shell, 300)
    shell.ok("tiles", "-o", str(tmp_path / "tiles"))
    return shell


def foreign(shell: Shell, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "aics_tlog", *arguments, "--vkey-file", "kept.vkey"],
        cwd=shell.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(json.loads(done.stdout))


def test_it_accepts_checkpoint_tiles_entry_and_growth(shell: Shell) -> None:
    head = foreign(shell, "verify-checkpoint", "--tiles", "tiles")
    entry = foreign(shell, "verify-inclusion", "--index", "280", "--tiles", "tiles")
    growth = foreign(
        shell, "verify-consistency", "--old-checkpoint", "kept.checkpoint", "--tiles", "tiles"
    )

    assert (head["ok"], head["size"], head["tiles_ok"]) == (True, 305, True)
    assert entry["ok"]
    assert growth["ok"]


def test_it_refuses_a_tile_that_was_changed(shell: Shell) -> None:
    tile = shell.directory / "tiles" / "tile" / "0" / "000"
    content = bytearray(tile.read_bytes())
    content[100] ^= 1
    tile.write_bytes(content)

    assert not foreign(shell, "verify-inclusion", "--index", "3", "--tiles", "tiles")["ok"]
