"""What auditors ask from the command line: the same answers as over HTTP, and a form for people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.audited import Audited
from tests.api.shell import Shell
from tests.replay.given_changes import hours_later


@pytest.fixture
def shell(audit: Audited) -> Shell:
    return audit.shell


def asked(shell: Shell, *arguments: str) -> Any:
    return shell.ok(*arguments, "--json").json


def test_authority_says_who_approved_by_which_grant_and_rule(audit: Audited, shell: Shell) -> None:
    number = audit.normal.partition("/")[2]
    told = asked(shell, "authority", number)
    said = shell.ok("authority", audit.normal).out

    (approval,) = told["approvals"]
    assert approval["act"]["grants"][0]["grant"] == audit.annes_grant
    position = approval["act"]["position"]
    for part in (
        f"{audit.people['DAN']} on behalf of {audit.people['ANNE']}",
        f"as change-authority by {audit.annes_grant}: active until {hours_later(2000)}",
        f"(position {position}, permit)",
        "Change authorities, and for emergencies",
        "independent of the change",
        "content that was implemented: same",
    ):
        assert part in said


def test_holders_are_asked_by_the_name_of_the_role_or_its_number(
    audit: Audited, shell: Shell
) -> None:
    then = ("--at", hours_later(5))
    by_name = asked(shell, "holders", "change-authority", *then)
    by_number = asked(shell, "holders", audit.authority_role.partition("/")[2], *then)
    known = asked(shell, "holders", "change-authority", *then, "--basis", "known")

    assert by_name["holders"] == by_number["holders"] == known["holders"]
    assert audit.annes_grant in {one["grant"] for one in by_name["holders"]}
    assert known["position"] < by_name["position"]
    said = shell.ok("holders", "change-authority", *then).out
    assert f"by {audit.annes_grant} from" in said
    assert f"delegated to {audit.people['DAN']} until" in said
    assert shell("holders", "no-such-role").code == 2


def test_late_approvals_say_what_came_when(audit: Audited, shell: Shell) -> None:
    told = asked(shell, "changes", "late-approvals", "--from", "2026-03-01T00:00:00Z")
    said = shell.ok("changes", "late-approvals").out

    (one,) = told["items"]
    assert (one["change"], one["approval"]) == (audit.external, "APR-1")
    assert "dated-after, recorded-after" in said
    assert f"(position {one['began_position']})" in said
    assert asked(shell, "changes", "late-approvals", "--to", "2026-03-01T00:00:00Z")["items"] == []


def test_emergencies_say_what_became_of_their_retro_approval(audit: Audited, shell: Shell) -> None:
    told = asked(shell, "changes", "emergencies")
    said = shell.ok("changes", "emergencies").out

    (one,) = told["items"]
    assert (one["change"], one["outcome"]) == (audit.broken, "granted")
    assert f"granted by {audit.people['EVA']}" in said
    assert "as break-glass by grant/" in said
    assert "reason: Nobody answers" in said


def test_changes_in_freezes_say_on_whose_exception(audit: Audited, shell: Shell) -> None:
    told = asked(shell, "changes", "in-freezes")
    said = shell.ok("changes", "in-freezes").out

    assert {one["change"]: one["excepted"] for one in told["items"]} == {
        audit.normal: True, audit.broken: False,
    }  # fmt: skip
    assert f"granted by {audit.people['EVA']}" in said
    assert "no exception (freeze at position" in said
    assert "window and implementation in freeze/" in said


def test_delegated_acts_name_grant_and_delegation(audit: Audited, shell: Shell) -> None:
    told = asked(shell, "delegated", "--from", "1")
    said = shell.ok("delegated").out

    (one,) = told["items"]
    assert (one["by"], one["on_behalf_of"]) == (audit.people["DAN"], audit.people["ANNE"])
    assert f"delegated by {audit.annes_grant} DLG-" in said


def test_registers_and_calendar_are_listed(audit: Audited, shell: Shell) -> None:
    changes = asked(shell, "list", "changes", "--status", "scheduled")
    planned = asked(shell, "calendar", "--from", hours_later(0), "--to", hours_later(9))
    held = asked(shell, "list", "grants", "--role", "change-authority", "--counts")
    ended = asked(shell, "list", "grants", "--role", "change-authority", "--counts-not")

    assert [row["subject"] for row in changes["items"]] == [audit.planned]
    assert audit.normal in {row["subject"] for row in planned["items"]}
    assert [row["subject"] for row in ended["items"]] == [audit.annes_grant]
    assert audit.annes_grant not in {row["subject"] for row in held["items"]}
    listed = shell.ok("list", "changes", "--sort", "number", "--limit", "1")
    assert "CHG0010001  implemented, low-risk normal" in listed.out
    assert "--cursor" in listed.err
    said = shell.ok("calendar", "--from", hours_later(0), "--to", hours_later(9)).out
    assert f"overlaps {audit.freeze} on mail: excepted" in said
    assert "GRT" in shell.ok("list", "grants").out


def test_deployments_are_listed_with_the_change_behind_them(audit: Audited, shell: Shell) -> None:
    (one,) = asked(shell, "deployments", "--change", audit.normal)["items"]
    said = shell.ok("deployments").out

    assert (one["subject"], one["named"], one["found_by"]) == (
        "deployment/DEP-1",
        audit.normal,
        "reference",
    )
    assert f"DEP-1  {one['happened_at']}  (no service) in (not told where), deployed, " in said
    assert f"{one['verdict']} by reference: {audit.normal}" in said
    assert all(told in said for told in one["breaches"].values())
    other = {"matched", "unmatched", "outside", "other-content"} - {one["verdict"]}
    flags = [part for verdict in other for part in ("--verdict", verdict)]
    assert asked(shell, "deployments", *flags)["items"] == []
    assert asked(shell, "deployments", "--to", one["happened_at"])["items"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("deployments", "--verdict", "good"),
        ("deployments", "--from", "yesterday"),
        ("deployments", "--sort", "service"),
        ("authority", "INC0010001/x"),
        ("authority", "incident/INC0010001"),
        ("changes", "emergencies", "--from", "yesterday"),
        ("changes", "in-freezes", "--from", "2026-03-02T00:00:00Z", "--to", "2026-03-01T00:00:00Z"),
        ("delegated", "--from", "yesterday"),
        ("list", "changes", "--sort", "risk"),
        ("calendar", "--from", "x", "--to", "y"),
    ],
)
def test_what_cannot_be_asked_is_bad_input(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell(*arguments)

    assert done.code == 2
    assert done.err.startswith("itsm-ledger: ")


def test_a_change_that_nobody_knows_is_not_found(shell: Shell) -> None:
    assert shell("authority", "CHG0099999").code == 5
