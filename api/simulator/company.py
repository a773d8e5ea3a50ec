"""The company that is simulated: who works there, in which groups, on which services. All of it invented."""

from __future__ import annotations

from dataclasses import dataclass

SERVICE_DESK = "service-desk"
INCIDENT_MANAGER = "Noor Haddad"
PROBLEM_MANAGER = "Tomasz Zielinski"

GROUPS: dict[str, tuple[str, ...]] = {
    SERVICE_DESK: ("Amara Okafor", "Jonas Lindqvist", "Mei Tanaka", "Rafael Duarte", "Sofia Marin"),
    "network-operations": ("Ben Achterberg", "Ewa Kowalska", "Idris Mensah"),
    "messaging-operations": ("Cleo Papadakis", "Hamid Rahimi", "Lotte Visser"),
    "workplace-support": ("Diego Alvarez", "Fatima Zahra", "Oskar Nyman", "Priya Raman"),
    "business-applications": ("Greta Hofmann", "Kenji Mori", "Ruth Adeyemi", "Viktor Petrov"),
    "database-services": ("Ingrid Solheim", "Mateo Rossi"),
}
APPROVERS = ("Anneke de Boer", "Samuel Osei", "Yara Nassar")
STAFF = (
    "Bruno Keller", "Chiara Conti", "Daniel Okoro", "Elif Demir", "Florian Weber", "Hana Novak",
    "Isabel Torres", "Jakub Wolski", "Leila Farouk", "Marco Silva", "Nadia Petit",
    "Omar Khalil", "Paula Jensen", "Quentin Moreau",
)  # fmt: skip
"""Those who call the service desk."""
LEAVER = "Karin Berg"
"""Leaves during the quarter, and asks to be forgotten."""

ADMINISTRATOR = "Zofia Brandt"
AUDITOR = "Ravi Menon"
COMPLIANCE = "Mirjam Stein"
LINE_MANAGER = "Henrike Vos"
RISK_OWNER = "Yara Nassar"
CHANGE_MANAGER = "Wanda Eriksen"
ASSESSOR = "Gustav Lindgren"
DEVELOPERS = ("Aino Laine", "Bilal Aziz", "Camila Reyes")
TESTER = "Dov Amsel"
CONTRACTOR = "Nico Harding"
"""Tests as well, for ten days."""
REVIEWER = "Esther Nkemelu"
EMERGENCY_AUTHORITY = "Samuel Osei"
FREEZE_OWNER = "Ludovic Martin"
SECOND_ACCOUNT = "Samuel Osei (travelling)"
"""Another account of one of the approvers."""

RESOLVERS = tuple(
    name for group, names in GROUPS.items() if group != SERVICE_DESK for name in names
)
IMPLEMENTERS = (
    "Ben Achterberg", "Idris Mensah", "Cleo Papadakis", "Hamid Rahimi", "Diego Alvarez",
    "Oskar Nyman", "Kenji Mori", "Viktor Petrov", "Ingrid Solheim", "Mateo Rossi",
)  # fmt: skip
BREAK_GLASS = ("Mateo Rossi", "Ewa Kowalska")

EVERYBODY = (
    *(name for group in GROUPS.values() for name in group),
    INCIDENT_MANAGER,
    PROBLEM_MANAGER,
    *APPROVERS,
    *STAFF,
    LEAVER,
    AUDITOR,
    COMPLIANCE,
    LINE_MANAGER,
    CHANGE_MANAGER,
    ASSESSOR,
    *DEVELOPERS,
    TESTER,
    CONTRACTOR,
    REVIEWER,
    FREEZE_OWNER,
    SECOND_ACCOUNT,
)
"""All but the administrator, who lets them in."""

ROLES: dict[str, tuple[str, ...]] = {
    "service-desk": GROUPS[SERVICE_DESK],
    "dispatcher": (*GROUPS[SERVICE_DESK], INCIDENT_MANAGER),
    "resolver": RESOLVERS,
    "incident-manager": (INCIDENT_MANAGER,),
    "problem-manager": (PROBLEM_MANAGER,),
    "request-approver": APPROVERS,
    "fulfiller": GROUPS["workplace-support"],
    "risk-owner": (RISK_OWNER,),
    "change-owner": (CHANGE_MANAGER,),
    "change-manager": (CHANGE_MANAGER,),
    "change-assessor": (ASSESSOR,),
    "tester": (TESTER,),
    "change-authority": (*APPROVERS, SECOND_ACCOUNT),
    "cab-chair": (RISK_OWNER,),
    "implementer": IMPLEMENTERS,
    "break-glass": BREAK_GLASS,
    "emergency-authority": (EMERGENCY_AUTHORITY,),
    "change-reviewer": (REVIEWER, LEAVER),
    "freeze-owner": (FREEZE_OWNER,),
    "line-manager": (LINE_MANAGER,),
    "auditor": (AUDITOR,),
    "compliance": (COMPLIANCE,),
    "policy-author": (COMPLIANCE,),
    "policy-reviewer": (ASSESSOR,),
    "policy-publisher": (CHANGE_MANAGER,),
    "access-reviewer": (LINE_MANAGER,),
}
"""Who holds which role from the first day on. Each asks for it, and two others agree and give it."""
PRIVILEGED = ("administrator", "break-glass", "policy-publisher")
"""Roles that are granted for ninety days at most, and so are granted anew before the quarter ends."""

PIPELINE = "Delivery pipeline"
"""A service: it links commits to changes."""
MONITORING = "Monitoring"
DEPLOYMENTS = "Deployment log"
SUPPLIER = "Supplier's change tool"
SOURCES = {
    MONITORING: "/sources/monitoring",
    DEPLOYMENTS: "/sources/deployments",
    SUPPLIER: "/sources/supplier",
}
"""Sources that only observe."""


@dataclass(frozen=True, slots=True)
class Service:
    """`faults`: what callers report about it. `weight`: its share of the calls."""

    name: str
    group: str
    category: str
    weight: int
    faults: tuple[str, ...]


SERVICES = (
    Service(
        "mail",
        "messaging-operations",
        "messaging",
        24,
        (
            "Mail is not delivered",
            "Shared mailbox has vanished",
            "Calendar invitations arrive twice",
            "Attachment is blocked",
        ),
    ),
    Service(
        "workplace",
        "workplace-support",
        "workplace",
        34,
        (
            "Laptop does not start",
            "Printer on the third floor jams",
            "Screen stays black at the dock",
            "Password has expired",
            "Headset has no sound",
        ),
    ),
    Service(
        "network",
        "network-operations",
        "network",
        16,
        (
            "No Wi-Fi in the meeting rooms",
            "VPN drops every few minutes",
            "Branch office is offline",
            "File transfer is very slow",
        ),
    ),
    Service(
        "erp",
        "business-applications",
        "application",
        18,
        (
            "Invoice cannot be posted",
            "Report shows yesterday's figures",
            "Order form ends with an error",
            "Access to cost centre is missing",
        ),
    ),
    Service(
        "data-warehouse",
        "database-services",
        "database",
        8,
        ("Nightly load has failed", "Query runs into a timeout", "Dashboard stays empty"),
    ),
)
MONITORED = ("mail", "network", "erp", "data-warehouse")

CATALOGUE: tuple[tuple[str, str, bool], ...] = (
    ("hardware/laptop-14", "Laptop for a new colleague", False),
    ("hardware/headset", "Headset", True),
    ("software/diagram-editor", "Licence for the diagram editor", True),
    ("access/finance-share", "Access to the finance share", False),
    ("workplace/desk-move", "Move a desk to the second floor", True),
    ("hardware/phone", "Mobile phone", False),
)
"""Item, what the requester writes, and whether the catalogue approves it beforehand."""

COMMENTS = (
    "The caller has been asked for a screenshot.",
    "Happens only in the morning, the caller says.",
    "Could be the same as last week's.",
    "Tried a restart, no change.",
    "The log shows nothing unusual so far.",
    "Waiting for the caller to be back at the desk.",
)
RESOLUTIONS = (
    "restarted",
    "configuration-corrected",
    "replaced",
    "explained-to-user",
    "patched",
    "permission-granted",
)
