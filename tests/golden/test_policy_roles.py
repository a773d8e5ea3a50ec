"""What each role may do by the shipped policy changes only together with the golden file that a reviewer reads."""

from __future__ import annotations

from tests.golden.policy_roles import FILE, text


def test_what_each_role_may_do_is_what_was_reviewed() -> None:
    told = "the policy decides otherwise than before: see that it should, then write the file anew"

    assert FILE.read_text("utf-8") == text(), f"{told} (python -m tests.golden.policy_roles)"
