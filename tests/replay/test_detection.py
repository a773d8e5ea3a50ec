"""What each detector tells of an entry, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from domain.change import change_content_hash
from domain.event import Json, State
from domain.rosters import POLICIES
from ledger.shipped import shipped_texts
from replay.detection.accountability import Accountability
from replay.detection.approval_after_start import ApprovalAfterStart
from replay.detection.conflicting_grants import ConflictingGrants
from replay.detection.detector import Cured, Detector, Look, Shown
from replay.detection.lapsed_retro_approval import LapsedRetroApproval
from replay.detection.lapsed_review import LapsedReview
from replay.detection.late_facts import DatedAhead, RecordedLate
from replay.detection.leaver_with_grants import LeaverWithGrants
from replay.detection.lone_self_approval import LoneSelfApproval
from replay.detection.other_than_approved import OtherThanApproved
from replay.detection.outside_window import ImplementationOutsideWindow
from replay.detection.pauses import PauseBeforeBreach, PauseWithoutProof
from replay.detection.priority_lowered import PriorityLoweredAlone
from replay.detection.registry import DETECTORS
from replay.detection.standard_change import StandardChangeOutsideModel
from replay.detection.unratified_genesis import UnratifiedGenesis
from replay.detection.who_may import WhoMay
from replay.estate import Estate, Told

ADA, BEN = "principal/PRN0000002", "principal/PRN0000003"
CHANGE, PERSON = "change/CHG0010001", {"kind": "person"}
NOON, ONE, TWO = (f"2026-03-02T{hour}:00:00.000000Z" for hour in (12, 13, 14))
WINDOW = {"start": NOON, "end": TWO}
STARTED = "itsm.change.implementation-started.v1"
DONE = "itsm.change.implementation-completed.v1"


class _Nothing(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return {}


class _Estate:
    """An estate of some states and rosters."""

    def __init__(
        self, states: Mapping[str, State], rosters: Mapping[str, Any], setter: str | None
    ) -> None:
        self.states, self.rosters, self.setter = _Nothing(states), dict(rosters), setter

    def told(self, _subject: str) -> list[Told]:
        """Somebody set the priority."""
        said = {"priority": 2} if self.setter else {}
        return [
            Told("id", "itsm.incident.reported.v1", "x", NOON, NOON, 1, said, authid=self.setter)
        ]

    def standing(self, family: str) -> list[tuple[str, State]]:
        return [(name, one) for name, one in self.states.items() if name.startswith(f"{family}/")]


def seen(
    detector: Detector,
    type_: str,
    data: Json,
    *,
    before: State | None = None,
    subject: str = CHANGE,
    states: Mapping[str, State] | None = None,
    rosters: Mapping[str, Any] | None = None,
    time: str = ONE,
    recorded: str = ONE,
    by: str = ADA,
    setter: str | None = None,
) -> list[Shown | Cured]:
    told = Told(
        "id", type_, subject, time, recorded, 2, data, authid=by, decision="observed",
        recordedby="principal/ci",
    )  # fmt: skip
    assert not detector.types or type_ in detector.types
    former = dict(before or {})
    estate = cast("Estate", _Estate(states or {}, rosters or {}, setter))
    return list(detector.see(Look(9, told, former, {**former, **data}, estate)))


def approved_by(*people: str, at: str | None = NOON, hash_: str | None = None) -> dict[str, Json]:
    said = (
        {"verdict": "granted"}
        | ({"at": at} if at else {})
        | ({"content_hash": hash_} if hash_ else {})
    )
    return {f"APR-{n}": {"by": one, **said} for n, one in enumerate(people)}


def test_nobody_approves_alone_what_they_asked_for() -> None:
    alone = {"requested_by": ADA, "approvals": approved_by(ADA)}
    both = {"requested_by": ADA, "approvals": approved_by(ADA, BEN)}

    (shown,) = seen(LoneSelfApproval(), STARTED, {"started_at": ONE}, before=alone)

    assert isinstance(shown, Shown)
    assert set(shown.about) == {CHANGE, ADA}
    assert seen(LoneSelfApproval(), STARTED, {"started_at": ONE}, before=both) == []
    assert seen(LoneSelfApproval(), DONE, {}, before=alone) != [], "a source may tell the end only"
    assert seen(LoneSelfApproval(), DONE, {}, before={**alone, "started_at": NOON}) == []
    assert seen(LoneSelfApproval(), STARTED, {}, before={"requested_by": ADA}) == []
    other = {"APR-x": {"by": BEN, "verdict": "granted", "content_hash": "sha256:other"}}
    void = {"APR-x": {"by": BEN, "verdict": "granted", "void": True}}
    for not_counting in (other, void):
        state = {"requested_by": ADA, "approvals": {**approved_by(ADA), **not_counting}}
        assert len(seen(LoneSelfApproval(), STARTED, {}, before=state)) == 1


def test_accounts_of_one_human_are_one_approver() -> None:
    state = {"requested_by": ADA, "approvals": approved_by(BEN)}

    found = seen(LoneSelfApproval(), STARTED, {}, before=state, states={BEN: {"person": ADA}})

    assert len(found) == 1


def test_an_approval_comes_before_the_beginning() -> None:
    late, undated = approved_by(BEN, at=TWO), approved_by(BEN, at=None)
    granted = "itsm.change.approval-granted.v1"

    for before, expected in (({"started_at": ONE}, 1), ({"started_at": TWO}, 0), ({}, 0)):
        found = seen(ApprovalAfterStart(), granted, {"approvals": late}, before=before)
        assert len(found) == expected
    began = {"started_at": ONE}
    assert len(seen(ApprovalAfterStart(), STARTED, began, before={"approvals": late})) == 1
    assert seen(ApprovalAfterStart(), STARTED, began, before={"approvals": undated}) == []
    done = {"implemented_at": ONE}
    assert len(seen(ApprovalAfterStart(), granted, {"approvals": late}, before=done)) == 1
    assert len(seen(ApprovalAfterStart(), DONE, done, before={"approvals": late})) == 1
    void = {name: {**one, "void": True} for name, one in late.items()}
    assert (
        seen(ApprovalAfterStart(), granted, {"approvals": void}, before={"started_at": ONE}) == []
    )


@pytest.mark.parametrize(("at", "shown"), [(NOON, 0), (TWO, 0), ("2026-03-02T14:00:00.000001Z", 1)])
def test_an_implementation_keeps_to_its_window(at: str, shown: int) -> None:
    found = seen(
        ImplementationOutsideWindow(), STARTED, {"started_at": at}, before={"window": WINDOW}
    )

    assert len(found) == shown
    assert seen(ImplementationOutsideWindow(), STARTED, {"started_at": at}) == []
    emergency = {"window": WINDOW, "emergency_incident": "incident/INC0010001"}
    assert seen(ImplementationOutsideWindow(), STARTED, {"started_at": at}, before=emergency) == []


def test_what_is_implemented_is_what_was_approved() -> None:
    other = {"approvals": approved_by(BEN, hash_="sha256:" + "0" * 64)}
    unstated = {"approvals": approved_by(BEN)}

    assert len(seen(OtherThanApproved(), STARTED, {}, before=other)) == 1
    assert seen(OtherThanApproved(), STARTED, {}, before=unstated) == []
    assert len(seen(OtherThanApproved(), STARTED, {}, before={"authorized_hash": "sha256:1"})) == 1
    same = change_content_hash({"risk": "low"})
    assert (
        seen(OtherThanApproved(), STARTED, {}, before={"risk": "low", "authorized_hash": same})
        == []
    )


def test_a_retro_approval_that_lapsed_is_shown_and_a_later_one_heals_it() -> None:
    lapsed, granted = (f"itsm.change.retro-approval-{word}.v1" for word in ("lapsed", "granted"))

    (shown,) = seen(LapsedRetroApproval(), lapsed, {}, before={"break_glass_by": ADA})

    assert isinstance(shown, Shown)
    assert set(shown.about) == {CHANGE, ADA}
    assert seen(LapsedRetroApproval(), granted, {}) == [Cured(CHANGE)]


def test_a_review_that_lapsed_is_shown_and_the_review_heals_it() -> None:
    lapsed, held = "itsm.change.review-lapsed.v1", "itsm.change.pir-completed.v1"
    late = {"review_lapsed_at": ONE}

    (shown,) = seen(LapsedReview(), lapsed, late, before={"review_members": {ADA: True}})

    assert isinstance(shown, Shown)
    assert shown.about == (CHANGE, ADA)
    assert seen(LapsedReview(), held, {}, before=late) == [Cured(CHANGE)]
    assert seen(LapsedReview(), held, {}) == []


def test_a_standard_change_keeps_to_an_active_model() -> None:
    model, authorized = "model/MOD0000001", "itsm.change.pre-authorized.v1"
    standard = {
        "type": "standard",
        "model": model,
        "model_version": 1,
        "risk": "low",
        "services": {"mail": True},
    }
    active = {
        "status": "active",
        "version": 1,
        "valid_until": TWO,
        "max_risk": "low",
        "services": {"mail": True},
    }

    def shown(type_: str, state: State) -> bool:
        found = seen(
            StandardChangeOutsideModel(), type_, {}, before=standard, states={model: state}
        )
        return bool(found)

    assert [shown(type_, active) for type_ in (STARTED, authorized)] == [False, False]
    assert shown(STARTED, {**active, "status": "suspended"})
    assert shown(STARTED, {})
    assert shown(authorized, {**active, "version": 2})
    assert shown(authorized, {**active, "valid_until": NOON})
    assert not shown(STARTED, {**active, "version": 2}), "it was authorized under the former one"
    assert seen(StandardChangeOutsideModel(), STARTED, {}, before={"type": "normal"}) == []


def test_a_leaver_holds_no_live_grant() -> None:
    grant, held = "grant/GRT0000001", {f"grants-held-by {ADA}": ["grant/GRT0000001"]}
    active = {"status": "active", "holder": ADA}
    left, revoked = "itsm.principal.deactivated.v1", "itsm.grant.revoked.v1"
    gone = {"status": "deactivated"}

    found = seen(LeaverWithGrants(), left, gone, subject=ADA, states={grant: active}, rosters=held)
    ended = seen(
        LeaverWithGrants(), revoked, {"status": "revoked"}, before=active, subject=grant,
        states={ADA: gone}, rosters=held,
    )  # fmt: skip

    assert found == [Shown(about=(ADA, grant), group=ADA)]
    assert ended == [Cured(ADA)]
    assert seen(LeaverWithGrants(), left, gone, subject=ADA) == [Cured(ADA)], "they held nothing"
    suspended, over = {**active, "status": "suspended"}, {**active, "valid_to": NOON}
    for state, expected in ((suspended, Shown), (over, Cured)):
        (one,) = seen(
            LeaverWithGrants(), left, gone, subject=ADA, states={grant: state}, rosters=held
        )
        assert isinstance(one, expected)


def test_roles_that_a_revision_sets_apart_are_found_in_one_hand() -> None:
    first, second = "role/ROL0000001", "role/ROL0000002"
    role: dict[str, Json] = {"status": "defined", "revision": 1, "conflicts": {}}
    grants = {
        f"grant/GRT000000{n}": {
            "status": "active", "holder": ADA, "role": one, "role_name": name, "valid_from": NOON,
        }
        for n, (one, name) in enumerate(((first, "tester"), (second, "developer")))
    }  # fmt: skip
    states = {
        **grants, first: {**role, "name": "tester"}, second: {**role, "name": "developer"},
    }  # fmt: skip
    rosters = {f"grants-held-by {ADA}": list(grants)}

    def revised(conflicts: Json) -> list[Shown | Cured]:
        return seen(
            ConflictingGrants(), "itsm.role.revised.v1", {"conflicts": conflicts, "revision": 2},
            before=states[first], subject=first, states=states, rosters=rosters,
        )  # fmt: skip

    (shown,) = revised({"developer": True})
    assert isinstance(shown, Shown)
    assert {*grants, ADA} <= set(shown.about)
    assert revised({}) == []


def test_a_pause_says_what_it_waits_for() -> None:
    held = "itsm.incident.put-on-hold.v1"
    proven = {"hold_reason": "supplier", "hold_reference": "contract/CON0000007"}

    assert len(seen(PauseWithoutProof(), held, {"hold_reason": "requester"})) == 1
    assert seen(PauseWithoutProof(), held, proven) == []


@pytest.mark.parametrize(
    ("time", "shown"),
    [("2026-03-02T15:29:59.000000Z", 0), ("2026-03-02T15:30:00.000000Z", 1), ("2026-03-02T16:00:00.000000Z", 0)],
)  # fmt: skip
def test_a_clock_is_not_stopped_just_before_its_time_is_up(time: str, shown: int) -> None:
    critical = {"priority": 1, "reported_at": NOON}

    found = seen(
        PauseBeforeBreach(), "itsm.incident.put-on-hold.v1", {}, before=critical, time=time
    )

    assert len(found) == shown


def test_late_facts_of_one_source_and_day_are_one() -> None:
    a, b = (
        seen(RecordedLate(), "itsm.fact.observed.v1", {}, subject=one, time="2025-03-02T12:00:00.000000Z")
        for one in ("fact/FCT0000001", "fact/FCT0000002")
    )  # fmt: skip

    assert a == b == [Shown(about=("principal/ci",), group="principal/ci 2026-03-02")]
    assert (
        seen(RecordedLate(), "itsm.fact.observed.v1", {}, time="2026-02-28T12:00:00.000000Z") == []
    )


def test_a_source_s_clock_may_go_ahead_by_minutes_only() -> None:
    ahead = [
        seen(DatedAhead(), "itsm.fact.observed.v1", {}, time=time)
        for time in ("2026-03-02T13:05:00.000000Z", "2026-03-02T13:05:00.000001Z")
    ]

    assert [len(found) for found in ahead] == [0, 1]


@pytest.mark.parametrize(
    ("setter", "before", "now", "shown"),
    [(ADA, 2, 3, 1), (BEN, 2, 3, 0), (ADA, 3, 2, 0), (ADA, 3, 3, 0), (None, 2, 3, 0)],
)
def test_lowering_a_priority_takes_somebody_else(
    setter: str | None, before: int, now: int, shown: int
) -> None:
    found = seen(
        PriorityLoweredAlone(), "itsm.incident.reprioritised.v1", {"priority": now},
        before={"priority": before}, subject="incident/INC0010001", setter=setter,
    )  # fmt: skip

    assert len(found) == shown


def test_each_activity_has_one_accountable() -> None:
    role, grant = "role/ROL0000001", "grant/GRT0000001"
    owner = {"status": "defined", "name": "owner", "activities": {"backups": "A", "restores": "R"}}
    other = {**owner, "activities": {"backups": "R", "restores": "A"}}
    held: dict[str, Json] = {
        "status": "active", "holder": ADA, "role": role, "role_name": "owner", "valid_from": NOON,
    }  # fmt: skip
    second = {**held, "role": "role/ROL0000002", "holder": BEN}
    states: dict[str, State] = {
        role: owner, "role/ROL0000002": other, "grant/GRT0000002": second,
        ADA: {"status": "registered"}, BEN: {"status": "registered"},
    }  # fmt: skip
    rosters = {
        "roles": [role, "role/ROL0000002"],
        f"grants-held-by {ADA}": [grant],
        f"grants-held-by {BEN}": ["grant/GRT0000002"],
    }

    def told(word: str, patch: Json) -> list[Shown | Cured]:
        return seen(
            Accountability(), f"itsm.grant.{word}.v1", patch, before=held, subject=grant,
            states=states, rosters=rosters,
        )  # fmt: skip

    assert [type(one) for one in told("granted", {})] == [Cured]
    assert [type(one) for one in told("revoked", {"status": "revoked"})] == [Shown]
    silent = {role: {"status": "defined", "name": "owner"}}
    nothing = seen(
        Accountability(), "itsm.grant.revoked.v1", {}, before=held, subject=grant, states=silent
    )
    assert nothing == [], "the role says nothing about activities"


def test_what_a_source_observed_keeps_to_the_rules_that_forbid() -> None:
    policy = {"texts": dict(shipped_texts()), "thresholds": {}, "reference": "policy/POL0000001@4"}
    states: dict[str, State] = {"policy/POL0000001": policy, **dict.fromkeys((ADA, BEN), PERSON)}

    def told(by: str) -> list[Shown | Cured]:
        return seen(
            WhoMay(), "itsm.change.approval-granted.v1", {"approvals": approved_by(by)},
            before={"requested_by": ADA}, states=states, rosters={POLICIES: [*states][:1]}, by=by,
        )  # fmt: skip

    (shown,) = told(ADA)
    assert isinstance(shown, Shown)
    assert shown.rule == "change-approver-is-independent"
    assert (shown.rule_version, shown.about) == ("policy/POL0000001@4", (CHANGE, ADA))
    assert told(BEN) == [], "which roles he has elsewhere is not known"


def test_the_genesis_is_ratified_by_somebody() -> None:
    established = {"genesis": {"status": "unratified", "policy": "policy/POL0000001@4"}}
    ledger = "ledger/LDG0000001"

    (shown,) = seen(
        UnratifiedGenesis(), "itsm.ledger.authority-established.v1", established, subject=ledger
    )

    assert isinstance(shown, Shown)
    assert set(shown.about) == {ledger, "policy/POL0000001"}
    ratified = seen(UnratifiedGenesis(), "itsm.ledger.genesis-ratified.v1", {}, subject=ledger)
    assert ratified == [Cured(ledger)]


def test_each_detector_is_registered_once_and_says_its_rule() -> None:
    names = [one.name for one in DETECTORS]

    assert len(names) == len(set(names))
    for one in DETECTORS:
        assert one.sentence.endswith(".")
