"""The API's description: what FastAPI knows, and the appends, which it does not see."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from api.compose import SOFTWARE
from api.http import administration
from api.http.answers import PROBLEM
from api.http.bodies import JSON
from api.http.cloudevents import BATCHED, STRUCTURED
from api.http.commands import PATH_FAMILIES, route_of
from domain.acts import DestroySubjectKey, LiftLegalHold, PlaceLegalHold, RevokeToken
from domain.catalogue import COMMANDS
from domain.command import Command

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
    "Authority": "Who did what with what authority then, and what other rules would have said.",
    "Feed": "The log itself, byte for byte.",
    "Proof": "Checkpoints, tiles and proofs in the C2SP formats.",
    "Administration": "Tokens, erasure, legal holds.",
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
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The same key with the same request gets the first receipt again.",
    },
    {
        "name": "If-Match",
        "in": "header",
        "schema": {"type": "string"},
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
    schemas |= {"Problem": _shape(PROBLEM_EXAMPLE), "Receipt": _shape(RECEIPT)}
    schemas["Event"] = _shape(EVENT)
    for path, operation in _commands(schemas):
        told["paths"].setdefault(path, {})["post"] = operation
    told["paths"].setdefault("/v1/events", {})["post"] = _facts()
    for path, body in _administration(schemas):
        operation = told["paths"][path]["post"]
        operation["requestBody"] = body
        operation["parameters"] = [*operation.get("parameters", ()), ON_BEHALF_OF]
    told["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "itl_<number>_<secret> or JWT",
        }
    }
    for path, operations in told["paths"].items():
        for operation in operations.values():
            _finish(path, operation)
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
            "schema": {"type": "string"},
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
    token = administration.NewToken
    example = token.model_config["json_schema_extra"]
    assert isinstance(example, dict)
    yield administration.TOKENS, _body(token, example["example"], schemas)  # type: ignore[arg-type]  # it is a mapping
    for path, ordered, addressed in (
        (administration.REVOKE, RevokeToken, ()),
        (administration.ERASE, DestroySubjectKey, ("target",)),
        (administration.HOLDS, PlaceLegalHold, ()),
        (administration.LIFT, LiftLegalHold, ("hold",)),
    ):
        said = {name: value for name, value in ordered.example.items() if name not in addressed}
        if not addressed:
            yield path, _body(ordered, said, schemas)
        else:
            yield path, {"required": True, "content": {JSON: {"example": said}}}


def _body(model: type[BaseModel], example: Mapping[str, Any], schemas: Schema) -> Schema:
    made = model.model_json_schema(ref_template=REF)
    schemas |= made.pop("$defs", {})
    schemas[model.__name__] = made
    content = {"schema": {"$ref": REF.format(model=model.__name__)}, "example": dict(example)}
    return {"required": bool(made.get("required")), "content": {JSON: content}}


def _facts() -> Schema:
    one = {"schema": {"$ref": REF.format(model="Event")}, "example": EVENT}
    result = {"status": 200, "receipt": RECEIPT}
    answer = {"recorded": 1, "replayed": 0, "refused": 0, "results": [result]}
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
                BATCHED: {"schema": {"type": "array"}, "example": [EVENT]},
                JSON: {"schema": {"type": "object"}, "example": EVENT["data"]},
            },
        },
        "responses": {
            "200": {
                "description": "The receipt; of a batch counts and each event's result",
                "content": {
                    JSON: {
                        "examples": {"one": {"value": RECEIPT}, "batch": {"value": answer}},
                    }
                },
            }
        },
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


def _finish(path: str, operation: Schema) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    problem = {"schema": {"$ref": REF.format(model="Problem")}, "example": PROBLEM_EXAMPLE}
    told = {"description": "A problem (RFC 9457)", "content": {PROBLEM: problem}}
    responses |= {"4XX": told, "5XX": told}
    if not path.startswith(PUBLIC):
        operation["security"] = [{"token": []}]


def _shape(example: Mapping[str, Any]) -> Schema:
    """An object with the example's members, those of a problem that are not always there left open."""
    types = {str: "string", int: "integer", list: "array", dict: "object"}
    members = {name: {"type": types[type(value)]} for name, value in example.items()}
    return {"type": "object", "properties": members, "example": dict(example)}


def _sentence(ordered: type[Command]) -> str:
    return (inspect.getdoc(ordered) or ordered.verb).partition(".")[0]
