"""Orders over HTTP: `POST /v1/{families}` creates, `POST /v1/{families}/{number}/{command}` does the rest.

One endpoint serves every command of the catalogue. It is an ASGI application of its own, since half of
what an append costs over HTTP would otherwise be the framework's reading of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api.errors import NoSuchAddress
from api.http.answers import JsonAnswer, receipts_json
from api.http.bodies import (
    Headers,
    expected_version,
    headers_of,
    idempotency_key,
    on_behalf_of,
    parse_json,
    read_body,
    refuse_commitments,
    require_json,
)
from api.http.services import Services
from api.identity import Identity, right_to_order
from domain.catalogue import COMMANDS
from domain.command import Command
from domain.errors import Malformed
from domain.event import Json, told
from domain.families import BY_PLURAL, FAMILIES, subject_id
from ledger.govern import Order
from ledger.ledger import recorded
from ledger.taken import Request
from ledger.writer import Recorded

PATH_FAMILIES: Final = tuple(
    family
    for family in FAMILIES.values()
    if family.name != "ledger" and any(name == family.name for name, _ in COMMANDS)
)
"""What is observed only takes no orders; the ledger's own acts have addresses of their own (`administration.py`)."""


class CommandEndpoint:
    """ASGI. `path_params`: `families`; for an existing subject `number` and `command`; `command` alone for
    another way to create one.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services = self._services
        headers = headers_of(scope)
        signed_in = await services.keeper.identify(headers)
        identity = signed_in.acting_for(on_behalf_of(scope))
        ordered, subject = addressed(scope["path_params"])
        scope["itsm_ledger.route"] = route_of(ordered)
        identity.require(ordered.family.name, right_to_order(ordered.family))
        body = await read_body(headers, receive, services.house.settings.body_limit_bytes)
        require_json(headers)
        order = Order(
            read_command(ordered, body),
            identity.actor,
            subject,
            expected_version(headers),
            request_under_key(services, identity, scope, headers, body),
        )
        outcomes = await services.dispatcher.submit([services.ledger.undecided(order)])
        answer = await receipt_answer(services, scope, recorded(outcomes[0]), creates=not subject)
        await answer(scope, receive, send)


def addressed(path: Mapping[str, str]) -> tuple[type[Command], str | None]:
    """The command class, and the subject unless it is to be created. Raises NoSuchAddress, Malformed."""
    family = BY_PLURAL.get(path["families"])
    if family is None or family not in PATH_FAMILIES:
        raise NoSuchAddress(
            f"there are no {path['families']}; there are {', '.join(f.plural for f in PATH_FAMILIES)}"
        )
    if "command" not in path:
        return CREATING[family.name], None
    ordered = COMMANDS.get((family.name, path["command"]))
    if "number" not in path and ordered is not None and ordered.by_verb:
        return ordered, None
    if ordered is None or ordered.creates or "number" not in path:
        verbs = sorted(v for (f, v), c in COMMANDS.items() if f == family.name and not c.creates)
        raise NoSuchAddress(
            f"{family.name} has no command {path['command']!r}; it has {', '.join(verbs)}"
        )
    return ordered, subject_id(family.name, path["number"])


def route_of(ordered: type[Command]) -> str:
    """The command's own address, for the API's description and for metrics."""
    plural = ordered.family.plural
    if ordered.by_verb:
        return f"/v1/{plural}/{ordered.verb}"
    return f"/v1/{plural}" if ordered.creates else f"/v1/{plural}/{{number}}/{ordered.verb}"


CREATING: Final[Mapping[str, type[Command]]] = {
    family: command
    for (family, _), command in COMMANDS.items()
    if command.creates and not command.by_verb
}


def read_command(
    ordered: type[Command], body: bytes, addressed: Mapping[str, str] | None = None
) -> Command:
    """Raises UnreadableBody, or Malformed naming each member that is wrong, never its value.

    `addressed`: members that the path gives, and the body therefore must not.
    """
    value: Json = parse_json(body) if body else {}
    refuse_commitments(value, body)
    if addressed and isinstance(value, dict):
        if not addressed.keys().isdisjoint(value):
            raise Malformed(f"the path says {', '.join(addressed)}; leave it out of the body")
        value = {**value, **addressed}
    try:
        return ordered.model_validate(value)
    except ValidationError as fault:
        raise Malformed(
            f"{ordered.family.name}/{ordered.verb}: {told(fault)}", command=ordered.verb
        ) from None


def request_under_key(
    services: Services, identity: Identity, scope: Scope, headers: Headers, body: bytes
) -> Request | None:
    """The client's idempotency key with the keyed hash of method, path and body as received.

    On whose behalf stands behind the path, which has no space in it: for somebody else is another request.
    """
    key = idempotency_key(headers)
    if key is None:
        return None
    holder = identity.actor.on_behalf_of
    for_ = b" " + holder.encode() if holder else b""
    received = b"%b %b%b\n%b" % (scope["method"].encode(), scope["raw_path"], for_, body)
    return Request(identity.actor.principal, key, services.ledger.vault.request_hash(received))


async def receipt_answer(
    services: Services, scope: Scope, done: Recorded, *, creates: bool
) -> JsonAnswer:
    """201 with its Location for a new subject, else 200. With `?proof=true` the proof as well."""
    receipt = done.receipts[-1]
    told: dict[str, Json] = receipts_json(done.receipts)
    if wants_proof(scope):
        told |= await proof_of(services, receipt.position)
    headers = {"ETag": f'"{receipt.version}"'}
    if creates:
        family, number = receipt.subject.split("/", 1)
        headers["Location"] = f"/v1/{FAMILIES[family].plural}/{number}"
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JsonAnswer(told, 201 if creates else 200, headers)


def wants_proof(scope: Mapping[str, Any]) -> bool:
    """Raises Malformed for a query that asks for anything else: a misspelt wish must not go unheard."""
    query: bytes = scope["query_string"]
    if query in {b"", b"proof=false"}:
        return False
    if query == b"proof=true":
        return True
    raise Malformed("expected no query, or proof=true, got another one")


async def proof_of(services: Services, position: int) -> dict[str, Json]:
    """`proof`: the tlog-proof of the entry, under the checkpoint that it ends with."""
    proof = await asyncio.to_thread(services.ledger.prove, position, services.house.checkpoint)
    return {"proof": proof, "checkpoint": proof.partition("\n\n")[2]}
