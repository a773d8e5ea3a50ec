"""What is owed, over HTTP: pages, filters, moments, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.audited import Audited
from tests.api.http_client import problem
from tests.api.test_http_auditing import answer, asked, settled
from tests.replay.given_changes import hours_later

pytestmark = pytest.mark.anyio

OWED = "/v1/owed"
EVER = ["open", "overdue", "met", "met-late", "lapsed", "cancelled"]


async def test_what_was_owed_is_told_with_who_when_and_by_which_entries(audit: Audited) -> None:
    async with asked(audit) as api:
        told = await settled(api, OWED, kind="retro-approval", state=EVER)

        (one,) = told["items"]
        assert (one["subject"], one["state"]) == (audit.broken, "met")
        assert one["owners"] == ["emergency-authority"]
        for position, type_ in (
            (one["arose_position"], "itsm.change.retro-approval-requested.v1"),
            (one["settled_position"], "itsm.change.retro-approval-granted.v1"),
        ):
            entry = api.house.ledger.entry(position)
            assert (entry.subject, entry.type) == (audit.broken, type_)
        assert (told["basis"], told["at"], told["known_at"]) == ("known", None, None)


async def test_as_of_a_moment_it_is_what_was_owed_then(audit: Audited) -> None:
    async with asked(audit) as api:
        (one,) = (await settled(api, OWED, kind="retro-approval", state=EVER))["items"]

        then = await answer(api, OWED, kind="retro-approval", position=one["arose_position"])
        before = await answer(api, OWED, position=one["arose_position"] - 1)
        effect = await answer(api, OWED, kind="retro-approval", at=one["arose_at"])

        assert [row["state"] for row in then["items"]] == ["open"]
        assert then["position"] == one["arose_position"]
        assert before["items"] == []
        assert (effect["basis"], effect["items"][0]["state"]) == ("effect", "open")
        assert effect["moment"] == effect["at"] == one["arose_at"]


async def test_pages_lead_on_with_the_same_question(audit: Audited) -> None:
    async with asked(audit) as api:
        whole = await settled(api, OWED, state=EVER)
        assert len(whole["items"]) > 1
        first = await api.client.get(OWED, params={"state": EVER, "limit": 1})

        link = first.headers["link"].partition("<")[2].partition(">")[0]
        second = (await api.client.get(link)).json()

        assert first.json()["items"] + second["items"] == whole["items"][:2]


async def test_who_asks_of_one_owner_is_told_of_theirs(audit: Audited) -> None:
    async with asked(audit) as api:
        await settled(api, OWED)

        theirs = await answer(api, OWED, owner="emergency-authority", state=EVER)
        nobodys = await answer(api, OWED, owner="auditor", state=EVER)

        assert {row["subject"] for row in theirs["items"]} == {audit.broken}
        assert nobodys["items"] == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"kind": "debt"}, "malformed"),
        ({"state": "gone"}, "malformed"),
        ({"limit": 0}, "malformed"),
        ({"at": "yesterday"}, "malformed"),
        ({"position": 0}, "malformed"),
        ({"position": 1_000_000}, "beyond-head"),
        ({"cursor": "none"}, "malformed"),
        ({"whose": "mine"}, "malformed"),
        ({"known_at": hours_later(1)}, "moment-refused"),
    ],
)
async def test_what_is_no_question_is_refused(
    audit: Audited, wrong: dict[str, Any], code: str
) -> None:
    async with asked(audit) as api:
        await settled(api, OWED)

        got = await api.client.get(OWED, params=wrong)

        problem(got, 422, code)


async def test_nobody_asks_without_signing_in(audit: Audited) -> None:
    async with asked(audit) as api:
        got = await api.client.get(OWED, headers={"authorization": "Bearer none"})

        problem(got, 401, "unauthenticated")
