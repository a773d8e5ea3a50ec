"""The domain reads no clock, draws no randomness and touches no file, whatever it imports.

The import contract keeps whole modules out; this keeps out the parts of useful ones
(`datetime.now` of `datetime`, `uuid4` of `uuid`) and builtins. A use counts even where nothing is
called, as in `Field(default_factory=uuid4)`.
"""

import ast
from pathlib import Path

import pytest

DOMAIN = Path(__file__).parents[2] / "domain"

IMPURE_NAMES = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "uuid.getnode",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
    "uuid.uuid8",
    "__import__",
    "eval",
    "exec",
    "input",
    "open",
    "print",
}
IMPURE_MODULES = {"importlib", "io", "os", "random", "secrets", "socket", "time"}


def imported_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `{"dt": "datetime", "now": "time.time"}`."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr, imported: dict[str, str]) -> str | None:
    match node:
        case ast.Name(id=name):
            return imported.get(name, name)
        case ast.Attribute(value=value, attr=attribute):
            owner = dotted(value, imported)
            return f"{owner}.{attribute}" if owner else None
        case _:
            return None


def impurities(source: str) -> list[str]:
    tree = ast.parse(source)
    imported = imported_names(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = dotted(node, imported)
        if name is None:
            continue
        module, _, rest = name.partition(".")
        from_module = module in IMPURE_MODULES and rest and module in roots(imported)
        if name in IMPURE_NAMES or from_module:
            found.append(f"line {node.lineno}: {name}")
    return found


def roots(imported: dict[str, str]) -> set[str]:
    return {name.split(".")[0] for name in imported.values()}


@pytest.mark.parametrize("path", sorted(DOMAIN.rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_is_pure(path: Path) -> None:
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\nat = datetime.now(UTC)",
        "from datetime import datetime as clock\nat = clock.utcnow()",
        "import datetime as dt\nat = dt.datetime.now(dt.UTC)",
        "from datetime import date\nday = date.today()",
        "import time\nat = time.time()",
        "from time import monotonic\nat = monotonic()",
        "from uuid import uuid4\nid = uuid4()",
        "import uuid\nfactory = dict(default_factory=uuid.uuid4)",
        "import random\nx = random.random()",
        "from os import urandom\nsalt = urandom(16)",
        "import secrets as s\ntoken = s.token_hex()",
        "text = open('file').read()",
    ],
)
def test_each_impurity_is_seen(source: str) -> None:
    assert len(impurities(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "at = command.now",
        "from datetime import datetime\nat = datetime.fromisoformat(text)",
        "from uuid import UUID, uuid5\nid = uuid5(UUID(int=0), name)",
        "time = event.time\nyear = time.year",
        "case.open()",
    ],
)
def test_what_is_handed_in_is_pure(source: str) -> None:
    assert impurities(source) == []
