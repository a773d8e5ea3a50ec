"""What counts as a visit to a status, and as somebody having a case."""

from __future__ import annotations

from replay.process.activities import Stretch, activities, held, joined, visits
from replay.process.steps import Case
from tests.replay.process.given_cases import MINUTE, had, stood


def minutes(stretches: list[Stretch]) -> list[tuple[str, int, int | None]]:
    return [
        (one.name, one.start // MINUTE, None if one.end is None else one.end // MINUTE)
        for one in stretches
    ]


def visited(case: Case) -> list[tuple[str, int, int | None]]:
    return minutes(list(visits(case)))


def test_a_visit_lasts_until_another_status_is_entered() -> None:
    case = stood((0, "new"), (5, "assigned"), (6, "assigned"), (9, "resolved"))

    assert visited(case) == [("new", 0, 5), ("assigned", 5, 9), ("resolved", 9, None)]


def test_a_status_that_was_left_the_moment_it_was_entered_is_no_stay() -> None:
    case = stood((0, "new"), (0, "assigned"), (5, "assigned"), (5, "resolved"), (7, "resolved"))

    assert visited(case) == [("assigned", 0, 5), ("resolved", 5, None)]


def test_what_was_left_and_entered_again_at_the_same_moment_was_not_left() -> None:
    case = stood((0, "resolved"), (5, "assigned"), (5, "resolved"), (9, "closed"))

    assert visited(case) == [("resolved", 0, 9), ("closed", 9, None)]


def test_where_no_status_stands_nothing_is_visited() -> None:
    case = stood((0, None), (2, "new"), (4, None), (6, "new"))

    assert visited(case) == [("new", 2, 4), ("new", 6, None)]


def test_somebody_has_it_until_another_does_or_nobody() -> None:
    case = had((0, None), (1, "A"), (2, "A"), (3, "B"), (5, None), (8, "B"))

    assert minutes(list(held(case))) == [("A", 1, 3), ("B", 3, 5), ("B", 8, None)]
    assert minutes(list(joined(held(case)))) == [("A", 1, 3), ("B", 3, None)]


def test_each_hand_at_the_same_moment_counts() -> None:
    case = had((0, "A"), (4, "B"), (4, "C"))

    assert minutes(list(held(case))) == [("A", 0, 4), ("B", 4, 4), ("C", 4, None)]


def test_activities_are_named_by_what_was_asked() -> None:
    case = stood((0, "new"), (5, "assigned"))

    assert [one.name for one in activities(case, "type")] == ["classified", "classified"]
    assert [one.name for one in activities(case, "status")] == ["new", "assigned"]
    assert activities(case, "group") == []
