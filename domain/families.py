"""The families of subjects, their number prefixes, and the rule that names event types.

Facts: `state_machines.yaml`, `families`. A family is registered here once it is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.errors import Malformed

FIRST_NUMBER = 1
NUMBER_WIDTH = 7

_SUBJECT = re.compile(r"^([a-z]+)/([A-Za-z0-9][A-Za-z0-9._:-]{0,127})\Z")
_WORD = re.compile(r"[A-Z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class Family:
    """`words`: the leading words that an event class name drops, longest first.

    `first`: the first human number the ledger hands out, above what other tools number from 1.
    """

    name: str
    plural: str
    prefix: str
    words: tuple[str, ...]
    first: int = FIRST_NUMBER
    takes_common_events: bool = False


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("incident", "incidents", "INC", ("Incident",), 10001, takes_common_events=True),
        Family("request", "requests", "REQ", ("Request",), 10001, takes_common_events=True),
        Family("problem", "problems", "PRB", ("Problem",), 10001, takes_common_events=True),
        Family("role", "roles", "ROL", ("Role",)),
        Family("grant", "grants", "GRT", ("RoleGrant", "Role", "Grant")),
        Family("change", "changes", "CHG", ("Change",), 10001, takes_common_events=True),
        Family("model", "models", "MOD", ("Model",)),
        Family("freeze", "freezes", "FRZ", ("Freeze",)),
        Family("deployment", "deployments", "DEP", ("Deployment",)),
        Family("review", "reviews", "REV", ("AccessReview",)),
        Family("finding", "findings", "FND", ("Finding",)),
        Family("principal", "principals", "PRN", ("Principal",)),
        Family("policy", "policies", "POL", ("Policy",)),
        Family("fact", "facts", "FCT", ("Fact",)),
        Family("ledger", "ledgers", "LDG", ("Ledger",)),
    )
}
AUTHORITY_FAMILIES = frozenset(
    {"principal", "role", "grant", "review", "policy", "freeze", "model", "ledger"}
)
"""What confers authority, and the reviews of it."""
GOVERNED_FAMILIES = AUTHORITY_FAMILIES | {"finding"}
"""What is recorded under govern only: what confers authority, and what the ledger itself finds."""
BY_PLURAL: dict[str, Family] = {family.plural: family for family in FAMILIES.values()}


def subject_id(family: str, number: str) -> str:
    """`incident/INC0010001`. Raises Malformed for a number that cannot stand in a URL."""
    subject = f"{family}/{number}"
    split_subject(subject)
    return subject


def is_subject_id(text: str) -> bool:
    """Is it spelt as a subject's id, whether or not there is such a family?"""
    return _SUBJECT.match(text) is not None


def split_subject(subject: str) -> tuple[Family, str]:
    """The family and number of a subject id. Raises Malformed."""
    match = _SUBJECT.match(subject)
    if match is None or match[1] not in FAMILIES:
        raise Malformed(
            f"expected a subject id such as incident/INC0010001, got {subject!r}", subject=subject
        )
    return FAMILIES[match[1]], match[2]


def human_number(family: Family, ordinal: int) -> str:
    return f"{family.prefix}{ordinal:0{NUMBER_WIDTH}d}"


def event_type(family: Family, class_name: str, version: int = 1) -> str:
    """`itsm.<family>.<name>.v<version>`: the class name less its leading family words, kebab-case.

    >>> event_type(FAMILIES["incident"], "IncidentPutOnHold")
    'itsm.incident.put-on-hold.v1'
    >>> event_type(FAMILIES["incident"], "MajorIncidentDeclared")
    'itsm.incident.major-incident-declared.v1'
    """
    rest = class_name
    for words in family.words:
        if rest.startswith(words) and rest[len(words) : len(words) + 1].isupper():
            rest = rest[len(words) :]
            break
    return f"itsm.{family.name}.{kebab(rest)}.v{version}"


def kebab(camel: str) -> str:
    return "-".join(word.lower() for word in _WORD.findall(camel))
