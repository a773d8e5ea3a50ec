"""The repository names no machine and no registry, and nothing is suppressed without a reason."""

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A Python file past LINES_MAX usually holds two things. Those that hold one are listed, and why.
LINES_MAX = 400
LONG_FILES: dict[str, str] = {}

# Spelt in parts, so that this file does not find itself.
REGISTRIES = re.compile(
    "|".join(
        re.escape(name + "." + domain)
        for name, domain in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("anaconda", "org"),
            ("proxy.golang", "org"),
        ]
    )
)
INSTALLER_OPTIONS = re.compile("--(?:extra-)?" + "index-url|--find-" + "links|file:" + "//" + "/")
MACHINE_PATHS = re.compile(r"(?<![\w.~}-])/(?:home|Users|root|work|opt)" + r"/[\w.]")

SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no)\b(?P<rest>.*)")
CODES = re.compile(r"^\s*(?:\[[\w, -]+\]|:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?")


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git clone, so there is no list of its files")
    paths = (ROOT / name for name in done.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def texts() -> list[tuple[str, str]]:
    """Name and text of each file that is text."""
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            found.append((str(path.relative_to(ROOT)), content.decode(errors="replace")))
    return found


def python_files() -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts() if name.endswith(".py")]


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def unreasoned_suppressions(source: str) -> list[int]:
    """Lines whose suppression has no reason behind its codes, nor a comment of its own above."""
    comments = {}
    alone = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            comments[line] = token.string
            if token.line.lstrip().startswith("#"):
                alone.add(line)
    found = []
    for line, comment in comments.items():
        suppression = SUPPRESSION.search(comment)
        if suppression is None:
            continue
        reason = CODES.sub("", suppression["rest"]).strip(" #:-\N{EN DASH}\N{EM DASH}")
        if len(reason.split()) < 2 and line - 1 not in alone:
            found.append(line)
    return found


def unreasoned_skips(source: str) -> list[int]:
    """Lines of a skip, skipif or xfail that does not say why."""
    tree = ast.parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="skip" | "skipif" | "xfail") as func):
                says = [key.value for key in node.keywords if key.arg == "reason"]
                says += node.args[:1] if func.attr != "skipif" else []
                if not any(map(is_text, says)):
                    found.append(node.lineno)
            case ast.Attribute(
                attr="skip" | "skipif" | "xfail", value=ast.Attribute(attr="mark")
            ) if id(node) not in called:
                found.append(node.lineno)
    return sorted(found)


def is_text(node: ast.expr) -> bool:
    """Whether it will say something: not an empty literal, and not a condition."""
    return (
        bool(node.value)
        if isinstance(node, ast.Constant)
        else isinstance(node, ast.JoinedStr | ast.Name)
    )


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the installer's business."""
    assert matches(REGISTRIES) == []
    assert matches(INSTALLER_OPTIONS) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert matches(MACHINE_PATHS) == []


def test_there_is_no_lock_file_with_addresses() -> None:
    assert [path for path in tracked_files() if path.name == "uv" + ".lock"] == []


def test_constraints_are_names_and_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    pins = [line for line in lines if line and not line.startswith("#")]

    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", pin)] == []


def test_every_suppression_carries_its_reason() -> None:
    found = {name: unreasoned_suppressions(text) for name, text in python_files()}

    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_skip_says_why() -> None:
    found = {name: unreasoned_skips(text) for name, text in python_files()}

    assert {name: lines for name, lines in found.items() if lines} == {}


def test_long_files_are_listed_with_a_reason_and_no_others_are() -> None:
    lengths = {name: text.count("\n") for name, text in python_files()}

    assert {name for name, lines in lengths.items() if lines > LINES_MAX} == set(LONG_FILES)
    assert all(LONG_FILES.values())


# --- each rule is shown able to fail ---


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRIES, "see https://py" + "pi.org/project/x"),
        (REGISTRIES, "https://files.python" + "hosted.org/packages/x.whl"),
        (INSTALLER_OPTIONS, "--index" + "-url https://example.test/simple"),
        (INSTALLER_OPTIONS, "itsm @ file:" + "///srv/wheels"),
        (MACHINE_PATHS, "cd /ho" + "me/alice/itsm-ledger"),
        (MACHINE_PATHS, 'ROOT = "/wo' + 'rk/main"'),
    ],
)
def test_an_address_is_seen(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["GET /v1/work/x", "../home/x", "tests/root/x", "https://x.test/"])
def test_a_relative_path_is_no_address(line: str) -> None:
    assert not MACHINE_PATHS.search(line)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: S608",
        "x = 1  # noqa: S608, E501",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[arg-type]",
        "y = 2  # about y\nx = 1  # noqa: S608",
    ],
)
def test_a_suppression_without_reason_is_seen(source: str) -> None:
    assert len(unreasoned_suppressions(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "x = 1  # noqa: S608 - the table's name is ours",
        "x = 1  # type: ignore[arg-type]  # the stub lacks None",
        "# The table's name is ours.\nx = 1  # noqa: S608",
        "x = '# noqa: S608'",
    ],
)
def test_a_reason_is_seen(source: str) -> None:
    assert unreasoned_suppressions(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.skip\ndef test(): ...",
        "@pytest.mark.skip()\ndef test(): ...",
        "@pytest.mark.skipif(NOT_LINUX)\ndef test(): ...",
        "@pytest.mark.xfail(strict=True)\ndef test(): ...",
        "pytest.skip('')",
    ],
)
def test_a_skip_without_reason_is_seen(source: str) -> None:
    assert len(unreasoned_skips(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.skip(reason='needs a disk that can be filled')\ndef test(): ...",
        "@pytest.mark.skipif(NOT_LINUX, reason='reads /proc')\ndef test(): ...",
        "pytest.skip('needs a disk that can be filled')",
        "pytest.skip(f'needs {program}')",
    ],
)
def test_a_skip_that_says_why_is_fine(source: str) -> None:
    assert unreasoned_skips(source) == []
