"""A ledger that has lived through some days, behind its API, and whatever schemathesis thinks of sent to it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import requests
from anyio.from_thread import BlockingPortal, start_blocking_portal
from schemathesis import Case
from schemathesis.openapi import from_dict
from schemathesis.schemas import BaseSchema
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.compose import House, open_house
from api.http.app import create_app
from api.settings import Settings
from api.simulator.company import MONITORING, SOURCES
from api.tokens import issue_token
from domain.acts import LEDGER
from domain.catalogue import COMMANDS
from domain.command import Command
from domain.errors import Malformed, UnknownSubject
from domain.event import EVENT_TYPES, State
from domain.families import BY_PLURAL
from domain.principal import RegisterPrincipal
from ledger.genesis import ALL_SCOPES, OPERATOR
from ledger.govern import Actor, Order
from ledger.ledger import Ledger
from ledger.view import SYSTEM
from projections.views import Views
from replay.history import history
from replay.verify_deep import read_model_comparisons, verify_deep
from tests.api.lived import MONDAY, live
from tests.replay.given_log import HandClock
from tests.staffing import give_every_role

SPAN: Final = timedelta(days=4)
"""Long enough for a subject of nearly every family, most of them in several states."""
STREAM: Final = "/v1/events/stream"
LISTENED_SECONDS: Final = 0.05
SOURCE_URI: Final = SOURCES[MONITORING]
LOOKED_AT: Final = 25
"""How many subjects are looked at for one in the right status."""
_BASE_URL: Final = "http://ledger"
_SUBJECT: Final = re.compile(r"([a-z]+)/[A-Za-z0-9._:-]+")


@dataclass
class Fuzzed:
    """`numbers`: those that exist, by family, without the people who send the requests.

    `staffed`: tokens of two people with every role and every right and of the system, `source` that of a source in
    observe mode, `unheard` of somebody with every scope and no role, `narrow` of one who holds every role, for reading incidents.
    """

    house: House
    views: Views
    schema: BaseSchema
    numbers: dict[str, list[str]]
    staffed: tuple[str, ...]
    source: str
    unheard: str
    narrow: str
    portal: BlockingPortal
    client: httpx.AsyncClient
    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    _tokens: dict[str, str] = field(default_factory=dict)

    def send(self, case: Case, token: str | None) -> httpx.Response:
        """The answer to the case, sent as whoever holds the token, or without one."""
        said = case.as_transport_kwargs(base_url=_BASE_URL)
        prepared = requests.Request(
            **{name: value for name, value in said.items() if name in _REQUEST}
        ).prepare()
        headers = {**prepared.headers}
        headers.pop("Authorization", None)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.ask(str(prepared.method), str(prepared.url), headers, prepared.body)
        self.sent[case.operation.label, answer.status_code] += 1
        if answer.status_code == 201 and "subject" in (receipt := answer.json()):
            # Orders that come later are also about what earlier ones made.
            family, _, number = str(receipt["subject"]).partition("/")
            self.numbers.setdefault(family, []).append(number)
        return answer

    def ask(
        self, method: str, url: str, headers: Mapping[str, Any], body: Any = None
    ) -> httpx.Response:
        request = self.client.build_request(method, url, headers=dict(headers), content=body)
        return self.portal.call(self.client.send, request)

    def deepen(self, case: Case, pick: int) -> Case:
        """The case, about what exists instead of what was made up, as `pick` chooses: where it is an order, about
        a subject in a status in which it can be given, if there is one, with what that subject says of itself.
        """
        at = case.path_parameters
        named = {**_NAMED, "hold": [*self._state(LEDGER).get("holds", ())]}
        for name, known in named.items():
            if name in at and known:
                at[name] = known[pick % len(known)]
        for name, known in _ASKED.items():
            if name in (case.query or ()):
                case.query[name] = known[pick % len(known)]
        if isinstance(case.body, (dict, list)):
            case.body = self._about_known(case.body, pick)
        family = _family_of(case)
        if family in self.numbers:
            verb = case.operation.path.rpartition("/")[2]
            at["number"] = self._fitting(family, COMMANDS.get((family, verb)), pick)
            if isinstance(case.body, dict):
                case.body |= self._its_own(case.body, f"{family}/{at['number']}", pick)
        return case

    def sender(self, case: Case, pick: int) -> str:
        """The token of one of the two who hold every role, of the system, or of somebody whom the subject names."""
        family = _family_of(case)
        if pick % 4 < 3 or family not in self.numbers:
            return self.staffed[pick % len(self.staffed)]
        state = self._state(f"{family}/{case.path_parameters['number']}")
        named = [one for one in state.values() if str(one).startswith("principal/")]
        if not named:
            return self.staffed[0]
        person = str(named[pick // 4 % len(named)])
        if person not in self._tokens:
            self._tokens[person] = _token(self.house.ledger, person, *ALL_SCOPES)
        return self._tokens[person]

    def _state(self, subject: str) -> State:
        """`{}` of one that does not exist, such as a number that was made up."""
        try:
            return self.house.ledger.subject(subject).state
        except (UnknownSubject, Malformed):
            return {}

    def _its_own(self, body: Mapping[str, Any], subject: str, pick: int) -> dict[str, Any]:
        """Hashes, positions and ids that only the subject can tell."""
        state = self._state(subject)
        own = {
            name: value for name in ("content_hash",) if name in body and (value := state.get(name))
        }
        if "corrects" in body:
            steps = history(self.house.ledger, subject)
            own["corrects"] = steps[pick % len(steps)].position
        for name in body:
            parts = state.get(f"{name}s")
            if isinstance(parts, Mapping) and parts:
                own[name] = list(parts)[pick % len(parts)]
        return own

    def _fitting(self, family: str, ordered: type[Command] | None, pick: int) -> str:
        known = self.numbers[family]
        begin = pick % len(known)
        tried = [*known[begin:], *known[:begin]][:LOOKED_AT]
        if ordered is not None and ordered.yields.from_statuses:
            for number in tried:
                status = self._state(f"{family}/{number}").get("status")
                if status in ordered.yields.from_statuses:
                    return number
        return tried[0]

    def observed(self, case: Case, pick: int) -> Case:
        """The facts of the case as those of a registered source, each of a type that there is, with its example."""
        for event in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(event, dict) and "data" in event:
                name, type_ = _TYPES[pick % len(_TYPES)]
                subject = f"{type_.family.name}/FUZZ-{pick % 7}"
                event |= {"source": SOURCE_URI, "type": name, "subject": subject}
                event["data"] = {**type_.example}
        return case

    def check_whole_log(self) -> None:
        """Every hash, every fold, and the read models made again: they are what the log says."""
        database = self.house.ledger.database
        self.house.checkpoint()
        report = verify_deep(database, (), read_model_comparisons(self.house.ledger, self.views))

        assert report.is_clean, report.problems
        assert report.size == self.house.ledger.head().size

    def _about_known(self, value: Any, pick: int) -> Any:
        match value:
            case dict():
                return {name: self._about_known(member, pick + 1) for name, member in value.items()}
            case list():
                return [self._about_known(member, pick + 1) for member in value]
            case str() if (named := _SUBJECT.fullmatch(value)) is not None:
                family = named[1] if named[1] in self.numbers else "incident"
                known = self.numbers[family]
                return f"{family}/{known[pick % len(known)]}"
            case _:
                return value


_NAMED: Final[Mapping[str, Sequence[Any]]] = {
    "code": ["may-not", "stale-version"],
    "path": ["0/000", "entries/001", "0/001.p/3", "entries/000.p/256"],
    "position": [1, 333, 1_000_000],
}
_ASKED: Final[Mapping[str, Sequence[str]]] = {
    "from": ["2026-03-03T00:00:00Z", "200", "0", "-1"],
    "to": ["2026-03-05T12:00:00+01:00", "900", "200", "1000000"],
    "at": ["2026-03-04T00:00:00Z", "2099-01-01T00:00:00Z"],
}
_TYPES: Final = sorted(EVENT_TYPES.items())
_REQUEST: Final = ("method", "url", "params", "data", "json", "headers", "cookies", "files")


@contextmanager
def fuzzed(directory: Path) -> Iterator[Fuzzed]:
    """Made anew, and closed behind the tests that use it. Its clock goes on where the story ends."""
    live(directory, span=SPAN).ledger.close()
    settings = Settings(database_url=f"sqlite:///{directory / 'ledger.db'}")
    house = open_house(settings, clock=HandClock(MONDAY + SPAN))
    ledger = house.ledger
    app = create_app(house)
    with closing(house), start_blocking_portal() as portal:
        give_every_role(ledger, OPERATOR)
        numbers = _numbers(ledger)
        ida, jon, kim, lea = (_registered(ledger, name) for name in _SENDERS)
        give_every_role(ledger, ida, jon, lea)
        source = next(
            f"principal/{number}"
            for number in numbers["principal"]
            if ledger.subject(f"principal/{number}").state.get("source_uri") == SOURCE_URI
        )
        with portal.wrap_async_context_manager(app.router.lifespan_context(app)):
            transport = httpx.ASGITransport(app=_left_early(app), raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url=_BASE_URL)
            yield Fuzzed(
                house=house,
                views=app.state.services.views,
                schema=from_dict(portal.call(client.get, "/openapi.json").json()),
                numbers=numbers,
                staffed=tuple(_token(ledger, one, *ALL_SCOPES) for one in (ida, jon, SYSTEM)),
                source=_token(ledger, source, *ALL_SCOPES),
                unheard=_token(ledger, kim, *ALL_SCOPES),
                narrow=_token(ledger, lea, "incident:read"),
                portal=portal,
                client=client,
            )


_SENDERS: Final = ("Ida", "Jon", "Kim", "Lea")


def _family_of(case: Case) -> str:
    """Whose number the path of the case takes; "" if it takes none."""
    if "number" not in case.path_parameters:
        return ""
    plural = str(case.path_parameters.get("families", case.operation.path.split("/")[2]))
    return "ledger" if plural == "tokens" else BY_PLURAL[plural].name if plural in BY_PLURAL else ""


def _numbers(ledger: Ledger) -> dict[str, list[str]]:
    """By family, in an order in which neighbours differ in status where they can."""
    by_status: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for subject in dict.fromkeys(entry.subject for entry in ledger.entries(0, 100_000)):
        family, _, number = subject.partition("/")
        status = str(ledger.subject(subject).state.get("status"))
        by_status[family][status].append(number)
    return {
        family: [
            numbers[turn]
            for turn in range(max(map(len, found.values())))
            for numbers in found.values()
            if turn < len(numbers)
        ]
        for family, found in by_status.items()
    }


def _registered(ledger: Ledger, name: str) -> str:
    command = RegisterPrincipal(kind="person", name=name)
    return ledger.execute(Order(command, Actor(OPERATOR, "system"))).receipts[-1].subject


def _token(ledger: Ledger, principal: str, *scopes: str) -> str:
    return issue_token(ledger, Actor(OPERATOR, "system"), principal=principal, scopes=scopes).token


def _left_early(app: ASGIApp) -> ASGIApp:
    """The app, where who listens to the stream hangs up a moment after it began, since it has no end."""

    async def leaving(scope: Scope, receive: Receive, send: Send) -> None:
        if (scope["method"], scope["path"]) != ("GET", STREAM):
            await app(scope, receive, send)
            return
        begun, ended = asyncio.Event(), False

        async def hung_up() -> Message:
            await begun.wait()
            await asyncio.sleep(LISTENED_SECONDS)
            return {"type": "http.disconnect"}

        async def heard(message: Message) -> None:
            nonlocal ended
            begun.set()
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        await app(scope, hung_up, heard)
        if not ended:
            await send({"type": "http.response.body", "body": b""})

    return leaving
