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

CHANGE_MANAGER = "Wanda Eriksen"
DEVELOPERS = ("Aino Laine", "Bilal Aziz", "Camila Reyes")
TESTER = "Dov Amsel"
REVIEWER = "Esther Nkemelu"

EVERYBODY = (
    *(name for group in GROUPS.values() for name in group),
    INCIDENT_MANAGER,
    PROBLEM_MANAGER,
    *APPROVERS,
    *STAFF,
    LEAVER,
    CHANGE_MANAGER,
    *DEVELOPERS,
    TESTER,
    REVIEWER,
)

MONITORING = "Monitoring"
MONITORING_URI = "/sources/monitoring"


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
