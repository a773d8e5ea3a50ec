"""`show --proof`, `diff --proof` and `verify FILE`: an answer goes out with all that proves it, and is checked anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.compose import House
from domain.reading import LedgerRead
from ledger.genesis import FIRST_PERSON
from tests.api.shell import Shell, house_of, shell_with_ledger
from tests.replay.given_answers import refused


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_with_ledger(tmp_path)[0]


@pytest.fixture
def incident(shell: Shell) -> str:
    """Of two versions, whose title is personal."""
    subject = shell.report("Mail is slow", service="mail")
    shell.order("incident", "assign", '{"assignment_group":"mail"}', subject)
    return subject


def nowhere(shell: Shell) -> Shell:
    """The same commands where there is no ledger."""
    return Shell(shell.directory, {"ITSM_LEDGER_DATABASE_URL": "sqlite:///nowhere.db"})


def readings(house: House) -> list[dict[str, Any]]:
    return [
        entry.data["reading"]
        for entry in house.ledger.entries(0, 1000)
        if entry.type == LedgerRead.type_name
    ]


def test_show_writes_the_answer_that_it_prints_and_verify_accepts_it_without_a_ledger(
    shell: Shell, incident: str
) -> None:
    file = str(shell.directory / "answer.json")

    told = shell.ok("show", incident, "--proof", file, "--json").json
    checked = nowhere(shell).ok("verify", file, "--vkey", shell.ok("vkey").out, "--json").json

    (answer,) = checked["answer"]["states"]
    assert (told["subject"], told["version"]) == (answer["subject"], answer["version"])
    assert told["position"] == checked["answer"]["as_of"]["position"] == checked["size"]
    assert told["state"]["title"] == "Mail is slow"
    assert answer["state"] == told["state"] | {"title": answer["state"]["title"]}
    assert answer["state"]["title"].startswith("sd:sha-256:")
    assert (checked["accepted"], checked["entries"], checked["key_was_given"]) == (True, 2, True)
    assert list(checked) == [
        "accepted", "origin", "size", "root", "signed_by", "key_was_given", "entries", "question", "answer", "not_shown",
    ]  # fmt: skip


@pytest.mark.parametrize("basis", ["known", "effect"])
def test_an_answer_about_the_past_is_that_of_show(shell: Shell, incident: str, basis: str) -> None:
    first = shell.ok("history", incident, "--json").json["events"][0]
    file = str(shell.directory / "answer.json")
    moment = ("--at", first["recordedtime"], "--basis", basis)

    plain = shell.ok("show", incident, *moment, "--json").json
    told = shell.ok("show", incident, *moment, "--proof", file, "--json").json

    assert plain["state"] == told["state"]
    assert (told["version"], told["at"], told["basis"]) == (1, first["recordedtime"], basis)
    assert shell.ok("verify", file, "--json").json["answer"]["as_of"]["basis"] == basis


def test_diff_writes_the_answer_that_it_prints(shell: Shell, incident: str) -> None:
    file = str(shell.directory / "answer.json")
    start = str(shell.genesis + 1)

    told = shell.ok("diff", incident, "--from", start, "--proof", file, "--json").json
    checked = shell.ok("verify", file, "--json").json

    assert told["fields"] == checked["answer"]["differences"][0]["fields"]
    assert {field["field"] for field in told["fields"]} == {"status", "assignment_group"}


def test_verify_says_what_it_accepts_and_what_is_not_shown(shell: Shell, incident: str) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("show", incident, "--proof", file)
    size = shell.ok("verify", file, "--json").json["size"]

    said = shell.ok("verify", file).out
    with_key = shell.ok("verify", file, "--vkey", shell.ok("vkey").out.strip()).out

    assert said.startswith("Accepted: the answer follows from 2 entries, all among the")
    assert f"Not shown: what was recorded after entry {size}." in said
    assert "a later one may have been left out" in said
    assert "compare it with one that you trust" in said
    assert "whose key that is" not in with_key
    assert "  status: assigned" in said


def test_a_difference_is_said_field_by_field(shell: Shell, incident: str) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("diff", incident, "--from", str(shell.genesis + 1), "--proof", file)

    said = shell.ok("verify", file).out

    assert f"  status: new → assigned  (by {shell.genesis + 2})" in said


@pytest.mark.parametrize(("old", "new"), [("assigned", "resolved"), (":2,", ":3,")])
def test_a_changed_answer_is_refused_with_the_exit_code_of_tampering(
    shell: Shell, incident: str, old: str, new: str
) -> None:
    path = shell.directory / "answer.json"
    shell.ok("show", incident, "--proof", str(path))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    done = shell("verify", str(path))

    assert (done.code, done.out) == (3, "")
    assert "[answer-refuted]" in done.err
    assert refused(path.read_bytes()) is not None


def test_what_is_no_answer_is_bad_input(shell: Shell) -> None:
    (shell.directory / "x").write_text("{")

    assert shell("verify", str(shell.directory / "x")).code == 2
    assert shell("verify", str(shell.directory / "not there")).code == 2
    assert shell("verify", str(shell.directory)).code == 2


def test_another_key_is_refused(shell: Shell, incident: str, tmp_path: Path) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("show", incident, "--proof", file)
    (tmp_path / "other").mkdir()
    _, other = shell_with_ledger(tmp_path / "other")

    assert shell("verify", file, "--vkey", other["vkey"]).code == 3
    assert shell("verify", file, "--vkey", "no key").code == 2


def test_a_checkpoint_that_was_kept_stands_in_for_a_key(shell: Shell, incident: str) -> None:
    file, kept = shell.directory / "answer.json", shell.directory / "kept"
    shell.ok("show", incident, "--proof", str(file))
    kept.write_text(json.loads(file.read_text())["checkpoint"])
    other = shell.directory / "other"
    other.write_text(shell.ok("checkpoint").out)

    checked = shell.ok("verify", str(file), "--checkpoint", str(kept), "--json").json

    assert checked["key_was_given"]
    assert shell("verify", str(file), "--checkpoint", str(other)).code == 2


def test_options_of_the_one_verification_are_refused_by_the_other(
    shell: Shell, incident: str
) -> None:
    file = str(shell.directory / "answer.json")
    shell.ok("show", incident, "--proof", file)

    assert shell("verify", file, "--deep").code == 2
    assert shell("verify", "--vkey", shell.ok("vkey").out).code == 2
    assert shell("show", incident, "--disclose").code == 2


def test_disclosed_values_are_told_in_place_of_their_commitments(
    shell: Shell, incident: str
) -> None:
    """Those of the answer, and no others: the reason of the second entry stays closed."""
    file = shell.directory / "answer.json"

    shell.ok("show", incident, "--proof", str(file), "--disclose")

    assert refused(file.read_bytes()) is None
    assert "  title: Mail is slow" in nowhere(shell).ok("verify", str(file)).out
    assert len(json.loads(file.read_text())["disclosures"]) == 1


def test_a_disclosure_that_was_changed_is_refused(shell: Shell, incident: str) -> None:
    path = shell.directory / "answer.json"
    shell.ok("show", incident, "--proof", str(path), "--disclose")
    file = json.loads(path.read_text())
    (text,) = file["disclosures"]
    for changed in (text[:-1], text[:40] + ("A" if text[40] != "A" else "B") + text[41:], text * 2):
        path.write_text(json.dumps(file | {"disclosures": [changed]}))

        assert shell("verify", str(path)).code in (2, 3)
        assert refused(path.read_bytes()) is not None


def test_a_disclosure_of_what_is_not_in_the_answer_or_twice_is_refused(
    shell: Shell, incident: str
) -> None:
    """Though it is a true one: of another incident of this ledger."""
    path, other = shell.directory / "answer.json", shell.directory / "other.json"
    shell.ok("show", incident, "--proof", str(path), "--disclose")
    shell.ok("show", shell.report("Printer"), "--proof", str(other), "--disclose")
    file = json.loads(path.read_text())
    own, strange = file["disclosures"], json.loads(other.read_text())["disclosures"]

    for changed in (own + own, strange, own + strange):
        path.write_text(json.dumps(file | {"disclosures": changed}))

        assert shell("verify", str(path)).code == 3
        assert refused(path.read_bytes()) is not None


def test_of_an_erased_subject_the_old_answer_and_a_new_one_stay_valid(
    shell: Shell, incident: str
) -> None:
    """What was disclosed once is out; what is asked for afterwards has nothing to disclose."""
    before, after = shell.directory / "before.json", shell.directory / "after.json"
    shell.ok("show", incident, "--proof", str(before), "--disclose")

    shell.ok("erase", incident, "--reason", "asked for")
    shell.ok("show", incident, "--proof", str(after), "--disclose")

    assert refused(before.read_bytes()) is None
    assert refused(after.read_bytes()) is None
    assert json.loads(after.read_text())["disclosures"] == []


def test_an_answer_from_before_a_key_rotation_is_of_the_key_of_then(
    shell: Shell, incident: str
) -> None:
    before, after = shell.directory / "before.json", shell.directory / "after.json"
    old = shell.ok("vkey").out.strip()
    shell.ok("show", incident, "--proof", str(before))

    shell.ok("key", "rotate", "--reason", "yearly")
    new = shell.ok("vkey").out.strip()
    shell.ok("show", incident, "--proof", str(after))

    assert refused(before.read_bytes(), [old]) is None
    assert refused(before.read_bytes(), [new]) is not None
    assert refused(after.read_bytes(), [new]) is None
    assert json.loads(before.read_text())["vkey"] == old
    assert json.loads(after.read_text())["vkey"] == new


def test_nothing_is_written_where_nothing_is_answered(shell: Shell, incident: str) -> None:
    file = shell.directory / "answer.json"

    assert shell("show", "incident/INC9999999", "--proof", str(file)).code == 5
    assert shell("show", incident, "--position", "999999", "--proof", str(file)).code == 2
    assert shell("show", incident, "--proof", str(shell.directory / "ledger.db" / "x")).code == 2

    assert not list(shell.directory.glob("*answer.json*"))


def test_a_file_that_is_there_is_replaced_whole_or_stays(shell: Shell, incident: str) -> None:
    file = shell.directory / "answer.json"
    file.write_text("old")

    assert shell("show", "incident/INC9999999", "--proof", str(file)).code == 5
    assert file.read_text() == "old"
    shell.ok("show", incident, "--proof", str(file))

    assert refused(file.read_bytes()) is None


def test_that_entries_were_handed_out_is_recorded(shell: Shell, incident: str) -> None:
    shell.ok("show", incident, "--proof", str(shell.directory / "answer.json"))

    house = house_of(shell)
    (told,) = [reading for reading in readings(house) if incident in reading["about"]]
    house.close()

    assert (told["what"], told["entries"]) == ("entries", 2)


def test_personal_values_are_disclosed_to_who_may_see_them_only(
    shell: Shell, incident: str
) -> None:
    told = shell.ok(
        "token", "issue", FIRST_PERSON, "--scope", "incident:read", "--json"
    ).json["token"]  # fmt: skip
    file = str(shell.directory / "answer.json")

    plain = shell("show", incident, "--proof", file, ITSM_LEDGER_TOKEN=told)
    disclosing = shell("show", incident, "--proof", file, "--disclose", ITSM_LEDGER_TOKEN=told)

    assert plain.code == 0
    assert disclosing.code == 7
    assert "personal" in disclosing.err
