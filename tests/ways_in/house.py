"""A ledger behind each of its ways in, where any state can be made to stand before an order is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal
from httpx import ASGITransport, AsyncClient, Response

from api.compose import House, init, new_token, open_house, token_hash
from api.http.app import create_app
from api.settings import Settings
from domain.acts import LEDGER, AuthorityEstablished, TokenIssued
from domain.cedar import Question
from domain.command import COMMANDS
from domain.event import Event, State, events_of
from domain.rosters import ROLES
from ledger.entry import Draft
from ledger.genesis import ALL_SCOPES, genesis_draft
from ledger.ids import new_uuid7
from ledger.ledger import Ledger, recorded
from ledger.proposal import Unordered
from ledger.view import View
from tests.ways_in.cast import CAST, LONG_AGO, OTHER, RESOLVER
from tests.ways_in.seats import Patch
from tests.ways_in.situations import Situation, situation

CONFIDED = "Told in confidence"


@dataclass(frozen=True)
class Client:
    """An HTTP client of the API that runs beside the tests, in this process."""

    portal: BlockingPortal
    http: AsyncClient

    def send(
        self,
        method: str,
        path: str,
        token: str,
        json: object = None,
        more: Mapping[str, str] | None = None,
    ) -> Response:
        """`more`: headers beside the token."""
        headers = {"Authorization": f"Bearer {token}", **(more or {})}

        async def sent() -> Response:
            return await self.http.request(method, path, json=json, headers=headers)

        return self.portal.call(sent)


@dataclass
class Ways:
    """`standing` makes a situation so; the rest is what the order is then given through."""

    database_url: str
    house: House
    client: Client
    roles: Mapping[str, str]
    """Role name → its subject."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def ledger(self) -> Ledger:
        return self.house.ledger

    def standing(self, question: Question, owner: str | None = None) -> tuple[Situation, str]:
        """The situation, once it stands, and a token that signs in whoever asks in it.

        `owner`: the source that records the order's subject, None for the ledger itself.
        """
        made = situation(question, next(self.numbers))
        states: dict[str, Patch] = {**made.standing, **self._grants(made.actor, made.roles)}
        token, signs_in = self._token(made.actor)
        owners = {made.subject: owner} if made.subject else {}
        self.stand({**states, **signs_in}, owners)
        if made.command.needs_target and made.subject is not None:
            made = self._about_an_entry(made, made.subject, owners)
        return made, token

    def stand(
        self,
        states: Mapping[str, Patch],
        owners: Mapping[str, str | None] | None = None,
        told_as: type[Event] | None = None,
    ) -> int:
        """The position of the last of their entries."""
        done = recorded(self.ledger.writer.submit([_Standing(states, owners or {}, told_as)])[0])
        return done.receipts[-1].position

    def confided(self, family: str) -> str:
        """A new subject of the family whose one event has a reason, which is personal."""
        subject = f"{family}/WAY{next(self.numbers):05d}"
        states: dict[str, Patch] = {subject: {"holder": OTHER} if family == "grant" else {"n": 1}}
        done = self.ledger.writer.submit([_Standing(states, {}, None, {"reason": CONFIDED})])
        return recorded(done[0]).receipts[-1].subject

    def signed_in(self, question: Question) -> str:
        """A token of a new principal that is as the question says."""
        who = f"principal/WAY{next(self.numbers):05d}READER"
        state = {"status": question.status, "kind": question.kind, "mode": question.mode}
        token, signs_in = self._token(who)
        grants = self._grants(who, tuple(sorted(question.roles)))
        self.stand({who: state, **grants, **signs_in})
        return token

    def member(self, name: str, *roles: str, kind: str = "person") -> tuple[str, str]:
        """A new principal who holds the roles, and a token of theirs."""
        who = f"principal/{name}{next(self.numbers)}"
        state: Patch = {"status": "registered", "kind": kind, "mode": "govern"}
        token, signs_in = self._token(who)
        self.stand({who: state, **self._grants(who, roles), **signs_in})
        return who, token

    @staticmethod
    def grant_of(holder: str, role: str) -> str:
        return f"grant/{holder.partition('/')[2]}-{role}"

    def source(self, name: str, mode: str) -> str:
        """A token of the source `principal/<name>`, known as `/sources/<name>`."""
        who = f"principal/{name}"
        state = {
            "status": "registered",
            "kind": "source",
            "mode": mode,
            "source_uri": f"/sources/{name}",
        }
        token, signs_in = self._token(who)
        self.stand({who: state, **signs_in})
        return token

    def _about_an_entry(
        self, made: Situation, subject: str, owners: Mapping[str, str | None]
    ) -> Situation:
        """A correction is about an earlier entry of the subject: here that of an attachment."""
        attached = COMMANDS[made.command.family.name, "record-attachment"].yields
        told = dict(attached.example)
        position = self.stand({subject: told}, owners, attached)
        return replace(made, body={**made.body, "corrects": position, "replacement": told})

    def rules_of(self, position: int) -> tuple[str, ...]:
        """What permitted the entry: the rules it names, less the guards that could not be asked."""
        named = str(self.ledger.entry(position).attributes.get("rules", "")).split()
        return tuple(rule for rule in named if not rule.startswith("vacuous:"))

    def _grants(self, holder: str, roles: Sequence[str]) -> dict[str, Patch]:
        return {
            self.grant_of(holder, role): {
                "status": "active",
                "holder": holder,
                "role": self.roles[role],
                "role_name": role,
                "valid_from": LONG_AGO,
            }
            for role in roles
        }

    def _token(self, principal: str) -> tuple[str, dict[str, Patch]]:
        subject = f"ledger/{principal.partition('/')[2]}"
        token = new_token(subject)
        state: Patch = {
            "status": "issued",
            "token_hash": token_hash(token),
            "principal": principal,
            "scopes": dict.fromkeys(ALL_SCOPES, True),
        }
        return token, {subject: state}


@dataclass(slots=True)
class _Standing(Unordered):
    """States as they are to stand, each recorded as one event that says all of it."""

    states: Mapping[str, Patch]
    owners: Mapping[str, str | None]
    told_as: type[Event] | None = None
    said: Mapping[str, str] = field(default_factory=dict)

    def settle(self, view: View) -> Sequence[Draft]:
        return [
            self._draft(view, subject, state) for subject, state in self.states.items() if state
        ]

    def _draft(self, view: View, subject: str, state: State) -> Draft:
        said = genesis_draft(view, subject, AuthorityEstablished(genesis={})).said
        owner = self.owners.get(subject)
        return Draft(
            subject,
            self.told_as or _seeding_event(subject),
            dict(state),
            view.recordedtime,
            new_uuid7(),
            view.source,
            {**said, **self.said},
            owner,
        )


@cache
def _seeding_event(subject: str) -> type[Event]:
    """The type that a family's subjects begin with."""
    family = subject.partition("/")[0]
    if family == "ledger":
        return AuthorityEstablished if subject == LEDGER else TokenIssued
    if family in {"deployment", "fact"}:
        return events_of(family)[0]  # only observed: no order begins one
    return next(c.yields for (of, _), c in COMMANDS.items() if of == family and c.creates)


@contextmanager
def ways_in(directory: Path) -> Iterator[Ways]:
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    init(settings, origin="ledger.example.com/ways", administrator="Ada Lovelace")
    house = open_house(settings)
    try:
        with _serving(house) as client:
            made = Ways(settings.database_url, house, client, _roles(house.ledger))
            made.stand({**CAST, **made._grants(RESOLVER, ["resolver"])})
            yield made
    finally:
        house.close()


@contextmanager
def _serving(house: House) -> Iterator[Client]:
    app = create_app(house)
    http = AsyncClient(
        transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://ledger"
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(http),
    ):
        yield Client(portal, http)


def _roles(ledger: Ledger) -> dict[str, str]:
    found: dict[str, str] = {}

    class _Looking(_Standing):
        def settle(self, view: View) -> Sequence[Draft]:
            for role in view.roster(ROLES).members:
                found[str(view.load(role).state["name"])] = role
            return []

    recorded(ledger.writer.submit([_Looking({}, {}, None)])[0])
    return found
