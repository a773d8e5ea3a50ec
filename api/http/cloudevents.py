"""CloudEvents 1.0 as they arrive: structured, batched, or binary; and what a source may say in one.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from api.errors import BatchTooLarge, UnreadableBody, UnsupportedMedia
from api.http.bodies import Headers, media_type, parse_json, require_json
from domain.correction import FactCorrected
from domain.errors import Malformed, UnknownType
from domain.event import EVENT_TYPES, Event, Json
from domain.families import split_subject
from domain.moments import canonical_time
from ledger.entry import LEDGER_OWNED
from ledger.observe import Observation

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"

REQUIRED: Final = ("specversion", "id", "source", "type", "subject", "time", "data")
SAID: Final = ("reason", "comment", "correlationid", "causationid")
"""Extensions that a source may send beside `authid`, with their greatest lengths below."""
_LENGTHS: Final = {
    "id": 255,
    "authid": 200,
    "reason": 20_000,
    "comment": 20_000,
    "correlationid": 255,
    "causationid": 255,
}
NOTHING_SAID: Final[Mapping[str, str]] = MappingProxyType({})
_required: Final = itemgetter(*REQUIRED)
_LINE_FREE: Final = frozenset({"id", "authid", "correlationid", "causationid"})
KNOWN: Final = frozenset({*REQUIRED, *SAID, "authid", "datacontenttype"})
_JSON_TYPE: Final = re.compile(r"application/([a-z0-9.-]+\+)?json *(;.*)?", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Source:
    """An observing source: its principal, and the CloudEvents `source` it is registered with."""

    principal: str
    uri: str


def read_events(headers: Headers, body: bytes, batch_limit: int) -> tuple[Sequence[Json], bool]:
    """The events of a request as JSON values, and whether it was a batch.

    Raises UnreadableBody, BatchTooLarge or UnsupportedMedia: then nothing of the request is recorded.
    """
    kind = media_type(headers)
    if kind == STRUCTURED:
        return [parse_json(body)], False
    if kind == BATCHED:
        batch = parse_json(body)
        if not isinstance(batch, list):
            raise UnreadableBody("expected a JSON array of CloudEvents, got another value")
        check_batch(batch, batch_limit)
        return batch, True
    if b"ce-specversion" in headers:
        require_json(headers)
        return [_from_headers(headers, body)], False
    raise UnsupportedMedia(
        f"expected {STRUCTURED}, {BATCHED}, or ce-… headers (binary mode); got {kind or 'none'}",
        expected=[STRUCTURED, BATCHED],
        got=kind,
    )


def check_batch(batch: Sequence[Json], limit: int) -> None:
    """Raises BatchTooLarge."""
    if len(batch) > limit:
        raise BatchTooLarge(
            f"expected at most {limit} events, got {len(batch)}", limit=limit, got=len(batch)
        )


def _from_headers(headers: Headers, body: bytes) -> dict[str, Json]:
    """Binary mode: each `ce-<attribute>` header percent-decoded, and the body as the data."""
    event: dict[str, Json] = {
        name[3:].decode("latin-1"): _decoded(name, value)
        for name, value in headers.items()
        if name.startswith(b"ce-")
    }
    if "data" in event or "datacontenttype" in event:
        raise UnreadableBody("expected the data as the body and its type as Content-Type")
    event["data"] = parse_json(body)
    return event


def _decoded(name: bytes, value: bytes) -> str:
    """Section 3.1.3.2 of the HTTP binding: unquote, then percent-decode as UTF-8."""
    try:
        text = value.decode("ascii").strip()
        quoted = _QUOTED.fullmatch(text)
        if quoted is not None:
            text = re.sub(r"\\(.)", r"\1", quoted[1])
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise UnreadableBody(
            f"expected the header {name.decode('latin-1')} as percent-encoded UTF-8"
        ) from None


def read_fact(event: Json, source: Source) -> Observation:
    """The fact that a CloudEvent states. Raises Malformed, UnknownType or MayNot; tells names, not values."""
    if not isinstance(event, dict):
        raise Malformed("expected a CloudEvent as a JSON object, got another value")
    if not event.keys() <= KNOWN:
        raise _strangers(event)
    try:
        specversion, id_, uri, type_name, subject, time, data = _required(event)
    except KeyError:
        raise _incomplete(event) from None
    if not (type(id_) is type(subject) is type(time) is type(type_name) is str and id_):
        raise _incomplete(event)
    if len(id_) > _LENGTHS["id"] or not id_.isprintable():
        check_text("id", id_)
    if specversion != "1.0":
        raise Malformed("expected specversion 1.0, got another one")
    if uri != source.uri:
        raise Malformed(
            f"expected source {source.uri}, as this source is registered; got another one",
            expected=source.uri,
        )
    if not isinstance(data, dict):
        raise Malformed("expected data as a JSON object, got another value")
    actor, said = _said(event) if len(event) > len(REQUIRED) else (None, NOTHING_SAID)
    return Observation(
        event=_type(type_name, subject),
        subject=subject,
        data=data,
        time=canonical_time(time),
        id=id_,
        source=uri,
        actor=actor,
        said=said,
    )


def _type(name: str, subject: str) -> type[Event]:
    """The registered type, once it fits the subject. Raises UnknownType, Malformed."""
    type_ = EVENT_TYPES.get(name)
    if type_ is None:
        raise UnknownType(
            "this type is not registered; send it as itsm.fact.observed.v1, with the type as "
            "original_type and the data as payload: that takes anything",
            suggestion="itsm.fact.observed.v1",
        )
    if issubclass(type_, FactCorrected):
        raise Malformed(
            "a correction is given as the command correct-fact: the ledger computes what it states",
            type=name,
        )
    family, _ = split_subject(subject)
    if family is not type_.family:
        raise Malformed(
            f"{name} is about a subject {type_.family.name}/…, got one of {family.name}",
            type=name,
            family=family.name,
        )
    return type_


def _said(event: Mapping[str, Any]) -> tuple[str | None, Mapping[str, str]]:
    """Who acted, and what was said beside the data."""
    optional = {
        name: value for name, value in event.items() if name not in REQUIRED and value is not None
    }
    for name, value in optional.items():
        check_text(name, value)
    content_type = optional.pop("datacontenttype", None)
    if content_type is not None and not _JSON_TYPE.fullmatch(content_type):
        raise Malformed("expected data as JSON; of other content record the hash, as an attachment")
    return optional.pop("authid", None), optional


def check_text(name: str, value: object) -> None:
    """Raises Malformed for what cannot stand in this attribute."""
    if not isinstance(value, str) or not value:
        raise Malformed(f"expected {name} as text, got another value", attribute=name)
    limit = _LENGTHS.get(name)
    if limit is not None and len(value) > limit:
        raise Malformed(
            f"expected {name} with at most {limit} characters, got {len(value)}", attribute=name
        )
    if name in _LINE_FREE and not value.isprintable():
        raise Malformed(f"expected {name} without control characters", attribute=name)


def _incomplete(event: Mapping[str, Any]) -> Malformed:
    missing = [name for name in REQUIRED if event.get(name) is None]
    if missing:
        return Malformed(f"the event lacks {', '.join(missing)}", missing=missing)
    wrong = [
        name
        for name in REQUIRED
        if name != "data" and not (event[name] and type(event[name]) is str)
    ]
    return Malformed(f"expected text as {', '.join(wrong)}, got another value", attributes=wrong)


def _strangers(event: Mapping[str, Any]) -> Malformed:
    owned = sorted(event.keys() & LEDGER_OWNED)
    if owned:
        return Malformed(
            f"only the ledger sets {', '.join(owned)}; leave them out", attributes=owned
        )
    strangers = sorted(str(name)[:50] for name in event.keys() - KNOWN)
    return Malformed(
        f"expected the attributes {', '.join(sorted(KNOWN))}; got also {', '.join(strangers)}",
        attributes=strangers,
    )
