"""The API's description: what FastAPI knows, and the appends, which it does not see."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from api.compose import SOFTWARE
from api.http import administration, webhooks
from api.http.answered import ANSWERS
from api.http.answers import PROBLEM
from api.http.auditing import CHECK
from api.http.bodies import JSON
from api.http.cloudevents import BATCHED, REQUIRED, SAID, STRUCTURED
from api.http.commands import PATH_FAMILIES, route_of
from api.http.facts import WEBHOOK
from api.http.pipelines import PipelineRun
from api.http.registers import REGISTER
from api.http.shapes import shape
from domain.acts import DestroySubjectKey, LiftLegalHold, PlaceLegalHold, RevokeToken
from domain.catalogue import COMMANDS
from domain.command import Command
from domain.families import BY_PLURAL, FAMILIES
from projections.projection import TICKET_FAMILIES

Schema = dict[str, Any]

REF: Final = "#/components/schemas/{model}"
PUBLIC: Final = ("/healthz", "/readyz", "/log/", "/problems")
DESCRIPTION: Final = """\
The record of IT service management that can be believed without trusting the people who run it.

Every append is answered with a receipt once it is durable. `Idempotency-Key` makes a retry safe, `If-Match:
"<version>"` makes it conditional, `?proof=true` adds the proof to the receipt. `On-Behalf-Of: principal/…` gives an
order for somebody who delegated their role. Every failure is a problem (RFC 9457) whose `type` leads to a page that
says what to do.
"""
TAGS: Final = {
    "Incidents": "Orders about incidents.",
    "Requests": "Orders about service requests.",
    "Problem tickets": "Orders about problems.",
    "Changes": "Orders about changes.",
    "Change models": "Orders about the models of standard changes.",
    "Freezes": "Orders about change freezes and their exceptions.",
    "Principals": "Who may sign in.",
    "Roles": "What can be granted, and what must be apart.",
    "Grants": "Who has which role, on whose word, until when.",
    "Policies": "The rules of who may: drafted, reviewed, published, superseded, never edited.",
    "Observed facts": "What happened elsewhere, told by a source.",
    "Subjects": "State now or at any past moment, history, difference.",
    "Registers": "What the read models answer.",
    "Reviews": "Who has which role, looked at one by one.",
    "Findings": "Rules that the record shows to be broken.",
    "Authority": "Who did what with what authority then, and what other rules would have said.",
    "Time machine": "The whole estate at any moment, over time, and between two moments.",
    "Process views": "How cases went: times, handovers, ways, and where they left the declared one.",
    "Feed": "The log itself, byte for byte.",
    "Proof": "Checkpoints, tiles and proofs in the C2SP formats.",
    "Administration": "Tokens, erasure, legal holds.",
    "Webhooks": "Telling receivers of events, signed by the Standard Webhooks scheme.",
    "Health": "Is it alive, and can it work.",
    "Problems": "What can go wrong.",
}
_TAG_OF: Final = {"problem": "Problem tickets", "model": "Change models"}
"""Where a family's tag is not its plural: `Problems` are what can go wrong."""
EVENT: Final[Schema] = {
    "specversion": "1.0",
    "id": "alert-4711",
    "source": "/sources/monitoring",
    "type": "itsm.incident.reported.v1",
    "subject": "incident/MON-4711",
    "time": "2026-03-02T09:30:00Z",
    "authid": "probe 7",
    "data": {"title": "Mail queue grows", "service": "mail"},
}
RECEIPT: Final[Schema] = {
    "position": 1841,
    "subject": "incident/INC0010001",
    "version": 1,
    "type": "itsm.incident.reported.v1",
    "id": "0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b10",
    "recordedtime": "2026-03-02T09:30:00.412003Z",
    "leaf_hash": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
}
PROBLEM_EXAMPLE: Final[Schema] = {
    "type": "/problems/may-not",
    "title": "The actor may not do this.",
    "status": 403,
    "detail": "principal/PRN0000002 may not close incident/INC0010001: closer-is-not-resolver",
    "code": "may-not",
    "rules": ["closer-is-not-resolver"],
    "what_to_do": "`rules` names what forbids it; somebody else may be entitled.",
}
ON_BEHALF_OF: Final[Schema] = {
    "name": "On-Behalf-Of",
    "in": "header",
    "schema": {"type": "string", "pattern": "^principal/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"},
    "example": "principal/PRN0000012",
    "description": "Who delegated the role that this order is given in; both are recorded. Without a delegation that "
    "counts now the order is refused.",
}
_HEADERS: Final[Sequence[Schema]] = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "description": "The same key with the same request gets the first receipt again.",
    },
    {
        "name": "If-Match",
        "in": "header",
        "schema": {"type": "string", "pattern": '^("[0-9]{1,16}"|\\*)$'},
        "example": '"3"',
        "description": "The version that the subject must be at; else 412.",
    },
    ON_BEHALF_OF,
    {
        "name": "proof",
        "in": "query",
        "schema": {"type": "boolean", "default": False},
        "description": "Also give the proof and the checkpoint that it ends with.",
    },
)


_STRING: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"}
_OF_ANY: Final[Schema] = {"type": "string", "enum": list(BY_PLURAL)}
_OF_TICKETS: Final[Schema] = {
    "type": "string",
    "enum": [FAMILIES[name].plural for name in TICKET_FAMILIES],
}


def describe(routes: Sequence[BaseRoute]) -> Schema:
    """OpenAPI 3.1 of all that is served."""
    told = get_openapi(
        title="itsm-ledger",
        version=SOFTWARE,
        summary="An ITSM ledger that proves itself",
        description=DESCRIPTION,
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    schemas = told.setdefault("components", {}).setdefault("schemas", {})
    schemas |= _shared()
    for path, operation in _commands(schemas):
        told["paths"].setdefault(path, {})["post"] = operation
    told["paths"].setdefault("/v1/events", {})["post"] = _facts()
    told["paths"].setdefault(WEBHOOK, {})["post"] = _runs(schemas)
    for path, more in chain(_administration(schemas), _webhooks(schemas)):
        operation = told["paths"][path]["post"]
        parameters = [*operation.get("parameters", ()), *more.pop("parameters", ())]
        operation |= {**more, "parameters": parameters}
    told["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "itl_<number>_<secret> or JWT",
        }
    }
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            _finish(path, method, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return told


def _commands(schemas: Schema) -> Iterator[tuple[str, Schema]]:
    families = {family.name for family in PATH_FAMILIES}
    for (family, verb), ordered in COMMANDS.items():
        if family not in families:
            continue
        number = {
            "name": "number",
            "in": "path",
            "required": True,
            "schema": _NUMBER,
            "example": f"{ordered.family.prefix}0010001",
        }
        yield (
            route_of(ordered),
            {
                "tags": [_TAG_OF.get(family, ordered.family.plural.capitalize())],
                "operationId": f"{family}-{verb}",
                "summary": _sentence(ordered),
                "description": inspect.getdoc(ordered) or "",
                "parameters": [*([] if ordered.creates else [number]), *_HEADERS],
                "requestBody": _body(ordered, ordered.example, schemas),
                "responses": _receipts("201" if ordered.creates else "200"),
            },
        )


def _administration(schemas: Schema) -> Iterator[tuple[str, Schema]]:
    """What FastAPI does not see of these: their bodies, the headers of an append, what they are answered."""
    token = administration.NewToken
    example = token.model_config["json_schema_extra"]
    assert isinstance(example, dict)
    told = {"token": "itl_LDG0000003_…", "receipt": RECEIPT}
    issued = {JSON: {"schema": shape(told), "example": told}}
    yield (
        administration.TOKENS,
        {
            "parameters": [ON_BEHALF_OF],
            "requestBody": _body(token, example["example"], schemas),  # type: ignore[arg-type]  # it is a mapping
            "responses": {"201": {"description": "Issued", "content": issued}},
        },
    )
    for path, ordered, in_path in (
        (administration.REVOKE, RevokeToken, None),
        (administration.ERASE, DestroySubjectKey, "target"),
        (administration.HOLDS, PlaceLegalHold, None),
        (administration.LIFT, LiftLegalHold, "hold"),
    ):
        yield (
            path,
            {
                "parameters": [*_HEADERS],
                "requestBody": _body(ordered, ordered.example, schemas, in_path),
                "responses": _receipts("200"),
            },
        )


def _webhooks(schemas: Schema) -> Iterator[tuple[str, Schema]]:
    told = {"secret": "whsec_…", "receipt": RECEIPT}
    once = {
        "description": "The secret, shown once",
        "content": {JSON: {"schema": shape(told), "example": told}},
    }
    for path, (body, example) in webhooks.BODIES.items():
        status = webhooks.TELLING_A_SECRET.get(path)
        yield (
            path,
            {
                "parameters": [ON_BEHALF_OF],
                "requestBody": _body(body, example, schemas),
                "responses": {status: once} if status else _receipts("200"),
            },
        )


def _body(
    model: type[BaseModel], example: Mapping[str, Any], schemas: Schema, in_path: str | None = None
) -> Schema:
    """`in_path`: the member that the path gives, and the body therefore must not."""
    made = model.model_json_schema(ref_template=REF)
    made["properties"].pop(in_path, None)
    required = [name for name in made.pop("required", ()) if name != in_path]
    if required:
        made["required"] = required
    schemas |= made.pop("$defs", {})
    schemas[model.__name__] = made
    said = {name: value for name, value in example.items() if name != in_path}
    content = {"schema": {"$ref": REF.format(model=model.__name__)}, "example": said}
    return {"required": bool(required), "content": {JSON: content}}


def _facts() -> Schema:
    one = {"schema": {"$ref": REF.format(model="Event")}, "example": EVENT}
    result = {"status": 200, "receipt": RECEIPT}
    answer = {"recorded": 1, "replayed": 0, "refused": 0, "results": [result]}
    counted = shape(answer)
    counted["properties"]["results"] = {"type": "array", "items": _of_each()}
    return {
        "tags": ["Observed facts"],
        "operationId": "observe",
        "summary": "State what happened elsewhere, as one CloudEvent or a batch",
        "description": "For tokens of sources in observe mode. Structured, batched, or binary mode "
        "(`ce-…` headers, the data as the body). A batch is taken event by event, in order, each with a "
        "receipt or a problem of its own; it is refused whole only if it is unreadable or over a limit. "
        "`source` and `id` are the idempotency key. Attributes that the ledger owns are refused.",
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: one,
                BATCHED: {
                    "schema": {"type": "array", "items": {"$ref": REF.format(model="Event")}},
                    "example": [EVENT],
                },
                JSON: {"schema": {"type": "object"}, "example": EVENT["data"]},
            },
        },
        "responses": {
            "200": {
                "description": "The receipt; of a batch counts and each event's result",
                "content": {
                    JSON: {
                        "schema": {"anyOf": [{"$ref": REF.format(model="Receipt")}, counted]},
                        "examples": {"one": {"value": RECEIPT}, "batch": {"value": answer}},
                    }
                },
            }
        },
    }


def _runs(schemas: Schema) -> Schema:
    one = _body(PipelineRun, PipelineRun.example, schemas)["content"][JSON]
    batch = {"type": "array", "items": one["schema"]}
    return {
        "tags": ["Observed facts"],
        "operationId": "observe-deployments",
        "summary": "State what a pipeline deployed, as one run or a batch",
        "description": "For tokens of sources in observe mode, by pipelines that do not speak CloudEvents. A batch is "
        "taken run by run, as events are. `id` and `outcome` are the idempotency key.",
        "requestBody": {
            "required": True,
            "content": {JSON: {**one, "schema": {"anyOf": [one["schema"], batch]}}},
        },
        "responses": _facts()["responses"],
    }


def _of_each() -> Schema:
    """What became of one event of a batch: its receipt or its problem."""
    told = {name: {"$ref": REF.format(model=name.capitalize())} for name in ("receipt", "problem")}
    return {
        "type": "object",
        "properties": {"status": {"type": "integer"}, "replayed": {"type": "boolean"}, **told},
        "required": ["status"],
        "oneOf": [{"required": [name]} for name in told],
    }


def _receipts(status: str) -> Schema:
    content = {"schema": {"$ref": REF.format(model="Receipt")}, "example": RECEIPT}
    return {
        status: {
            "description": "Recorded, durably",
            "headers": {
                name: {"schema": {"type": "string"}, "description": text}
                for name, text in (
                    ("ETag", "The subject's new version"),
                    ("Idempotency-Replayed", "true: this is the first receipt again"),
                    *((("Location", "Where the new subject is read"),) if status == "201" else ()),
                )
            },
            "content": {JSON: content},
        }
    }


def _finish(path: str, method: str, operation: Schema) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    if path in ANSWERS and (method == "get" or path == CHECK):
        responses["200"] = {"description": "The answer", "content": dict(ANSWERS[path])}
    problem = {"schema": {"$ref": REF.format(model="Problem")}, "example": PROBLEM_EXAMPLE}
    told = {"description": "A problem (RFC 9457)", "content": {PROBLEM: problem}}
    responses |= {"4XX": told, "5XX": told}
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "families":
            parameter["schema"] = _OF_TICKETS if path == REGISTER else _OF_ANY
        elif parameter["name"] == "number":
            parameter["schema"] = _NUMBER
    if not path.startswith(PUBLIC):
        operation["security"] = [{"token": []}]


def _shared() -> Schema:
    """What more than one answer or request is made of."""
    receipt = shape(RECEIPT)
    also = {"type": "array", "items": {"type": "object", "required": list(RECEIPT)}}
    receipt["properties"] |= {"also": also, "proof": _STRING, "checkpoint": _STRING}
    problem = shape(PROBLEM_EXAMPLE, optional=("rules",))
    problem["properties"]["facts"] = {"type": "object"}
    event = shape(EVENT, optional=EVENT.keys() - set(REQUIRED))
    for name in (*SAID, "datacontenttype"):
        event["properties"][name] = _STRING
    return {
        "Problem": problem | {"example": PROBLEM_EXAMPLE},
        "Receipt": receipt | {"example": RECEIPT},
        "Event": event | {"additionalProperties": False, "example": EVENT},
    }


def _sentence(ordered: type[Command]) -> str:
    return (inspect.getdoc(ordered) or ordered.verb).partition(".")[0]
