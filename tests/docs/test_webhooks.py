"""What `docs/webhooks.md` says to receivers holds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from api.delivering.schedule import Schedule
from api.delivering.signing import secret_text, signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
BODY = '{"specversion":"1.0","reason":"läuft"}'.encode()
OLD, NEW = b"o" * 32, b"n" * 32


def is_genuine() -> Callable[[str, dict[str, str], bytes], bool]:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    names: dict[str, Callable[[str, dict[str, str], bytes], bool]] = {}
    exec(code[1], names)
    return names["is_genuine"]


def test_the_check_by_hand_takes_what_we_sign_and_nothing_else() -> None:
    check, now = is_genuine(), int(time.time())
    headers = signed_headers("LDG0000007-1841", now, BODY, [NEW, OLD])

    assert check(secret_text(NEW), headers, BODY)
    assert check(secret_text(OLD), headers, BODY)
    assert not check(secret_text(b"x" * 32), headers, BODY)
    assert not check(secret_text(NEW), headers, BODY + b" ")
    assert not check(secret_text(NEW), {**headers, "webhook-id": "LDG0000007-1842"}, BODY)
    late = signed_headers("LDG0000007-1841", now - 600, BODY, [NEW])
    assert not check(secret_text(NEW), late, BODY)


def test_tries_are_spaced_as_the_page_says() -> None:
    schedule, at, waits = Schedule(), "2026-03-02T00:00:00.000000Z", 0
    while schedule.next_try(waits + 1, at, 0.5) is not None:
        waits += 1

    assert waits + 1 == 10
    assert schedule.next_try(1, at, 1.0) == "2026-03-02T00:00:05.000000Z"
    assert schedule.next_try(2, at, 1.0) == "2026-03-02T00:00:20.000000Z"
    assert schedule.next_try(3, at, 0.0) == "2026-03-02T00:00:40.000000Z"
    assert schedule.next_try(9, at, 1.0) == "2026-03-02T02:00:00.000000Z"
