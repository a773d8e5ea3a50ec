"""The demo: a ledger of a simulated quarter in a directory of its own, ready to be served."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api import compose
from api.compose import NewLedger
from api.delivering.posting import Poster
from api.delivering.webhooks import Told, register_webhook
from api.demo_receiver import HOST
from api.examining import Examiner
from api.identity import authenticate
from api.settings import Settings
from api.simulator import QUARTER, Quarter, SimulatedClock, simulate
from api.simulator.company import ADMINISTRATOR, AUDITOR, DEPLOYMENTS
from api.tokens import issue_token
from domain.errors import Refused
from ledger.genesis import ALL_SCOPES, FIRST_PERSON
from ledger.govern import Actor
from ledger.ledger import Ledger
from projections.views import Views
from projections.violations import Violations

ORIGIN = "demo.example/service-desk"
FIRST = "Demo Administrator"
PEOPLE = {
    "ADMINISTRATOR": (ADMINISTRATOR, "administrator: lets people in, gives roles"),
    "AUTHORITY": ("Samuel Osei", "change authority: approves changes"),
    "REQUESTER": ("Yara Nassar", "change authority as well, and requested {waiting}"),
    "IMPLEMENTER": ("Ingrid Solheim", "implementer: carries changes out"),
    "AUDITOR": (AUDITOR, "auditor: reads everything, decides nothing"),
    "PIPELINE": (DEPLOYMENTS, "tells what was deployed"),
}
"""Who can be tried out: a word for the token, the name, and what they are."""
SEED = 1
RECEIVED = "received.jsonl"
"""What the webhook told, one event in each line."""
MARKER = "This directory was made by `itsm-ledger demo`, which may make it anew."
MARKER_NAME = ".itsm-ledger-demo"
OWN_FILES = (
    "ledger.db",
    "ledger.db-wal",
    "ledger.db-shm",
    "ledger.key",
    "ledger.master.key",
    "ledger.vault.db",
    "ledger.vault.db-journal",
    "ledger.views.db",
    "ledger.views.db-wal",
    "ledger.views.db-shm",
    "ledger.deliveries.db",
    "ledger.deliveries.db-wal",
    "ledger.deliveries.db-shm",
    RECEIVED,
    "entry",
    "proof",
)
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it, as in any other
ROOM_BYTES = 512 * 1024 * 1024
TOO_LATE = timedelta(seconds=1)
"""How long before now the quarter ends: the server's clock takes over and must not be behind."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What was built. `made.token` signs in the first person, `tokens` those of `PEOPLE`, by the same words."""

    directory: Path
    made: NewLedger
    quarter: Quarter
    tokens: Mapping[str, str]
    waiting_hash: str
    """Of the content of the change that waits for its approvals, if it was drafted by the end."""
    receiver: Told
    """The webhook that tells `receiver_port` of every finding, and what signs its deliveries."""
    receiver_port: int
    until: str
    """When the quarter ended."""


def demo_settings(directory: Path, base: Settings) -> Settings:
    """Everything inside the directory, whatever the environment says; host, port and limits stay."""
    places = {
        "database_url": f"sqlite:///{directory / 'ledger.db'}",
        "vault_url": None,
        "views_url": None,
        "deliveries_url": None,
        "key_file": None,
        "master_key_file": None,
        "master_key": None,
        "checkpoint_copies": None,
        "token": None,
        "oidc_issuers": None,
        "webhook_allow_private": True,
    }
    return base.model_copy(update=places)


def receiver_port(settings: Settings) -> int:
    """Where the demo's own receiver of webhooks listens: beside the API."""
    return settings.port + 1


def build(
    directory: Path,
    settings: Settings,
    *,
    now: datetime | None = None,
    seed: int = SEED,
    span: timedelta = QUARTER,
    progress: Progress | None = None,
) -> Demo:
    """Make the ledger and live through a span that ends now. `settings`: those of `demo_settings`.

    Raises Refused for a directory that holds anything but a former demo, and touches nothing there.
    """
    make_room(directory)
    with tempfile.TemporaryDirectory(prefix="itsm-ledger-demo-", dir=_memory()) as name:
        scratch = Path(name)
        clock = SimulatedClock((now or datetime.now(UTC)) - TOO_LATE - span)
        chosen = demo_settings(scratch, settings)
        demo = _live(
            directory,
            chosen,
            clock,
            lambda ledger, examiner: simulate(
                ledger, examiner, clock, seed=seed, span=span, progress=progress
            ),
        )
        for file in scratch.iterdir():
            shutil.copy2(file, directory / file.name)
    return demo


def _live(
    directory: Path,
    settings: Settings,
    clock: SimulatedClock,
    life: Callable[[Ledger, Examiner], Quarter],
) -> Demo:
    made = compose.init(settings, origin=ORIGIN, administrator=FIRST, clock=clock)
    house, views = compose.open_house(settings, clock=clock), Views(settings.resolved_views_url)
    try:
        ledger = house.ledger
        quarter = life(ledger, Examiner(ledger, Violations(views)))
        waits = quarter.cases.get("waiting")
        content = str(ledger.subject(waits.subject).state["content_hash"]) if waits else ""
        tokens, port = _tokens(ledger, quarter), receiver_port(settings)
        told = _told_of_findings(ledger, tokens["ADMINISTRATOR"], port)
        demo = Demo(directory, made, quarter, tokens, content, told, port, ledger.now())
        house.checkpoint()
    finally:
        views.close()
        house.close()
    return demo


def _tokens(ledger: Ledger, quarter: Quarter) -> Mapping[str, str]:
    first = Actor(FIRST_PERSON)
    return {
        word: issue_token(ledger, first, principal=quarter.people[name], scopes=ALL_SCOPES).token
        for word, (name, _) in PEOPLE.items()
    }


def _told_of_findings(ledger: Ledger, token: str, port: int) -> Told:
    """The receiver is told of every finding from the first one on, once the demo is served."""
    administrator = authenticate(ledger, token, ledger.now())
    url = f"http://{HOST}:{port}/findings"
    poster = Poster(allow_private=True)
    return register_webhook(ledger, administrator, poster, url=url, events=["finding"], after=0)


def _memory() -> Path | None:
    """A file system in memory, where there is one with room.

    A quarter is some 13,000 commits, each of which waits for the disk. A demo can be built again, so it
    need not wait; nothing else about the path differs.
    """
    free = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free
    return MEMORY if free and free >= ROOM_BYTES else None


def make_room(directory: Path) -> None:
    """An empty directory that says whose it is. Files that are not the demo's stay, and stop it."""
    marker = directory / MARKER_NAME
    if directory.exists():
        if not marker.exists() and any(directory.iterdir()):
            raise Refused(
                f"{directory} is there and was not made by a demo; name another directory",
                directory=str(directory),
            )
        for name in OWN_FILES:
            (directory / name).unlink(missing_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    marker.write_text(MARKER + "\n")
