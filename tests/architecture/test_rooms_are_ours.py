"""No stranger's package owns the name of a room in this environment.

The rooms have plain names, and so do folders that other projects put into their wheels by mistake
(`tests` above all). Whoever comes first on the path would be imported.
"""

import importlib
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = "itsm-ledger"
ROOMS = ("domain", "ledger", "projections", "replay", "api", "tests")


def top_level_names(distribution: Distribution) -> set[str]:
    """The importable names that a distribution installs, as its RECORD tells, or links to."""
    names = set()
    for file in distribution.files or []:
        if file.suffix == ".pth":
            names |= linked_names(Path(str(distribution.locate_file(file))))
        elif len(file.parts) > 1 or file.suffix in {".py", ".so"}:
            names.add(file.parts[0].split(".")[0])
    return names


def linked_names(pth: Path) -> set[str]:
    """What an editable install makes importable: the content of each folder its `.pth` names."""
    folders = [pth.parent / line for line in pth.read_text().splitlines()]
    entries = (entry for folder in folders if folder.is_dir() for entry in folder.iterdir())
    return {entry.stem for entry in entries if entry.is_dir() or entry.suffix == ".py"}


def strangers(installed: Iterable[Distribution]) -> list[str]:
    return sorted(
        f"{distribution.name}: {room}"
        for distribution in installed
        if distribution.name != OURS
        for room in top_level_names(distribution).intersection(ROOMS)
    )


def install(site: Path, name: str, *files: str) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).touch()


def test_no_stranger_owns_the_name_of_a_room() -> None:
    assert strangers(distributions()) == []


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_imported_from_this_tree(room: str) -> None:
    module = importlib.import_module(room)

    assert module.__file__ == str(ROOT / room / "__init__.py")


def test_a_wheel_that_brings_a_room_is_seen(tmp_path: Path) -> None:
    install(tmp_path, "careless", "careless/__init__.py", "tests/__init__.py", "api.py")

    assert strangers(distributions(path=[str(tmp_path)])) == ["careless: api", "careless: tests"]


def test_an_editable_install_that_brings_a_room_is_seen(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "ledger").mkdir(parents=True)
    site = tmp_path / "site"
    install(site, "rival", "rival.pth")
    (site / "rival.pth").write_text(f"{project}\n")

    assert strangers(distributions(path=[str(site)])) == ["rival: ledger"]


def test_our_own_install_is_no_stranger(tmp_path: Path) -> None:
    install(tmp_path, OURS, *(f"{room}/__init__.py" for room in ROOMS))

    assert strangers(distributions(path=[str(tmp_path)])) == []
