"""How authority came and went: delegated, expired, refused for its conflicts, and put under a stricter policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from api.roles import role_named
from api.simulator.changes import (
    HURRIED,
    STARTS_AT,
    Crew,
    approval,
    approved,
    approved_anew,
    closed,
    drafted,
    evidence,
    implemented,
    made_ready,
    starts,
)
from api.simulator.clock import next_opening
from api.simulator.company import (
    ADMINISTRATOR,
    APPROVERS,
    ASSESSOR,
    CATALOGUE,
    CHANGE_MANAGER,
    COMPLIANCE,
    CONTRACTOR,
    LINE_MANAGER,
    PRIVILEGED,
    RISK_OWNER,
    SECOND_ACCOUNT,
)
from api.simulator.desk import FIRST
from api.simulator.staffing import asked, given
from api.simulator.telling import Telling
from api.simulator.tickets import Life
from domain.change_implementation import ScheduleChange, StartImplementation
from domain.grant_commands import (
    ActivateRoleGrant,
    ApproveRoleGrant,
    DelegateRole,
    GrantSodException,
    RejectRoleGrant,
    RevokeRole,
)
from domain.moments import to_text
from domain.policy import DraftPolicy, PublishPolicy, ReviewPolicy
from domain.principal import IdentifyPrincipal
from domain.review_commands import (
    CertifyReviewItems,
    CloseAccessReview,
    OpenAccessReview,
    OrderRevocations,
)
from domain.rosters import POLICIES
from domain.thresholds import thresholds_of

ANNEKE, SAMUEL, _ = APPROVERS
STRICTER = {
    "quorum_normal": {"medium": 2},
    "pre_approved_items": [item for item, _, beforehand in CATALOGUE if beforehand],
}
EXCEPTION_DAYS = 30
PUBLISHED = (20, 12)
"""Day and hour. The change that is caught by it was to begin that evening."""


class AuthorityCases(Telling):
    """Of grants, principals and policies."""

    def lives(self) -> Iterator[Life]:
        """In the order in which what they begin with gets its number."""
        yield self.second_account()
        yield self.conflict_excepted()
        yield self.conflict_rejected()
        yield self.contract_ends()
        yield self.holiday()
        yield self.stricter_policy()
        yield self.caught_by_it()
        yield self.renewed()
        yield self.reviewed()

    def second_account(self) -> Life:
        desk, account = self.desk, self.desk.people[SECOND_ACCOUNT]
        yield desk.after(1, 2)
        same = IdentifyPrincipal(person=desk.people[SAMUEL], reason="He uses it while travelling")
        desk.order(ADMINISTRATOR, same, account)
        self.tell("second-account", account, f"is the same human as {desk.people[SAMUEL]}")

    def conflict_excepted(self) -> Life:
        desk, holder = self.desk, "Kenji Mori"
        grant = asked(desk, holder, "change-authority", days=EXCEPTION_DAYS, reason="Holiday cover")
        yield desk.day(1, 11)
        until = desk.state(grant)["valid_to"]
        exception = GrantSodException(
            compensating_control="The risk owner reads each of his approvals on the same day",
            expires_at=until,
            reason="Two of three authorities are away",
        )
        excepted = desk.order(RISK_OWNER, exception, grant)
        yield desk.after(30, 60)
        desk.order(FIRST, ApproveRoleGrant(), grant)
        desk.order(ADMINISTRATOR, ActivateRoleGrant(), grant)
        told = "gives a role that conflicts with its holder's, on an exception that ends"
        self.tell("conflict-excepted", grant, told, position=excepted.position)

    def conflict_rejected(self) -> Life:
        desk = self.desk
        grant = asked(desk, "Mateo Rossi", "change-authority")
        yield desk.day(1, 12)
        no = RejectRoleGrant(reason="He implements, and others are there")
        desk.order(FIRST, no, grant)
        told = "was asked for by an implementer: the conflict was found, and it was rejected"
        self.tell("conflict-rejected", grant, told)

    def contract_ends(self) -> Life:
        """A grant ends by its `valid_to`."""
        desk, grant = self.desk, self.desk.grants[CONTRACTOR, "tester"]
        ends = datetime.fromisoformat(desk.state(grant)["valid_to"])
        yield next_opening(ends) + timedelta(minutes=10)
        rules = desk.try_order(CONTRACTOR, evidence(desk), self.told["waiting"].subject)
        refused = desk.now_text()
        told = f"had ended when its holder used it ({', '.join(rules)})"
        self.tell("grant-expired", grant, told, refused)

    def holiday(self) -> Life:
        """Somebody decides in the place of another, for as long as that one is away."""
        desk = self.desk
        crew = Crew("Idris Mensah", "Aino Laine", "Ben Achterberg")
        title = "Close the unused ports"
        subject = drafted(desk, crew.requester, "network", title, desk.day(8, STARTS_AT))
        leaves, returns = desk.day(2, 17), desk.day(13, 8)
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "low")
        yield leaves
        grant = desk.grants[ANNEKE, "change-authority"]
        instead = DelegateRole(
            to=desk.people[LINE_MANAGER], until=to_text(returns), reason="Holiday"
        )
        desk.order(ANNEKE, instead, grant)
        desk.away.add(ANNEKE)
        yield desk.day(1, 11)
        granted = desk.order(LINE_MANAGER, approval(desk, subject), subject, for_=ANNEKE)
        told = f"was approved on behalf of {desk.people[ANNEKE]}, who was on holiday"
        self.tell("delegated", subject, told, position=granted.position)
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)
        yield returns + timedelta(hours=2)
        desk.away.discard(ANNEKE)
        waiting = self.told["waiting"].subject
        rules = desk.try_order(LINE_MANAGER, approval(desk, waiting), waiting, for_=ANNEKE)
        told = f"was delegated until {to_text(returns)}; two hours later it was not ({', '.join(rules)})"
        self.tell("delegation-over", grant, told, desk.now_text())

    def stricter_policy(self) -> Life:
        """Two approvers for changes of medium risk, none for small requests: by three people."""
        desk = self.desk
        reviewed, published = desk.day(11, 15), desk.day(*PUBLISHED)
        (shipped,) = desk.ledger.roster(POLICIES).members
        candidate = DraftPolicy(
            title="Two approvers for medium risk, none for what costs little",
            texts=desk.state(shipped)["texts"],
            thresholds=STRICTER,
            reason="Two of four incidents after changes came from medium risk",
        )
        policy = desk.order(COMPLIANCE, candidate).subject
        told = "asks for two approvers where the risk is medium, none where a request costs little"
        self.tell("stricter-policy", policy, told)
        yield reviewed
        read = ReviewPolicy(content_hash=desk.state(policy)["content_hash"])
        rules = desk.try_order(COMPLIANCE, read, policy)
        desk.order(ASSESSOR, read, policy)
        desk.announced = thresholds_of(STRICTER)
        yield published
        last = desk.order(CHANGE_MANAGER, PublishPolicy(), policy)
        told += f"; its author could not review it ({', '.join(rules)})"
        self.tell("stricter-policy", policy, told, position=last.position)

    def caught_by_it(self) -> Life:
        """Authorized under the former policy, and to begin when the stricter one is in force."""
        desk = self.desk
        crew = Crew("Priya Raman", "Bilal Aziz", "Oskar Nyman")
        evening = desk.day(PUBLISHED[0], STARTS_AT)
        subject = drafted(desk, crew.requester, "workplace", "Encrypt the shared drives", evening)
        yield desk.after(30, 60)
        yield from made_ready(desk, subject, crew, "medium", HURRIED)
        yield from approved(desk, subject, [SAMUEL], HURRIED)
        desk.order(CHANGE_MANAGER, ScheduleChange(), subject)
        yield starts(desk, subject)
        rules = desk.try_order(crew.implementer, StartImplementation(), subject)
        told = f"had one approval when a policy came that asks for two ({', '.join(rules)})"
        self.tell("caught-by-policy", subject, told, desk.now_text())
        yield from approved_anew(desk, subject, crew)
        yield from implemented(desk, subject, crew)
        yield from closed(desk, subject)

    def reviewed(self) -> Life:
        """Who may approve changes is looked at anew, grant by grant, and one of them is an account too many."""
        desk, role = self.desk, "change-authority"
        yield desk.day(15, 10)
        opening = OpenAccessReview(
            title="Change authorities, this quarter",
            role=role_named(desk.ledger, role),
            due_at=to_text(desk.day(10, 17)),
        )
        subject = desk.order(COMPLIANCE, opening).subject
        told = "looked at everybody who may approve changes"
        self.tell("access-review", subject, told)
        yield desk.after(60, 90)
        doubted = desk.grants[SECOND_ACCOUNT, role]
        kept = {
            grant
            for (_, given_role), grant in desk.grants.items()
            if given_role == role and desk.state(grant)["status"] == "active"
        } - {doubted}
        desk.order(LINE_MANAGER, CertifyReviewItems(grants=frozenset(kept)), subject)
        rules = desk.try_order(COMPLIANCE, CloseAccessReview(), subject)
        away = OrderRevocations(
            grants=frozenset({doubted}),
            due_at=to_text(desk.day(3, 17)),
            reason="One account is enough for whoever travels",
        )
        desk.order(LINE_MANAGER, away, subject)
        yield desk.after(200, 400)
        desk.order(ADMINISTRATOR, RevokeRole(reason="Ordered by the access review"), doubted)
        last = desk.order(COMPLIANCE, CloseAccessReview(), subject)
        told += (
            f"; half done it could not be closed ({', '.join(rules)}), and {doubted} was revoked"
        )
        self.tell("access-review", subject, told, position=last.position)

    def renewed(self) -> Life:
        """Privileged roles end after ninety days at most, and are given anew before that."""
        desk = self.desk
        ending = {key: grant for key, grant in desk.grants.items() if key[1] in PRIVILEGED}
        yield desk.day(80)
        for holder, role in ending:
            giver = FIRST if holder == ADMINISTRATOR else ADMINISTRATOR
            given(desk, holder, role, giver=giver)
