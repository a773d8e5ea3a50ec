"""A problem from being raised to closure: what each order leads to, and what refuses it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.event import Event
from domain.problem import (
    FixFailed,
    FixRequested,
    KnownErrorDeclared,
    ProblemAccepted,
    ProblemClosed,
    ProblemRaised,
    ProblemRejected,
    ProblemReopened,
    ProblemResolved,
    ProblemRiskAccepted,
    RiskAcceptanceExpired,
    RootCauseIdentified,
)
from domain.problem_commands import (
    AcceptProblem,
    AcceptProblemRisk,
    CloseProblem,
    DeclareKnownError,
    ExpireRiskAcceptance,
    IdentifyRootCause,
    RaiseProblem,
    RecordFixFailure,
    RejectProblem,
    ReopenProblem,
    RequestFix,
    ResolveProblem,
)
from tests.given import ADA, BEN, CLEO, GONE, NOW, SYSTEM, Given, given

INCIDENT = "incident/INC0010001"
CHANGE = "change/CHG0000042"
OTHERS = {INCIDENT: {"status": "new"}, CHANGE: {"status": "draft"}}

raised = ProblemRaised(title="Mail queue", raised_by=ADA, raised_at=NOW, reopen_count=0)
owned = ProblemAccepted(owner=BEN, accepted_by=ADA)
caused = RootCauseIdentified(root_cause="The archive job", root_cause_identified_by=BEN)
known = KnownErrorDeclared()
fixing = FixRequested(fix_change=CHANGE)
resolved = ProblemResolved(resolved_by=BEN, resolved_at=NOW)
accepted = ProblemRiskAccepted(risk_accepted_by=CLEO, risk_accepted_at=NOW, review_by="2026-09-30")
KNOWN_ERROR = (raised, owned, caused, known)


def problem(*events: Event, closed_as: str | None = None) -> Given:
    """`closed_as`: the closure code of the change, once it is closed."""
    change = {CHANGE: {"status": "closed", "closure_code": closed_as}} if closed_as else {}
    return given(*events, subject="problem/PRB0010001", others={**OTHERS, **change})


def test_a_problem_rests_on_an_incident_that_the_ledger_knows() -> None:
    problem().when(RaiseProblem(title="Mail queue", incident=INCIDENT)).then(
        ProblemRaised(
            title="Mail queue",
            links={"LNK-1": {"to": INCIDENT, "relation": "incident"}},
            proactive=False,
            raised_by=ADA,
            raised_at=NOW,
            reopen_count=0,
        )
    ).vacuously()
    unknown = RaiseProblem(title="Mail queue", incident="incident/INC0010099")
    problem().when(unknown).refused("linked-incident-exists")


def test_a_proactive_problem_rests_on_evidence() -> None:
    evidence = RaiseProblem(title="Mail queue", proactive=True, evidence="The trend of March")

    after = problem().when(evidence)

    assert after.state["proactive"] is True
    assert "links" not in after.state


@pytest.mark.parametrize(
    ("proactive", "evidence"), [(False, None), (True, None), (False, "The trend of March")]
)
def test_a_problem_rests_on_something(proactive: bool, evidence: str | None) -> None:
    command = RaiseProblem(title="Mail queue", proactive=proactive, evidence=evidence)

    problem().when(command).refused("incident-or-evidence")


def test_a_problem_is_linked_to_an_incident_and_nothing_else() -> None:
    with pytest.raises(ValidationError, match="incident"):
        RaiseProblem(title="Mail queue", incident="change/CHG0000001")


def test_whoever_accepts_owns_it_unless_an_owner_is_named() -> None:
    problem(raised).when(AcceptProblem(owner=BEN)).then(owned).vacuously("problem-manager-role")
    problem(raised).when(AcceptProblem()).then(ProblemAccepted(owner=ADA, accepted_by=ADA))
    problem(raised).when(AcceptProblem(owner=GONE)).refused("owner-is-registered")


def test_a_rejection_says_why() -> None:
    problem(raised).when(RejectProblem(reason="Explained")).then(ProblemRejected(rejected_by=ADA))
    problem(raised).when(RejectProblem()).refused("reason-required")


def test_only_the_owner_takes_it_from_investigation_to_resolution() -> None:
    identify = IdentifyRootCause(root_cause="The archive job")

    problem(raised, owned).when(identify, actor=BEN).then(caused)
    problem(raised, owned).when(identify).refused("only-the-problem-owner")
    problem(raised, owned, caused).when(DeclareKnownError()).refused("only-the-problem-owner")
    request = RequestFix(fix_change=CHANGE)
    problem(*KNOWN_ERROR).when(request).refused("only-the-problem-owner")
    problem(*KNOWN_ERROR, fixing).when(ResolveProblem()).refused("only-the-problem-owner")


def test_a_known_error_has_a_root_cause_or_a_tested_workaround() -> None:
    tested = DeclareKnownError(workaround="Stop the job", workaround_tested=True)
    untested = DeclareKnownError(workaround="Stop the job")
    rule = "root-cause-or-tested-workaround"

    problem(raised, owned, caused).when(DeclareKnownError(), actor=BEN).then(known)
    problem(raised, owned).when(tested, actor=BEN).then(
        KnownErrorDeclared(workaround="Stop the job", workaround_tested=True)
    )
    problem(raised, owned).when(untested, actor=BEN).refused(rule)
    problem(raised, owned).when(DeclareKnownError(), actor=BEN).refused(rule)
    claimed = DeclareKnownError(workaround_tested=True)
    problem(raised, owned).when(claimed, actor=BEN).refused(rule)


def test_a_fix_names_a_change_that_the_ledger_knows() -> None:
    request = RequestFix(fix_change=CHANGE)
    unknown = RequestFix(fix_change="change/CHG0000099")

    problem(*KNOWN_ERROR).when(request, actor=BEN).then(fixing).vacuously()
    problem(*KNOWN_ERROR).when(unknown, actor=BEN).refused("change-exists")
    with pytest.raises(ValidationError, match="fix_change"):
        RequestFix(fix_change="incident/INC0010001")


def test_the_system_records_that_a_fix_failed() -> None:
    failure = RecordFixFailure(fix_outcome="backed_out")

    after = problem(*KNOWN_ERROR, fixing, closed_as="backed_out").when(failure, actor=SYSTEM)

    after.then(FixFailed(fix_outcome="backed_out")).vacuously()
    assert after.state["status"] == "known_error"
    problem(*KNOWN_ERROR, fixing).when(failure, actor=BEN).refused("only-the-system")


@pytest.mark.parametrize("closed_as", [None, "failed", "successful", "unauthorised"])
def test_a_fix_failed_as_its_change_says(closed_as: str | None) -> None:
    failure = RecordFixFailure(fix_outcome="backed_out")

    problem(*KNOWN_ERROR, fixing, closed_as=closed_as).when(failure, actor=SYSTEM).refused(
        "change-closed-unsuccessful"
    )


def test_another_fix_forgets_how_the_last_one_ended() -> None:
    failed = FixFailed(fix_outcome="failed")

    after = problem(*KNOWN_ERROR, fixing, failed).when(RequestFix(fix_change=CHANGE), actor=BEN)

    assert "fix_outcome" not in after.state


@pytest.mark.parametrize("closed_as", ["successful", "successful_with_issues"])
def test_a_resolution_rests_on_a_change_that_closed_successful(closed_as: str) -> None:
    fixed = problem(*KNOWN_ERROR, fixing, closed_as=closed_as)

    fixed.when(ResolveProblem(), actor=BEN).then(resolved).vacuously()


@pytest.mark.parametrize("closed_as", [None, "failed", "backed_out", "unauthorised"])
def test_another_end_of_the_change_resolves_nothing(closed_as: str | None) -> None:
    problem(*KNOWN_ERROR, fixing, closed_as=closed_as).when(ResolveProblem(), actor=BEN).refused(
        "change-closed-successful"
    )


def test_where_a_source_did_not_say_which_change_its_end_is_vacuous() -> None:
    unnamed = problem(raised, FixRequested())
    failure = RecordFixFailure(fix_outcome="failed")

    unnamed.when(ResolveProblem(), actor=BEN).vacuously("change-closed-successful")
    unnamed.when(failure, actor=SYSTEM).vacuously("change-closed-unsuccessful")


def test_the_owner_does_not_accept_the_risk() -> None:
    accept = AcceptProblemRisk(review_by="2026-09-30")

    problem(*KNOWN_ERROR).when(accept, actor=CLEO).then(accepted).vacuously("risk-owner-role")
    problem(*KNOWN_ERROR).when(accept, actor=BEN).refused("risk-acceptor-is-not-problem-owner")


@pytest.mark.parametrize("review_by", ["2026-03-02", "2025-12-31"])
def test_a_risk_is_accepted_until_a_day_to_come(review_by: str) -> None:
    accept = AcceptProblemRisk(review_by=review_by)

    problem(*KNOWN_ERROR).when(accept, actor=CLEO, now=NOW).refused("review-by-in-future")


def test_a_day_that_is_none_is_malformed() -> None:
    with pytest.raises(ValidationError, match="expected a date"):
        AcceptProblemRisk(review_by="2026-02-30")


def test_the_timer_ends_an_acceptance_on_its_day_and_not_before() -> None:
    waiting = problem(*KNOWN_ERROR, accepted)
    expire = ExpireRiskAcceptance()

    after = waiting.when(expire, actor=SYSTEM, now="2026-09-30T00:00:00.000000Z")

    after.then(RiskAcceptanceExpired()).vacuously()
    assert {"risk_accepted_by", "risk_accepted_at", "review_by"}.isdisjoint(after.state)
    early = "2026-09-29T23:59:59.999999Z"
    waiting.when(expire, actor=SYSTEM, now=early).refused("review-by-reached")
    waiting.when(expire, actor=CLEO).refused("only-the-system")


def test_where_a_source_did_not_say_until_when_the_day_is_vacuous() -> None:
    problem(raised, ProblemRiskAccepted()).when(ExpireRiskAcceptance(), actor=SYSTEM).vacuously(
        "review-by-reached"
    )


def test_a_recurrence_names_the_incident_that_shows_it() -> None:
    after = problem(*KNOWN_ERROR, fixing, resolved).when(ReopenProblem(recurrence=INCIDENT))

    after.then(
        ProblemReopened(
            recurrence=INCIDENT,
            reopen_count=1,
            links={"LNK-1": {"to": INCIDENT, "relation": "incident"}},
        )
    )
    assert {"resolved_by", "resolved_at", "fix_outcome"}.isdisjoint(after.state)
    unknown = ReopenProblem(recurrence="incident/INC0010099")
    problem(*KNOWN_ERROR, fixing, resolved).when(unknown).refused("recurrence-exists")


@pytest.mark.parametrize("before", [(fixing, resolved), (accepted,)])
def test_the_owner_does_not_close_it(before: tuple[Event, ...]) -> None:
    settled = problem(*KNOWN_ERROR, *before)

    settled.when(CloseProblem(), actor=ADA).then(ProblemClosed(closed_by=ADA, closed_at=NOW))
    settled.when(CloseProblem(), actor=BEN).refused("closer-is-not-problem-owner")


def test_where_a_source_did_not_say_who_owns_it_the_separation_is_vacuous() -> None:
    problem(raised, ProblemResolved()).when(CloseProblem()).vacuously(
        "problem-manager-role", "closer-is-not-problem-owner"
    )


@pytest.mark.parametrize("over", [ProblemClosed(closed_by=ADA), ProblemRejected(rejected_by=ADA)])
def test_a_problem_that_is_over_takes_no_order_of_its_own(over: Event) -> None:
    for order in (AcceptProblem(), ReopenProblem(recurrence=INCIDENT), CloseProblem()):
        problem(raised, over).when(order).refused("transition")
