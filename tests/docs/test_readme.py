"""The README says what is so: commands, settings, exit codes, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from api import errors
from api.cli import frame
from api.cli.commands import app
from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)(?P<path>[^)#]+)")
CODE = re.compile(r"`([^`\n]+)`")
WRITTEN_BY_OTHERS = {
    "docs/benchmarks.md": "`make bench` writes it; it is not there in a fresh clone"
}


def commands() -> set[str]:
    """`show`, `token issue` …"""
    found = set()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # a group has commands
        below = getattr(command, "commands", {})
        found |= {f"{name} {each}" for each in below} if below else {name}
    return found


def named_in_the_table() -> set[str]:
    rows = [line for line in README.splitlines() if line.startswith("| `itsm-ledger ")]
    codes = (code for row in rows for code in CODE.findall(row.split("|")[1]))
    return {code.removeprefix("itsm-ledger ") for code in codes}


def test_every_command_is_in_the_table_and_no_other() -> None:
    assert named_in_the_table() == commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_is_shown_exists(page: Path) -> None:
    known = {name.split()[0] for name in commands()}
    shown = re.findall(r"^(?:\$ )?itsm-ledger ([a-z]+)", page.read_text(), re.MULTILINE)

    assert [name for name in shown if name not in known] == []


def test_every_option_that_is_shown_exists() -> None:
    known = {"--help"}
    waiting = [get_command(app)]
    while waiting:
        command = waiting.pop()
        known |= {option for parameter in command.params for option in parameter.opts}
        waiting += getattr(command, "commands", {}).values()
    pages = " ".join(page.read_text() for page in PAGES)
    lines = re.findall(r"itsm-ledger [^\n`|]*", pages)
    shown = {option for line in lines for option in re.findall(r"(?<= )--[a-z][a-z-]*", line)}

    assert shown - known == set()


def test_every_setting_is_documented_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        row = next(
            (r for r in README.splitlines() if f"| `ITSM_LEDGER_{name.upper()}` |" in r), None
        )
        assert row is not None, f"{name} is not in the README's table of settings"
        default = field.default
        shown = row.split("|")[2].strip()
        assert shown in ({f"`{default}`"} if default is not None else {"none", "beside the log"}), (
            name
        )


def test_no_setting_is_documented_that_there_is_not() -> None:
    pages = " ".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"ITSM_LEDGER_([A-Z_]+[A-Z])", pages))

    assert named - {name.upper() for name in Settings.model_fields} == set()


def test_every_exit_code_is_documented() -> None:
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    codes |= {0, frame.EXIT_INTERRUPTED, frame.EXIT_PIPE_CLOSED}

    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}

    assert documented == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    targets = [(page.parent / found["path"]).resolve() for found in LINK.finditer(page.read_text())]
    gone = [str(t.relative_to(ROOT)) for t in targets if not t.exists()]

    assert [path for path in gone if path not in WRITTEN_BY_OTHERS] == []
