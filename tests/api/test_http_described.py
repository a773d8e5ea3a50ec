"""`/openapi.json` is true and useful: everything has its content type and an example, and the examples are meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import orjson
import pytest

from api.http.openapi import EVENT
from domain.families import BY_PLURAL
from tests.api.fuzzed import Fuzzed, fuzzed

BYTES = {"application/octet-stream", "application/vnd.sqlite3"}
"""What has neither a shape nor a printable example."""
TAKEN = {200, 201}
REFUSED = {403, 404, 409}
"""By the policy, for a number that is not there, by the state of what is there."""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("described")) as api:
        yield api


def document(api: Fuzzed) -> dict[str, Any]:
    told: dict[str, Any] = api.ask("GET", "/openapi.json", {}).json()
    return told


def contents(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body that is described, of requests and of answers: where, its content type, and what is said of it."""
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for media_type, said in body.get("content", {}).items():
                    yield f"{method} {path} {name}", media_type, said


def examples(said: dict[str, Any]) -> list[Any]:
    if "examples" in said:
        return [one["value"] for one in said["examples"].values()]
    return [said["example"]] if "example" in said else []


def test_every_body_has_a_shape_and_an_example(described: Fuzzed) -> None:
    bare = [
        (where, media_type)
        for where, media_type, said in contents(document(described))
        if media_type not in BYTES
        and not (examples(said) and (said.get("schema") or said.get("itemSchema")))
    ]

    assert bare == []


def test_every_answer_that_is_no_failure_has_its_content_type(described: Fuzzed) -> None:
    told = document(described)

    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            fine = [code for code in operation["responses"] if code.startswith("2")]
            assert len(fine) == 1, (method, path)
            assert operation["responses"][fine[0]]["content"], (method, path)


def test_every_example_has_the_shape_that_is_told_beside_it(described: Fuzzed) -> None:
    told = document(described)
    wrong = []
    for where, _, said in contents(told):
        if "schema" in said:
            shape = {**said["schema"], "components": told["components"]}
            checked = jsonschema_rs.validator_for(shape)
            wrong += [(where, str(e)) for one in examples(said) for e in checked.iter_errors(one)]

    assert wrong == []


def test_every_example_of_a_request_is_taken_or_refused_for_what_the_ledger_holds(
    described: Fuzzed,
) -> None:
    """Never for how it is written: that would be 400, 413, 415 or 422."""
    told = document(described)
    answers = {}
    for path, operations in told["paths"].items():
        for media_type, said in requested(operations.get("post", {})):
            address = path.format(
                families="incidents", number=number(described, path), hold="HLD-1"
            )
            observed = path in {"/v1/events", "/v1/deployments/webhook"}
            token = described.source if observed else described.staffed[0]
            headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type}
            if observed and media_type == "application/json":
                headers |= binary(EVENT)
            got = described.ask("POST", address, headers, orjson.dumps(said["example"]))
            answers[path, media_type] = (got.status_code, got.text)

    assert len(answers) > 120
    written_wrong = {where: got for where, got in answers.items() if got[0] not in TAKEN | REFUSED}
    assert written_wrong == {}
    assert sum(status in TAKEN for status, _ in answers.values()) > 30


def requested(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from operation.get("requestBody", {"content": {}})["content"].items()


def number(api: Fuzzed, path: str) -> str:
    """That of a subject which the order could be about."""
    plural = path.split("/")[2]
    family = (
        "ledger" if plural == "tokens" else BY_PLURAL[plural].name if plural in BY_PLURAL else ""
    )
    return next(iter(api.numbers.get(family, ["INC0010001"])))


def binary(event: dict[str, Any]) -> dict[str, str]:
    return {f"ce-{name}": quote(value) for name, value in event.items() if name != "data"}
