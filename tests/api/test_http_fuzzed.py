"""Whatever the API's description allows or forbids, sent by whoever: no 5xx, and nothing that is not described.

Each test goes through every operation of `/openapi.json` with input made by schemathesis, valid and invalid, the
same on every run. `FUZZ_EXAMPLES` says how many requests each operation gets from who may do everything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from api.errors import row_of
from api.http.problems import kinds
from tests.api.fuzzed import Fuzzed, fuzzed

pytestmark = pytest.mark.slow

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "8"))
OBSERVE: Final = "POST /v1/events"
ANYBODYS: Final = {
    *(
        f"POST /v1/{plural}"
        for plural in ("incidents", "requests", "problems", "changes", "grants")
    ),
    *(
        f"POST /v1/{plural}/{{number}}/{verb}"
        for plural in ("incidents", "requests", "problems", "changes")
        for verb in ("comment", "link", "unlink", "record-attachment")
    ),
}
"""What whoever is registered may order, by the rules `anyone-…` of the shipped policy."""
ABOUT_INCIDENTS_TOO: Final = {
    *(f"GET /v1/{path}" for path in ("activity", "flow", "flow/deviations", "{families}")),
    *(f"GET /v1/{{families}}/{{number}}{more}" for more in ("", "/history", "/diff")),
    *(f"GET /v1/{path}" for path in ("events", "events/stream", "events/{position}")),
    *(f"GET /v1/process/{view}" for view in ("times", "handovers", "ping-pong", "reopenings")),
    *(f"GET /v1/process/{view}" for view in ("push-to-front", "variants", "conformance")),
    *(f"GET /v1/process/{view}" for view in ("graph", "graph.svg")),
    *(f"GET /v1/replay/{question}" for question in ("state", "counts", "diff")),
    "GET /v1/exports/{format}",
    "GET /v1/proofs/{position}",
}
"""What answers whoever reads incidents, when it is asked about those."""
DONE_AT_LEAST: Final = 100
"""Operations that succeeded at least once, of some 160: else the run has become a shallow one."""
_AT: Final = {"families": "incidents"}
_PICKS: Final = (1, 2, 3, 5, 7, 11)
"""The documented example of an order goes to as many subjects, by everybody whom `sender` knows."""
Sender = Callable[[Case, int], httpx.Response]

load_all_checks()
_CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Fuzzed]:
    """A ledger of its own for each test. Whatever was sent to it, it is sound in the end."""
    with fuzzed(tmp_path) as api:
        yield api
        api.check_whole_log()


def operations(api: Fuzzed) -> Sequence[APIOperation]:
    found = list(api.schema.get_all_operations())
    read = [result.ok() for result in found if isinstance(result, Ok)]
    assert len(read) == len(found) > 150
    return read


def drive(operation: APIOperation, examples: int, send: Sender) -> None:
    """Valid and invalid input in turns. `send` gets the case with a number to choose by."""
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    # What a request meets depends on those before it: an example cannot be made smaller by sending others.
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, pick=st.integers(0, 4095))
    def sent(case: Case, pick: int) -> None:
        check(case, send(case, pick))

    sent()


def check(case: Case, answer: httpx.Response) -> None:
    """The answer is one of those that the description tells of, and a failure is a problem of a kind that is known."""
    case.validate_response(answer, checks=_CHECKS)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        told = answer.json()
        kind = kinds()[told["code"]]
        assert (told["type"], told["status"], row_of(kind).status) == (
            f"/problems/{kind.code}", answer.status_code, answer.status_code,
        )  # fmt: skip


def test_without_a_token_nothing_but_what_is_public_is_answered(
    api: Fuzzed, subtests: pytest.Subtests
) -> None:
    size = api.house.ledger.head().size

    for operation in operations(api):
        public = not operation.definition.raw.get("security")

        def send(case: Case, pick: int, public: bool = public) -> httpx.Response:
            answer = api.send(api.deepen(case, pick), None)
            assert public or answer.status_code == 401, answer.text
            return answer

        with subtests.test(operation.label):
            drive(operation, 2, send)

    assert api.house.ledger.head().size == size


def test_a_token_for_reading_incidents_orders_nothing_and_reads_nothing_else(
    api: Fuzzed, subtests: pytest.Subtests
) -> None:
    size = api.house.ledger.head().size

    def send(case: Case, pick: int) -> httpx.Response:
        if pick % 2 and "families" in case.path_parameters:
            case.path_parameters["families"] = "incidents"
        answer = api.send(api.deepen(case, pick), api.narrow)
        if answer.status_code < 300:
            assert case.path_parameters.get("families", "incidents") == "incidents"
            if case.path.startswith("/v1/process/"):
                assert (case.query or {}).get("family", "incident") in {"incident", "incidents"}
        return answer

    for operation in operations(api):
        with subtests.test(operation.label):
            drive(operation, 3, send)

    public = {one.label for one in operations(api) if not one.definition.raw.get("security")}
    done = {label for label, status in api.sent if status < 300}
    assert {"GET /v1/events", "GET /v1/{families}/{number}/history"} <= done
    assert done <= public | ABOUT_INCIDENTS_TOO
    assert api.house.ledger.head().size == size


def test_without_a_role_every_order_is_refused_or_anybodys(
    api: Fuzzed, subtests: pytest.Subtests
) -> None:
    for operation in operations(api):
        with subtests.test(operation.label):
            drive(operation, 3, lambda case, pick: api.send(api.deepen(case, pick), api.unheard))

    taken = {label for label, status in api.sent if status < 300 and label.startswith("POST")}
    assert taken
    assert taken <= ANYBODYS


def test_who_may_do_everything_gets_nothing_that_is_not_described(
    api: Fuzzed, subtests: pytest.Subtests
) -> None:
    def send(case: Case, pick: int) -> httpx.Response:
        if case.operation.label == OBSERVE:
            return api.send(api.observed(case, pick), api.source)
        # Every fourth is about whatever was made up.
        meant = api.deepen(case, pick) if pick % 4 else case
        return api.send(meant, api.sender(meant, pick))

    for operation in operations(api):
        with subtests.test(operation.label):
            for case, pick in documented(operation):
                check(case, send(case, pick))
            drive(operation, EXAMPLES, send)

    done = {label for label, status in api.sent if status < 300}
    assert len(done) > DONE_AT_LEAST, sorted(done)
    for token in api.staffed:
        still = api.ask("GET", "/v1/incidents?limit=1", {"Authorization": f"Bearer {token}"})
        assert still.status_code == 200, still.text


def documented(operation: APIOperation) -> Iterator[tuple[Case, int]]:
    """The example of each body that the operation takes, about several subjects, from several people."""
    body = operation.definition.raw.get("requestBody", {"content": {}})
    named: list[Any] = operation.definition.raw.get("parameters", [])
    at = {one["name"]: _AT.get(one["name"], "x") for one in named if one["in"] == "path"}
    for media_type, said in body["content"].items():
        for pick in _PICKS if at else (1,):
            said_again = deepcopy(said["example"])
            made = operation.Case(path_parameters={**at}, body=said_again, media_type=media_type)
            yield made, pick
