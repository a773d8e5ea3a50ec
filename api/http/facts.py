"""Observed facts over HTTP: `POST /v1/events` and what pipelines tell, for the tokens of sources only.

A batch is taken event by event, in order, each with a receipt or a problem of its own. `source` and `id`
are the idempotency key: the same event again gets its first receipt, whatever batch it comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson
from starlette.types import Receive, Scope, Send

from api.errors import problem_of, status_of
from api.http.answers import JsonAnswer, receipts_json
from api.http.bodies import (
    Headers,
    headers_of,
    parse_json,
    read_body,
    refuse_on_behalf_of,
    require_json,
)
from api.http.cdevents import read_facts
from api.http.cloudevents import Source, check_batch, read_events
from api.http.commands import receipt_answer
from api.http.pipelines import read_run
from api.http.services import Services
from api.identity import Identity
from domain.errors import LedgerError
from domain.event import Json
from ledger.entry import Draft
from ledger.govern import Actor, check_sign_in
from ledger.ledger import recorded
from ledger.observe import Observation, ObserveProposal
from ledger.taken import Request
from ledger.view import Needs, View
from ledger.writer import Outcome, Recorded

ROUTE = "/v1/events"
WEBHOOK = "/v1/deployments/webhook"

Unpack = Callable[[Headers, bytes, int], tuple[Sequence[Json], bool]]
"""(headers, body, the greatest batch) → what the request tells one by one, and whether it was a batch."""
Read = Callable[[Json, Source], Sequence[Observation]]
"""The facts that one of them states, recorded together or not at all; the last gives the idempotency key."""


@dataclass(slots=True)
class _SignedInFact(ObserveProposal):
    """Asks for the sign-in once more under the lock: it may have been ended since the request came in."""

    actor: Actor = field(kw_only=True)

    def foresee(self, needs: Needs) -> None:
        ObserveProposal.foresee(self, needs)
        if self.actor.token is not None:
            needs.subjects.add(self.actor.token)

    def settle(self, view: View) -> list[Draft]:
        check_sign_in(self.actor, lambda name: view.load(name).state, view.recordedtime)
        return ObserveProposal.settle(self, view)


class FactsEndpoint:
    """ASGI."""

    route = ROUTE
    unpack: Unpack = staticmethod(read_events)
    read: Read = staticmethod(read_facts)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["itsm_ledger.route"] = self.route
        services = self._services
        settings = services.house.settings
        headers = headers_of(scope)
        identity = await services.keeper.identify(headers)
        refuse_on_behalf_of(headers, "a source says by authid in each fact who acted")
        source = await services.keeper.source(identity)
        body = await read_body(headers, receive, settings.body_limit_bytes)
        events, batched = self.unpack(headers, body, settings.batch_limit_events)
        outcomes = await _taken(_Taking(services, identity, source, self.read), events)
        if batched:
            answer = JsonAnswer(batch_json(outcomes))
        else:
            answer = await receipt_answer(services, scope, recorded(outcomes[0]), creates=False)
        await answer(scope, receive, send)


def read_runs(headers: Headers, body: bytes, batch_limit: int) -> tuple[Sequence[Json], bool]:
    """A pipeline run as a JSON object, or an array of them. Raises as `read_events`."""
    require_json(headers)
    told = parse_json(body)
    if not isinstance(told, list):
        return [told], False
    check_batch(told, batch_limit)
    return told, True


class WebhookEndpoint(FactsEndpoint):
    """ASGI. For pipelines that do not speak CloudEvents."""

    route = WEBHOOK
    unpack = staticmethod(read_runs)
    read = staticmethod(read_run)


async def _taken(taking: _Taking, events: Sequence[Json]) -> list[Outcome]:
    """What became of each event, in order."""
    made = [taking.proposal(event) for event in events]
    proposals = [one for one in made if not isinstance(one, LedgerError)]
    if not proposals:
        return [one for one in made if isinstance(one, LedgerError)]
    outcomes = iter(await taking.dispatcher.submit(proposals))
    return [one if isinstance(one, LedgerError) else next(outcomes) for one in made]


class _Taking:
    """What the events of one request have in common, looked at once."""

    def __init__(self, services: Services, identity: Identity, source: Source, read: Read) -> None:
        self.dispatcher, self._read = services.dispatcher, read
        self._request_hash = services.ledger.vault.request_hash
        self._identity, self._source = identity, source
        self._families: set[str] = set()
        self._prefix = source.uri + " "

    def proposal(self, event: Json) -> ObserveProposal | LedgerError:
        source = self._source
        try:
            facts = self._read(event, source)
            for fact in facts:
                family = fact.event.family.name
                if family not in self._families:
                    self._identity.require(family, "append")
                    self._families.add(family)
        except LedgerError as refusal:
            return refusal
        # The members in one order, so that it does not matter in which mode the event comes again.
        received = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        request = Request(
            source.principal, self._prefix + facts[-1].id, self._request_hash(received)
        )
        return _SignedInFact(facts, source.principal, request, actor=self._identity.actor)


def batch_json(outcomes: Sequence[Outcome]) -> dict[str, Json]:
    """Counts, and for each event in order its `status` with `receipt` or `problem`."""
    results = [_result(outcome) for outcome in outcomes]
    recorded = [outcome.replayed for outcome in outcomes if isinstance(outcome, Recorded)]
    taken, replayed = len(recorded), sum(recorded)
    return {
        "recorded": taken - replayed,
        "replayed": replayed,
        "refused": len(outcomes) - taken,
        "results": results,
    }


def _result(outcome: Outcome) -> dict[str, Json]:
    if isinstance(outcome, Recorded):
        told: dict[str, Json] = {"status": 200, "receipt": receipts_json(outcome.receipts)}
        return {**told, "replayed": True} if outcome.replayed else told
    return {"status": status_of(outcome), "problem": problem_of(outcome)}
