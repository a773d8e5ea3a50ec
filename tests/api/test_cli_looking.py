"""`order`, `show`, `history`, `diff`, `events`, `prove`, `tiles`: the shapes that others script against."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.entry import Entry
from ledger.notes import parse_vkey
from ledger.proofs import verify_proof
from ledger.tiles import decode_bundle
from tests.api.shell import Shell, fill, shell_with_ledger


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


def test_show_prints_the_state_and_the_moment_it_holds_for(shell: Shell) -> None:
    subject = shell.report(service="mail", impact=2, urgency=3)

    told = shell.ok("show", subject, "--json").json

    assert list(told) == ["subject", "version", "position", "basis", "at", "known_at", "state"]
    assert (told["subject"], told["version"], told["position"]) == (subject, 1, shell.genesis + 1)
    assert told["state"]["priority"] == 3


def test_show_at_a_position_is_the_state_of_then(shell: Shell) -> None:
    subject = shell.report()
    shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)

    then = shell.ok("show", subject, "--position", str(shell.genesis + 1), "--json").json
    now = shell.ok("show", subject, "--json").json

    assert (then["state"]["status"], then["position"]) == ("new", shell.genesis + 1)
    assert now["state"]["status"] == "assigned"


def test_show_at_a_time_says_both_times(shell: Shell) -> None:
    subject = shell.report()
    time = shell.ok("history", subject, "--json").json["events"][0]["recordedtime"]

    effect = shell.ok("show", subject, "--at", time, "--json").json
    known = shell.ok("show", subject, "--at", time, "--basis", "known", "--json").json

    assert (effect["basis"], effect["at"]) == ("effect", time)
    assert effect["known_at"] > time, "the head: that somebody read the history is the newest entry"
    assert (known["basis"], known["at"], known["known_at"]) == ("known", time, None)


def test_show_is_readable_too(shell: Shell) -> None:
    subject = shell.report("Mail is slow")

    said = shell.ok("show", subject).out

    assert said.startswith(f"{subject}, version 1, as known (position {shell.genesis + 1})")
    assert "Mail is slow" in said


def test_history_says_who_why_and_what_changed(shell: Shell) -> None:
    subject = shell.report()
    shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)
    why = '{"assignment_group":"network","reason":"The relay is fine"}'
    shell.order("incident", "reassign", why, subject)

    steps = shell.ok("history", subject, "--json").json["events"]

    assert [step["type"].split(".")[2] for step in steps] == ["reported", "assigned", "reassigned"]
    assert steps[-1]["reason"] == "The relay is fine"
    assert steps[-1]["changes"]["assignment_group"] == {"from": "mail", "to": "network"}
    assert "assignment_group: mail → network" in shell.ok("history", subject).out


def test_diff_says_which_entries_changed_a_field(shell: Shell) -> None:
    subject = shell.report()
    done = shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)
    before, after = done["position"] - 1, done["position"]

    told = shell.ok("diff", subject, "--from", f"{before}", "--to", f"{after}", "--json").json

    assert told["from"]["position"] == before
    assert {field["field"]: field["to"] for field in told["fields"]} == {
        "status": "assigned",
        "assignment_group": "mail",
    }
    assert told["fields"][0]["positions"] == [after]


def test_events_are_the_stored_bytes_one_on_a_line(shell: Shell) -> None:
    shell.report()

    lines = shell.ok("events", "--after", str(shell.genesis - 1)).out.splitlines()

    sequences = [int(json.loads(line)["sequence"]) for line in lines]
    assert sequences == [shell.genesis, shell.genesis + 1]


def test_an_order_reads_its_data_from_standard_input(shell: Shell) -> None:
    data = '{"title":"From a pipe"}'

    shell.ok("order", "incident", "report", "--data", "-", stdin=data)

    state = shell.ok("show", "incident/INC0010001", "--json").json["state"]
    assert state["title"] == "From a pipe"


def test_order_lists_what_a_family_takes(shell: Shell) -> None:
    told = shell.ok("order", "incident", "--json").json

    assert {"report", "assign", "resolve", "close", "comment"} <= set(told)
    assert "Hand a new incident" in told["assign"]["what"]


def test_a_proof_stands_under_the_printed_key(shell: Shell) -> None:
    shell.report()
    proof = shell.directory / "reported.proof"
    line = shell.ok("events", "--after", str(shell.genesis)).out.rstrip("\n")

    shell.ok("prove", str(shell.genesis + 1), "-o", str(proof))

    vkey = parse_vkey(shell.ok("vkey").out.strip())
    proven = verify_proof(line.encode(), proof.read_text(), [vkey])
    assert proven.index == shell.genesis


def test_tiles_are_the_whole_log_and_full_ones_are_written_once(shell: Shell) -> None:
    out = shell.directory / "tiles"
    for number in range(2):
        shell.report(f"{number}")
    first = shell.ok("tiles", "-o", str(out), "--json").json
    size = shell.genesis + 2
    bundle = out / "tile" / "entries" / "000.p" / str(size)

    assert (first["size"], first["written"]) == (size, 2)
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint", "tile", "vkey"]
    assert [Entry(0, raw).subject for raw in decode_bundle(bundle.read_bytes())][-1:] == [
        "incident/INC0010002"
    ]


def test_a_full_tile_that_is_there_is_not_written_again(shell: Shell) -> None:
    fill(shell, 260)
    out = shell.directory / "tiles"
    shell.ok("tiles", "-o", str(out))
    full = out / "tile" / "0" / "000"
    full.write_bytes(b"still here")

    again = shell.ok("tiles", "-o", str(out), "--json").json

    assert again["written"] == 3, "the partial bundle, and the partial tiles of two levels"
    assert full.read_bytes() == b"still here"


def test_read_models_are_brought_to_the_head(shell: Shell) -> None:
    shell.report()

    told = shell.ok("project", "--until-caught-up", "--json").json["projections"]
    again = shell.ok("rebuild", "tickets", "--json").json["projections"]

    assert {each["projection"] for each in told} >= {"tickets", "activity", "flow"}
    ((position, lag),) = {(each["position"], each["lag"]) for each in told + again}
    raised = shell.ok("findings", "--json").json["items"]
    assert (position, lag) == (shell.genesis + 1 + len(raised), 0), (
        "what was seen on the way is raised"
    )


def test_tiles_of_another_log_are_not_mixed_with_these(shell: Shell, tmp_path: Path) -> None:
    out = shell.directory / "tiles"
    shell.ok("tiles", "-o", str(out))
    (tmp_path / "other").mkdir()
    other = shell_with_ledger(tmp_path / "other")[0]

    done = other("tiles", "-o", str(out))

    assert done.code == 3
    shell.ok("tiles", "-o", str(out))
