"""The tutorial, run: each block in its order, and what it prints compared with what the page says."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.shell import ITSM_LEDGER

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<kind>sh|output)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    """`expected` None: the page does not say what is printed."""

    line: int
    script: str
    expected: str | None


def steps_of(page: str) -> list[Step]:
    """Each shell block, with the output block that follows it, if one does."""
    steps: list[Step] = []
    for block in BLOCK.finditer(page):
        line = page.count("\n", 0, block.start()) + 1
        if block["kind"] == "sh":
            steps.append(Step(line, block["text"], None))
        else:
            assert steps, f"line {line} shows an output of nothing"
            assert steps[-1].expected is None, f"line {line} shows a second output"
            steps[-1] = Step(steps[-1].line, steps[-1].script, block["text"])
    return steps


def matches(expected: str, got: str) -> bool:
    """`…` on a line of its own stands for any lines, within a line for any text."""
    parts = [re.escape(part) for part in expected.strip().split(ANYTHING)]
    return re.fullmatch(".*?".join(parts), got.strip(), re.DOTALL) is not None


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(DOCS)
    environment = {
        **{name: value for name, value in os.environ.items() if "ITSM_LEDGER" not in name},
        "PATH": f"{ITSM_LEDGER.parent}:{os.environ['PATH']}",
    }
    for step in steps_of((DOCS / "tutorial.md").read_text()):
        done = subprocess.run(
            ["bash", "-e", "-c", step.script],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

        where = f"docs/tutorial.md, line {step.line}: {step.script}"
        assert done.returncode == 0, f"{where}\nended with {done.returncode}:\n{done.stdout}"
        if step.expected is not None:
            assert matches(step.expected, done.stdout), (
                f"{where}\nexpected:\n{step.expected}\ngot:\n{done.stdout}"
            )


@pytest.mark.parametrize(
    ("expected", "got", "fits"),
    [
        ("a\n", "a", True),
        ("a … c", "a b c", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a … c", "a b", False),
        ("a", "a\nb", False),
        ("a.c", "abc", False),
    ],
)
def test_an_output_that_differs_is_seen(expected: str, got: str, fits: bool) -> None:
    assert matches(expected, got) is fits


def test_a_block_is_read_with_its_output() -> None:
    page = "x\n```sh\na\n```\n```output\nb\n```\n```sh\nc\n```\n```\nnot run\n```\n"

    assert steps_of(page) == [Step(2, "a\n", "b\n"), Step(8, "c\n", None)]
