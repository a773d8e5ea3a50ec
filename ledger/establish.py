"""Genesis of authority: the shipped policy in force, its roles defined, and the first of them held.

Nobody could be entitled to this, so it is recorded as the ledger's own act, marked as genesis, and stands as
unratified until a second person ratifies it. A ledger from before there were policies gets it at its first start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.acts import LEDGER, AuthorityEstablished
from domain.event import Event
from domain.grant import RoleGrantApproved, RoleGranted, RoleGrantRequested
from domain.policy import PolicyPublished, PolicyReviewed, drafted
from domain.role import RoleDefined
from ledger.entry import Draft
from ledger.genesis import FIRST_PERSON, OPERATOR, genesis_draft
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.shipped import TITLE, shipped_roles, shipped_texts
from ledger.view import SYSTEM, View

HOLDERS = {"recovery": FIRST_PERSON, "operator": OPERATOR}
"""Who holds which role from the start: what it takes to let in others, and to run the machine."""


def establish(ledger: Ledger) -> None:
    """Record it, unless the ledger has had it. Safe from any number of processes at once."""
    if "genesis" not in ledger.subject(LEDGER).state:
        recorded(ledger.writer.submit([_Establishing()])[0])


@dataclass(slots=True)
class _Establishing(Unordered):
    def settle(self, view: View) -> Sequence[Draft]:
        if "genesis" in view.load(LEDGER).state:
            return []
        return [genesis_draft(view, subject, event) for subject, event in _first_authority(view)]


def _first_authority(view: View) -> Iterator[tuple[str, Event]]:
    policy = _numbered(view, "policy")
    draft, validated = drafted(TITLE, shipped_texts(), {}, SYSTEM)
    reviewed = PolicyReviewed(reviewed_by=SYSTEM, content_hash=draft.content_hash)
    yield from ((policy, event) for event in (draft, validated, reviewed))
    reference = f"{policy}@4"
    yield (
        policy,
        PolicyPublished(published_by=SYSTEM, published_at=view.recordedtime, reference=reference),
    )
    for role in shipped_roles():
        subject = _numbered(view, "role")
        yield (
            subject,
            RoleDefined(
                name=role.name,
                title=role.title,
                owner=FIRST_PERSON,
                conflicts=dict.fromkeys(role.conflicts, True),
                privileged=role.privileged,
                activities={},
                defined_by=SYSTEM,
            ),
        )
        if role.name in HOLDERS:
            yield from granted(view, subject, role.name, HOLDERS[role.name])
    people = dict.fromkeys(HOLDERS.values(), True)
    yield (
        LEDGER,
        AuthorityEstablished(
            genesis={"status": "unratified", "policy": reference, "people": people}
        ),
    )


def granted(view: View, role: str, name: str, holder: str) -> Iterator[tuple[str, Event]]:
    """The three events of a grant that counts from now on."""
    grant = _numbered(view, "grant")
    yield grant, RoleGrantRequested(holder=holder, role=role, role_name=name, requested_by=SYSTEM)
    yield grant, RoleGrantApproved(approved_by=SYSTEM)
    yield grant, RoleGranted(valid_from=view.recordedtime, valid_to=None, granted_by=SYSTEM)


def _numbered(view: View, family: str) -> str:
    subject = view.next_number(family)
    view.take_number(subject)
    return subject
