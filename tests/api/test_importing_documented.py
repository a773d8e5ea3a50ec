"""The example of docs/import-mappings.md is run as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from api.importing import schema
from api.importing.run import run_import
from tests.api.importing_house import ACTOR, opened, types

PAGE = Path(__file__).resolve().parents[2] / "docs" / "import-mappings.md"


def examples() -> dict[str, str]:
    found = re.findall(
        r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    return dict(found)


def test_the_documented_mapping_makes_of_the_documented_export_what_is_documented(
    tmp_path: Path,
) -> None:
    written = examples()
    for name in ("desk.csv", "desk.yaml"):
        (tmp_path / name).write_text(written[name], encoding="utf-8")

    with opened(tmp_path) as house:
        result = run_import(house, tmp_path / "desk.csv", str(tmp_path / "desk.yaml"), ACTOR)

        assert result.as_dict() == json.loads(written["counts"])
        assert list(result.as_dict()) == list(json.loads(written["counts"]))
        state = dict(house.ledger.subject("incident/DESK-7").state)
        expected = json.loads(written["state"])
        assert {name: state[name] for name in expected} == expected
        assert types(house, "incident/DESK-7") == [
            "reported", "assigned", "reassigned", "work-started", "put-on-hold", "reprioritised", "linked",
            "resolved", "unlinked",
        ]  # fmt: skip
        rejected = json.loads((tmp_path / "desk.csv.rejects.jsonl").read_text())
        assert rejected["reason"] in PAGE.read_text("utf-8").replace("\n", " ")


def test_every_word_of_the_language_is_documented() -> None:
    page = PAGE.read_text("utf-8")
    parts = (
        schema.SourceMapping,
        schema.FileForm,
        schema.When,
        schema.Value,
        schema.Rule,
        schema.Several,
        schema.Entry,
        schema.LinkTo,
        schema.Keep,
    )
    words = {field.alias or name for part in parts for name, field in part.model_fields.items()}

    assert [word for word in sorted(words) if f"`{word}" not in page] == []
