"""The page about obligations names every kind, every state and the terms that are shipped."""

from __future__ import annotations

import re
from pathlib import Path

from domain.obligations import FAMILY_OF
from domain.thresholds import ReportTerms
from projections.owed import STANDINGS

PAGE = Path(__file__).parents[2] / "docs" / "obligations.md"


def rows(begin: str) -> dict[str, str]:
    """First cell → second cell of the rows whose first cell is a name, below a heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {begin}")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z_-]+)` \| ([a-z0-9]+)", text, re.MULTILINE))


def test_every_kind_has_its_row_with_the_family_that_owes_it() -> None:
    assert rows("What there is to owe") == FAMILY_OF


def test_every_state_is_explained() -> None:
    states = PAGE.read_text(encoding="utf-8").partition("## States")[2].partition("\n## ")[0]

    assert {one for one in STANDINGS if f"`{one}`" not in states} == set()


def test_the_terms_of_reports_are_those_that_are_shipped() -> None:
    shipped = {name: str(value) for name, value in ReportTerms().model_dump().items()}

    assert rows("Reports to authorities") == shipped
