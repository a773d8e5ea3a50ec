"""Who can be acted for at all. What was delegated is the policy's question."""

from __future__ import annotations

import pytest

from domain.acting_for import check_acting_for
from domain.command import Case
from domain.errors import LedgerError, Malformed, MayNot

ANNE, DAN, SOURCE, LEFT, NAMED = (f"principal/PRN000000{n}" for n in range(5, 10))
STATES = {
    ANNE: {"status": "registered", "kind": "person"},
    DAN: {"status": "registered", "kind": "person"},
    SOURCE: {"status": "registered", "kind": "source"},
    LEFT: {"status": "deactivated", "kind": "person"},
    NAMED: {"status": "referenced", "kind": "person"},
    "incident/INC0010001": {"status": "registered"},
}


def case(actor: str, holder: str | None) -> Case:
    now = "2026-03-02T09:30:00.000000Z"
    return Case("incident/INC1", {}, STATES, actor, now, lambda: "1", on_behalf_of=holder)


@pytest.mark.parametrize(("actor", "holder"), [(DAN, None), (SOURCE, None), (DAN, ANNE)])
def test_acting_for_oneself_or_for_somebody_registered_is_no_fault(
    actor: str, holder: str | None
) -> None:
    check_acting_for(case(actor, holder))


@pytest.mark.parametrize(
    ("actor", "holder", "error", "told"),
    [
        (DAN, DAN, Malformed, "acts already"),
        (DAN, "principal/PRN0000099", Malformed, "not a known principal"),
        (DAN, "incident/INC0010001", Malformed, "not a known principal"),
        (DAN, LEFT, MayNot, "deactivated"),
        (DAN, NAMED, MayNot, "referenced"),
        (SOURCE, ANNE, MayNot, "is a source"),
    ],
)
def test_who_cannot_be_acted_for_is_told_apart(
    actor: str, holder: str, error: type[LedgerError], told: str
) -> None:
    with pytest.raises(error, match=told):
        check_acting_for(case(actor, holder))
