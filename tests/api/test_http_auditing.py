"""What auditors ask over HTTP: each answer names its positions, and takes the rights of what it is told from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from ledger.shipped import shipped_texts
from tests.api.audited import Audited
from tests.api.http_client import Api, problem, serving_ledger
from tests.replay.given_changes import hours_later

pytestmark = pytest.mark.anyio

CHECK = "/v1/replay/check"
NOBODY_APPROVES = """
@id("nobody-approves")
@sentence("Nobody approves a change.")
forbid (principal, action == Action::"change:grant-approval", resource);
"""


@asynccontextmanager
async def asked(audit: Audited) -> AsyncIterator[Api]:
    async with serving_ledger(audit.settings, audit.token) as api:
        yield api


async def answer(api: Api, path: str, **query: Any) -> dict[str, Any]:
    got = await api.client.get(path, params=query)
    assert got.status_code == 200, got.text
    told: dict[str, Any] = got.json()
    return told


async def settled(api: Api, path: str, **query: Any) -> dict[str, Any]:
    """The answer of a register once it reflects the log's head."""
    for _ in range(400):
        got = await api.client.get(path, params=query)
        if got.status_code == 200 and got.json()["position"] == api.house.ledger.head().size:
            told: dict[str, Any] = got.json()
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(got.text)


def number(subject: str) -> str:
    return subject.partition("/")[2]


async def test_who_approved_a_change_with_what_authority_then(audit: Audited) -> None:
    async with asked(audit) as api:
        told = await answer(api, f"/v1/changes/{number(audit.normal)}/authority")

        (approval,) = told["approvals"]
        assert (approval["by"], approval["on_behalf_of"]) == (
            audit.people["DAN"], audit.people["ANNE"],
        )  # fmt: skip
        assert approval["conflicting_parts"] == []
        (grant,) = approval["act"]["grants"]
        assert (grant["grant"], grant["role_name"], grant["counted"]) == (
            audit.annes_grant, "change-authority", True,
        )  # fmt: skip
        (rule,) = approval["act"]["rules"]
        assert rule["sentence"].startswith("Change authorities")
        assert told["content"]["verdict"] == "same"
        assert [one["stage"] for one in told["content"]["stages"]] == [
            "approval", "authorization", "implementation", "deployment",
        ]  # fmt: skip
        assert all(one["position"] for one in told["content"]["stages"])
        assert told["position"] == api.house.ledger.head().size


async def test_who_held_a_role_then_and_now_on_both_bases(audit: Audited) -> None:
    async with asked(audit) as api:
        path = f"/v1/roles/{number(audit.authority_role)}/holders"
        now = await answer(api, path)
        then = await answer(api, path, at=hours_later(5))
        known = await answer(api, path, at=hours_later(5), basis="known")

        def grants(told: dict[str, Any]) -> set[str]:
            return {one["grant"] for one in told["holders"]}

        assert audit.annes_grant in grants(then) & grants(known)
        assert audit.annes_grant not in grants(now), "it ended by its valid_to"
        assert (then["basis"], known["basis"], now["basis"]) == ("effect", "known", "known")
        assert known["position"] < then["position"] == now["position"]
        problem(
            await api.client.get(path, params={"known_at": hours_later(5)}), 422, "moment-refused"
        )
        problem(await api.client.get("/v1/roles/ROL0009999/holders"), 404, "unknown-subject")


async def test_what_is_asked_of_all_changes_of_a_period(audit: Audited) -> None:
    async with asked(audit) as api:
        late = await answer(api, "/v1/changes/late-approvals")
        urgent = await answer(api, "/v1/changes/emergencies", **{"from": hours_later(0)})
        frozen = await answer(api, "/v1/changes/in-freezes", to=hours_later(9))

        (approval,) = late["items"]
        assert (approval["change"], approval["why"]) == (
            audit.external, ["dated-after", "recorded-after"],
        )  # fmt: skip
        (emergency,) = urgent["items"]
        assert (emergency["change"], emergency["outcome"]) == (audit.broken, "granted")
        assert (urgent["from"], urgent["to"]) == (hours_later(0), None)
        inside = {one["change"]: one for one in frozen["items"]}
        assert inside.keys() == {audit.normal, audit.broken}
        assert (inside[audit.normal]["freeze"], inside[audit.normal]["excepted"]) == (
            audit.freeze, True,
        )  # fmt: skip
        assert inside[audit.normal]["exception"]["by"] == audit.people["EVA"]
        assert inside[audit.broken]["exception"] is None
        assert inside[audit.broken]["implementation"] is None, "its window alone lies inside"
        for told in (late, urgent, frozen):
            assert told["position"] == api.house.ledger.head().size


async def test_a_period_without_anything_and_one_that_is_none(audit: Audited) -> None:
    async with asked(audit) as api:
        for name in ("late-approvals", "emergencies", "in-freezes"):
            path = f"/v1/changes/{name}"
            none = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
            assert (await answer(api, path, **none))["items"] == []
            turned = {"from": none["to"], "to": none["from"]}
            problem(await api.client.get(path, params=turned), 422, "moment-refused")
            problem(await api.client.get(path, params={"from": "yesterday"}), 422, "malformed")


async def test_what_was_done_on_somebody_s_behalf(audit: Audited) -> None:
    async with asked(audit) as api:
        told = await answer(api, "/v1/replay/delegated")

        (act,) = told["items"]
        assert (act["by"], act["on_behalf_of"], act["subject"]) == (
            audit.people["DAN"], audit.people["ANNE"], audit.normal,
        )  # fmt: skip
        assert act["delegations"][0]["grant"] == audit.annes_grant
        assert (told["from"], told["to"]) == (1, api.house.ledger.head().size)
        assert told["truncated"] is False
        after = await answer(api, "/v1/replay/delegated", **{"from": act["position"] + 1})
        assert after["items"] == []


async def test_reasons_are_shown_to_who_may_see_personal_values(audit: Audited) -> None:
    async with asked(audit) as api:
        everybody = audit.people["MIA"]
        path = "/v1/changes/emergencies"
        for scopes, shown in (
            (("*:read",), "[personal]"),
            (("*:read", "personal"), "Nobody answers"),
        ):
            signed = api.token_for(everybody, *scopes)
            got = await api.client.get(path, headers=signed)
            (emergency,) = got.json()["items"]
            assert emergency["break_glass"]["reason"].startswith(shown)


async def test_an_answer_takes_the_rights_of_all_that_it_is_told_from(audit: Audited) -> None:
    async with asked(audit) as api:
        anne = api.token_for(audit.people["ANNE"], "*:read")
        narrow = api.token_for(audit.people["MIA"], "change:read")
        open_to_all = "/v1/changes/late-approvals"
        told_from_grants = (
            f"/v1/changes/{number(audit.normal)}/authority", "/v1/changes/emergencies", "/v1/changes/in-freezes",
            f"/v1/roles/{number(audit.authority_role)}/holders", "/v1/grants", "/v1/replay/delegated",
        )  # fmt: skip

        for signed in (anne, narrow):
            assert (await api.client.get(open_to_all, headers=signed)).status_code == 200
        for path in told_from_grants:
            # A change authority reads changes, but not who was granted what.
            problem(await api.client.get(path, headers=anne), 403, "may-not")
            problem(await api.client.get(path, headers=narrow), 403, "scope-missing")
            problem(
                await api.client.get(path, headers={"Authorization": ""}), 401, "unauthenticated"
            )
        for signed, code in ((anne, "may-not"), (narrow, "scope-missing")):
            problem(await api.client.post(CHECK, json={}, headers=signed), 403, code)


# What a stricter policy would have refused


async def test_another_policy_is_asked_again_and_nothing_is_written(audit: Audited) -> None:
    async with asked(audit) as api:
        texts = {**shipped_texts(), "stricter.cedar": NOBODY_APPROVES}
        size = api.house.ledger.head().size

        got = await api.client.post(CHECK, json={"texts": texts})

        told = got.json()
        assert got.status_code == 200, got.text
        assert told["by_rule"]["nobody-approves"] == 2
        positions = [one["position"] for one in told["otherwise"]]
        assert {one["subject"] for one in told["otherwise"]} >= {audit.normal, audit.planned}
        assert positions == sorted(positions)
        assert told["truncated"] is False
        assert (told["from"], told["to"]) == (1, size)
        assert api.house.ledger.head().size == size


async def test_only_so_many_cases_are_told_and_all_are_counted(audit: Audited) -> None:
    async with asked(audit) as api:
        texts = {**shipped_texts(), "stricter.cedar": NOBODY_APPROVES}
        for limit, truncated in ((0, True), (1, True), (2, False)):
            got = await api.client.post(
                CHECK, json={"texts": texts, "limit": limit, "to": audit.size}
            )
            problem(got, 422, "malformed")
            asked_ = {"texts": texts, "limit": limit, "to": str(audit.size)}
            told = (await api.client.post(CHECK, json=asked_)).json()
            assert len(told["otherwise"]) == limit
            assert (told["truncated"], told["by_rule"]["nobody-approves"]) == (truncated, 2)


async def test_a_period_bounds_what_is_asked_again(audit: Audited) -> None:
    async with asked(audit) as api:
        texts = {**shipped_texts(), "stricter.cedar": NOBODY_APPROVES}
        asked_ = {"texts": texts, "from": hours_later(9), "to": hours_later(1000)}

        told = (await api.client.post(CHECK, json=asked_)).json()

        assert [one["subject"] for one in told["otherwise"]] == [audit.planned]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "unreadable-body"),
        (b"[]", 422, "malformed"),
        (b"{}", 422, "malformed"),
        (b'{"texts": {}}', 422, "malformed"),
        (b'{"texts": {"x.cedar": "permit"}}', 422, "malformed"),
        (b'{"texts": {"../x": "permit"}}', 422, "malformed"),
        (b'{"texts": {"x.cedar": "a"}, "limit": 100000}', 422, "malformed"),
        (b'{"texts": {"x.cedar": "a"}, "actor": "principal/PRN0000002"}', 422, "malformed"),
    ],
)
async def test_a_check_that_cannot_be_made_says_why(
    audit: Audited, body: bytes, status: int, code: str
) -> None:
    async with asked(audit) as api:
        got = await api.client.post(CHECK, content=body)

        problem(got, status, code)


async def test_a_candidate_with_thresholds_that_there_are_not_is_refused(audit: Audited) -> None:
    async with asked(audit) as api:
        asked_ = {"texts": dict(shipped_texts()), "thresholds": {"quorum": 3}}

        told = problem(await api.client.post(CHECK, json=asked_), 422, "malformed")

        assert "quorum" in told["detail"]


# Registers


async def test_the_change_register_filters_and_pages(audit: Audited) -> None:
    async with asked(audit) as api:
        everything = await settled(api, "/v1/changes", sort="number")
        found = {row["subject"]: row for row in everything["items"]}
        assert list(found) == [audit.normal, audit.broken, audit.planned, audit.external]
        assert (found[audit.normal]["approvers"], found[audit.normal]["title"]) == (
            sorted((audit.people["ANNE"], audit.people["DAN"])), "Move the queue",
        )  # fmt: skip
        assert found[audit.broken]["break_glass"] is True

        async def subjects(**query: Any) -> list[str]:
            told = await answer(api, "/v1/changes", sort="number", **query)
            return [row["subject"] for row in told["items"]]

        assert await subjects(status=["scheduled", "draft"]) == [audit.planned]
        assert await subjects(service="erp") == [audit.planned]
        assert await subjects(emergency=True) == [audit.broken]
        assert await subjects(open_retro_approval=True) == []
        window = {"window_from": hours_later(3), "window_to": hours_later(3.5)}
        assert await subjects(requester=audit.people["RUTH"], **window) == [
            audit.normal, audit.broken,
        ]  # fmt: skip
        page = await api.client.get("/v1/changes", params={"limit": 3, "sort": "number"})
        rest = await api.client.get(page.links["next"]["url"])
        assert [row["subject"] for row in rest.json()["items"]] == [audit.external]
        problem(await api.client.get("/v1/changes?colour=red"), 422, "malformed")
        problem(await api.client.get("/v1/changes?status=new"), 422, "malformed")


async def test_the_calendar_marks_what_is_in_the_way(audit: Audited) -> None:
    async with asked(audit) as api:
        span = {"from": hours_later(0), "to": hours_later(9)}
        told = await settled(api, "/v1/calendar", **span, service="mail")

        rows = {row["subject"]: row for row in told["items"]}
        assert rows.keys() == {audit.normal, audit.broken, audit.freeze}
        overlaps = {one["subject"]: one for one in rows[audit.normal]["overlaps"]}
        assert overlaps[audit.freeze]["excepted"] is True
        assert overlaps[audit.broken]["resolved"] is False
        problem(await api.client.get("/v1/calendar"), 422, "malformed")
        turned = {"from": hours_later(9), "to": hours_later(0)}
        problem(await api.client.get("/v1/calendar", params=turned), 422, "malformed")


async def test_the_register_of_grants_tells_who_holds_a_role_now(audit: Audited) -> None:
    async with asked(audit) as api:
        role = {"role_name": "change-authority", "sort": "number", "limit": 1000}
        every = await settled(api, "/v1/grants", **role)
        now = await answer(api, "/v1/grants", **role, counts=True)
        held = await answer(api, f"/v1/roles/{number(audit.authority_role)}/holders")

        ours = {row["subject"]: row for row in every["items"]}[audit.annes_grant]
        assert ours["status"] in {"active", "expired"}, "whether or not a timer has run"
        assert ours["valid_to"] == hours_later(2000)
        assert ours["delegations"][0]["to"] == audit.people["DAN"]
        assert {row["subject"] for row in now["items"]} == {one["grant"] for one in held["holders"]}
        assert audit.annes_grant not in {row["subject"] for row in now["items"]}


async def test_every_question_is_described(audit: Audited) -> None:
    async with asked(audit) as api:
        told = (await api.client.get("/openapi.json")).json()

        for path in (
            "/v1/changes", "/v1/calendar", "/v1/grants", "/v1/changes/late-approvals", "/v1/changes/emergencies",
            "/v1/changes/in-freezes", "/v1/changes/{number}/authority", "/v1/roles/{number}/holders",
            "/v1/replay/delegated",
        ):  # fmt: skip
            assert len(told["paths"][path]["get"]["description"]) > 60, path
        body = told["paths"][CHECK]["post"]["requestBody"]["content"]["application/json"]
        assert set(body["schema"]["properties"]) == {"texts", "thresholds", "from", "to", "limit"}
        got = await api.client.post(CHECK, content=orjson.dumps(body["example"]))
        assert got.status_code == 200, got.text
