"""A checkpoint and a proof, as the Go team's packages see them: docs/check_proof.go, as in proof.md."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.shell import fill, shell_with_ledger

ROOT = Path(__file__).parents[2]
GO_PATH = Path("/usr/share/gocode")
PACKAGES = GO_PATH / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None or not PACKAGES.is_dir(),
    reason="needs Go and its x/mod: apt-get install golang-go golang-golang-x-mod-dev",
)


@pytest.fixture(scope="module")
def check_proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("go")
    program = directory / "check_proof"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOFLAGS": ""}
    environment["GOCACHE"] = str(directory / "cache")
    subprocess.run(
        ["go", "build", "-o", str(program), str(ROOT / "docs" / "check_proof.go")],
        env=environment,
        check=True,
        timeout=120,
    )
    return program


def test_it_accepts_an_entry_and_refuses_another(check_proof: Path, tmp_path: Path) -> None:
    shell = shell_with_ledger(tmp_path)[0]
    fill(shell, 300)
    (tmp_path / "vkey").write_text(shell.ok("vkey").out)
    size = shell.genesis + 300
    position = size - 25
    (tmp_path / "proof").write_text(shell.ok("prove", str(position)).out)
    entry = shell.ok("events", "--after", str(position - 1)).out.splitlines()[0]
    (tmp_path / "entry").write_text(entry)
    (tmp_path / "forged").write_text(entry.replace("incident", "incidenT", 1))

    def check(told: str) -> subprocess.CompletedProcess[str]:
        command = [str(check_proof), "vkey", told, "proof"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert check("entry").stdout.startswith(f"accepted: entry {position} of {size} under ")
    assert check("forged").returncode == 1
