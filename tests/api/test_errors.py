"""One table says what each error is to the outside."""

from __future__ import annotations

import pytest

import api.http.app  # noqa: F401 - with it every room, and so the whole tree of errors, is imported
from api.errors import (
    EXIT_BAD_INPUT,
    EXIT_NOT_FOUND,
    EXIT_NOT_SIGNED_IN,
    EXIT_REFUSED,
    EXIT_TAMPERED,
    EXIT_UNAVAILABLE,
    TABLE,
    Unauthenticated,
    every_kind,
    exit_code_of,
    problem_of,
    row_of,
    status_of,
)
from domain.errors import CanNot, LedgerError, Malformed, MayNot, StaleVersion, UnknownSubject
from ledger.errors import CorruptEntry, NotConsistent, StorageFailed


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (Malformed("x"), 422, EXIT_BAD_INPUT),
        (CorruptEntry("x"), 500, EXIT_TAMPERED),
        (NotConsistent("x"), 500, EXIT_TAMPERED),
        (MayNot("x"), 403, EXIT_REFUSED),
        (CanNot("x"), 409, EXIT_REFUSED),
        (StaleVersion("x"), 412, EXIT_REFUSED),
        (UnknownSubject("x"), 404, EXIT_NOT_FOUND),
        (StorageFailed("x"), 503, EXIT_UNAVAILABLE),
        (Unauthenticated("x"), 401, EXIT_NOT_SIGNED_IN),
    ],
)
def test_an_error_has_a_status_and_an_exit_code(
    error: LedgerError, status: int, exit_code: int
) -> None:
    assert (status_of(error), exit_code_of(error)) == (status, exit_code)


def test_every_error_says_what_to_do() -> None:
    for kind in every_kind():
        assert row_of(kind).advice
        assert 400 <= row_of(kind).status <= 599


def test_no_error_but_the_root_falls_to_the_root() -> None:
    """A new branch of the tree that nobody gave a row would be told as a fault of the software."""
    unlisted = {kind.__name__ for kind in every_kind() if row_of(kind) is TABLE[LedgerError]}

    assert unlisted <= {"LedgerError"}


def test_a_problem_tells_facts_apart_from_rfc_9457s_own_members() -> None:
    problem = problem_of(Malformed("no", type="itsm.x", expected=[1, 2]))

    assert problem["type"] == "/problems/malformed"
    assert problem["facts"] == {"type": "itsm.x", "expected": [1, 2]}
    assert "rules" not in problem


def test_a_refusal_names_its_rules() -> None:
    assert problem_of(MayNot("no", rules=("a", "b")))["rules"] == ["a", "b"]
