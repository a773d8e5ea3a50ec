"""Rosters are made again from the log and compared: members, their order, and how often they moved."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from domain.rosters import POLICIES, ROLES, grants_held_by
from ledger.genesis import FIRST_PERSON, OPERATOR
from ledger.open import open_database
from replay.report import Problem, Problems
from replay.verify_deep import verify_deep
from replay.verify_rosters import RosterCheck
from tests.given import BEN
from tests.replay.given_log import Desk, tamper

HELD = grants_held_by(OPERATOR)


def found(at: Desk) -> tuple[Problem, ...]:
    with closing(open_database(url_of(at))) as database:
        return verify_deep(database).problems


def url_of(at: Desk) -> str:
    return at.house.settings.database_url


def members(at: Desk, name: str = HELD) -> list[str]:
    return list(at.house.ledger.roster(name).members)


def set_members(at: Desk, changed: list[str], name: str = HELD) -> None:
    tamper(
        url_of(at), ("UPDATE rosters SET members = ? WHERE name = ?", [json.dumps(changed), name])
    )


def last_move(at: Desk, name: str = HELD) -> int:
    """Where the last of its members joined: nobody has left it."""
    last = at.house.ledger.roster(name).members[-1]
    return at.house.ledger.entries_of(last)[0].position


def test_rosters_that_are_what_the_log_makes_them_are_clean(at: Desk) -> None:
    assert len(members(at)) > 2
    assert found(at) == ()


def test_a_missing_roster_is_named(at: Desk) -> None:
    position = last_move(at)
    tamper(url_of(at), ("DELETE FROM rosters WHERE name = ?", [HELD]))

    (problem,) = found(at)

    assert (problem.kind, problem.position) == ("roster", position)
    assert f"roster {HELD!r} is missing" in problem.message


def test_a_member_too_many_is_named_with_its_roster(at: Desk) -> None:
    set_members(at, [*members(at), "grant/GRT0009999"])

    (problem,) = found(at)

    assert problem.message == f"roster {HELD!r} has grant/GRT0009999 too many"


def test_a_member_that_is_lacking_is_named(at: Desk) -> None:
    *rest, last = members(at)
    position = last_move(at)
    set_members(at, rest)

    (problem,) = found(at)

    assert (problem.kind, problem.position) == ("roster", position)
    assert problem.message == f"roster {HELD!r} lacks {last}"


def test_a_member_put_in_anothers_place_is_named(at: Desk) -> None:
    first, *rest = members(at)
    anothers = members(at, grants_held_by(FIRST_PERSON))[0]
    set_members(at, [anothers, *rest])

    (problem,) = found(at)

    assert problem.message == f"roster {HELD!r} lacks {first} and has {anothers} too many"


def test_members_in_another_order_are_told(at: Desk) -> None:
    set_members(at, members(at)[::-1])

    (problem,) = found(at)

    assert "should be in this order" in problem.message


def test_a_roster_that_says_it_moved_less_often_is_told(at: Desk) -> None:
    tamper(url_of(at), ("UPDATE rosters SET version = 1 WHERE name = ?", [ROLES]))

    (problem,) = found(at)

    assert f"roster {ROLES!r} says it moved 1 times, by the log " in problem.message


@pytest.mark.parametrize("text", ["", "{", "{}", "[1"])
def test_a_roster_that_cannot_be_read_is_told(at: Desk, text: str) -> None:
    tamper(url_of(at), ("UPDATE rosters SET members = ? WHERE name = ?", [text, POLICIES]))

    (problem,) = found(at)

    assert f"roster {POLICIES!r} cannot be read" in problem.message


def test_a_roster_that_the_log_knows_nothing_of_is_told(at: Desk) -> None:
    tamper(url_of(at), "INSERT INTO rosters VALUES ('grants-held-by nobody', 1, '[\"grant/G1\"]')")

    (problem,) = found(at)

    assert (problem.position, problem.kind) == (1, "roster")
    assert problem.message == "roster 'grants-held-by nobody' has grant/G1 too many"


def test_whoever_has_left_is_on_no_roster(at: Desk) -> None:
    gone = members(at)[0]
    at.orders(gone, "revoke", "grant", reason="Moved to another team")

    assert gone not in members(at)
    assert found(at) == ()


def test_what_is_appended_meanwhile_is_not_looked_at(at: Desk) -> None:
    problems, ledger = Problems(), at.house.ledger
    check = RosterCheck(ledger.database, problems)
    role = ledger.roster(ROLES).members[0]
    requested = at.orders(None, "request", "grant", role=role)
    states: dict[str, dict[str, object]] = {}
    for entry in ledger.entries(0, requested.position):
        before = states.get(entry.subject, {})
        states[entry.subject] = {**before, **entry.data}
        check.take(entry.subject, entry.position, before, states[entry.subject])

    check.compare()

    assert requested.subject in members(at)
    assert list(problems) == []


def test_a_forged_state_that_no_rule_can_read_stops_nothing(at: Desk) -> None:
    problems = Problems()
    check = RosterCheck(at.house.ledger.database, problems)

    check.take("grant/GRT0000001", 1, {}, {"status": "active"})
    check.take("grant/GRT0000001", 2, {"status": "active"}, {"status": "active", "holder": 7})
    check.take("grant/GRT0000001", 3, {}, {"status": "active", "holder": BEN, "delegations": 1})
    check.take("principal/PRN0000001", 4, {}, {"person": ["nobody"]})

    assert list(problems) == []


def test_ledgers_from_before_there_were_rosters_have_none_to_compare(at: Desk) -> None:
    tamper(url_of(at), "DELETE FROM schema_version WHERE version > 1", "DROP TABLE rosters")

    assert found(at) == ()
