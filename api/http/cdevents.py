"""CDEvents, as CloudEvents: what of them is a deployment, beside the whole of it that is kept as a fact.

https://cdevents.dev/docs/cloudevents-binding/ and https://cdevents.dev/docs/cd/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from api.http.cloudevents import Source, check_text, read_fact
from api.http.pipelines import kept_whole, named_change
from domain.deployment import DeploymentRecorded
from domain.errors import Malformed
from domain.event import Json
from domain.moments import canonical_time
from ledger.observe import Observation, check_stated

PREFIX: Final = "dev.cdevents."
DEPLOYED: Final = frozenset({"service.deployed", "service.upgraded", "service.rolledback"})
"""Something went live, be it an earlier version. Of all others nothing did, as far as they tell."""
_REQUIRED: Final = ("specversion", "id", "source", "type", "data")
_TYPE: Final = re.compile(r"dev\.cdevents\.([a-z]+\.[a-z]+)\.[0-9][0-9A-Za-z.+-]*")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")
_SUBJECT_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def read_facts(event: Json, source: Source) -> Sequence[Observation]:
    """The facts that a CloudEvent states: of a CDEvent the whole, and a deployment last if it is one.

    Raises Malformed, UnknownType or MayNot; tells names, not values.
    """
    type_ = event.get("type") if isinstance(event, dict) else None
    if isinstance(event, dict) and isinstance(type_, str) and type_.startswith(PREFIX):
        return _of_cdevent(event, type_, source)
    return [read_fact(event, source)]


def _of_cdevent(event: Mapping[str, Json], type_: str, source: Source) -> list[Observation]:
    id_, time, said = _envelope(event, source)
    match = _TYPE.fullmatch(type_)
    what = match[1] if match else ""
    if what not in DEPLOYED:
        return [kept_whole(type_, dict(event), source, id_=id_, time=time, correlation=id_)]
    stated = _deployment(said, time)
    by = stated.get("deployed_by")
    deployment = Observation(
        event=DeploymentRecorded,
        subject=f"deployment/{_number(id_, source)}",
        data=stated,
        time=time,
        id=id_,
        source=source.uri,
        actor=by if isinstance(by, str) else None,
        said={"correlationid": id_},
    )
    original = f"{id_}:original"
    return [
        kept_whole(type_, dict(event), source, id_=original, time=time, correlation=id_),
        deployment,
    ]


def _envelope(event: Mapping[str, Json], source: Source) -> tuple[str, str, Mapping[str, Json]]:
    """Its id, when it happened, and the CDEvent. Attributes that are not asked for are kept with the rest."""
    missing = [name for name in _REQUIRED if event.get(name) is None]
    if missing:
        raise Malformed(f"the event lacks {', '.join(missing)}", missing=missing)
    check_text("id", event["id"])
    if event["specversion"] != "1.0":
        raise Malformed("expected specversion 1.0, got another one")
    if event["source"] != source.uri:
        raise Malformed(
            f"expected source {source.uri}, as this source is registered; got another one",
            expected=source.uri,
        )
    said = event["data"]
    if not isinstance(said, dict):
        raise Malformed("expected data as a JSON object, got another value")
    context = said.get("context")
    for name, part in (("context", context), ("subject", said.get("subject"))):
        if not isinstance(part, dict):
            raise Malformed(f"expected a CDEvent as data, with an object {name}", member=name)
    time = event.get("time") or _member(said, "context", "timestamp")
    if not isinstance(time, str):
        raise Malformed("expected time, or context.timestamp, as text", missing=["time"])
    return str(event["id"]), canonical_time(time), said


def _deployment(said: Mapping[str, Json], time: str) -> dict[str, Json]:
    service = _member(said, "subject", "id")
    if not isinstance(service, str):
        raise Malformed("expected the service as subject.id of the CDEvent", member="subject.id")
    artifact = _member(said, "subject", "content", "artifactId")
    digest = _DIGEST.search(unquote(artifact)) if isinstance(artifact, str) else None
    stated = {
        "service": service,
        "environment": _member(said, "subject", "content", "environment", "id"),
        "artifact": digest[0] if digest else None,
        "finished_at": time,
        **_custom(said.get("customData")),
    }
    return {name: value for name, value in stated.items() if value is not None}


def _custom(custom: Json) -> dict[str, Json]:
    """The members of `customData` that have the webhook's names and shape. It is anybody's: others stay in the whole."""
    if not isinstance(custom, dict):
        return {}
    commits = custom.get("commits")
    said = {
        "change": named_change(custom.get("change")),
        "content_hash": custom.get("content_hash"),
        "commits": dict.fromkeys(map(str, commits), True) if isinstance(commits, list) else None,
        "started_at": custom.get("started_at"),
        "pipeline_run": custom.get("run_url"),
        "deployed_by": custom.get("deployed_by"),
    }
    return {name: value for name, value in said.items() if _is_stated(name, value)}


def _is_stated(name: str, value: Any) -> bool:
    try:
        check_stated(DeploymentRecorded, {name: value})
    except Malformed:
        return False
    return value not in (None, {})


def _member(said: Json, *path: str) -> Json:
    for name in path:
        if not isinstance(said, dict):
            return None
        said = said.get(name)
    return said


def _number(id_: str, source: Source) -> str:
    """The event's id where it can stand in a subject, as a UUID can."""
    if _SUBJECT_NUMBER.fullmatch(id_):
        return id_
    return hashlib.sha256(f"{source.uri} {id_}".encode()).hexdigest()[:40]
