"""The two ways in by which orders are given and records are read: REST and the command line.

Both are asked the same and say what came of it in the same words, so that one table proves both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from click.testing import CliRunner
from typer.main import get_command

from api.cli.commands import app
from api.errors import EXIT_NOT_SIGNED_IN, EXIT_REFUSED
from domain.families import FAMILIES
from tests.ways_in.house import Ways
from tests.ways_in.seats import Patch
from tests.ways_in.situations import Situation


@dataclass(frozen=True)
class Answer:
    """`outcome`: done, may-not, not-signed-in, no-such-address, or whatever else came.

    `rules`: that refused, or that permitted what was done; of reading, which names none, nothing.
    """

    outcome: str
    rules: tuple[str, ...] = ()
    told: Any = None


Ordering = Callable[[Ways, Situation, str], Answer]
Reading = Callable[[Ways, str, str], Answer]


def ordered_by_rest(ways: Ways, made: Situation, token: str) -> Answer:
    path, body = _address(made)
    more = {} if made.on_behalf_of is None else {"On-Behalf-Of": made.on_behalf_of}
    answer = ways.client.send("POST", path, token, body, more)
    if answer.is_success:
        told = answer.json()
        receipt = told.get("receipt", told)
        return Answer("done", ways.rules_of(receipt["position"]), told)
    return _refused(answer)


def read_by_rest(ways: Ways, subject: str, token: str) -> Answer:
    family, _, number = subject.partition("/")
    path = f"/v1/{FAMILIES[family].plural}/{number}/history"
    answer = ways.client.send("GET", path, token)
    return Answer("done", (), answer.json()) if answer.is_success else _refused(answer)


def ordered_by_cli(ways: Ways, made: Situation, token: str) -> Answer:
    whose = () if made.on_behalf_of is None else ("--on-behalf-of", made.on_behalf_of)
    done = _shell(ways, token, *_said_in_a_shell(made), *whose, "--json")
    if done.outcome != "done":
        return done
    last = done.told["receipts"][-1] if "receipts" in done.told else done.told
    return Answer("done", ways.rules_of(last["position"]), done.told)


def _said_in_a_shell(made: Situation) -> tuple[str, ...]:
    family, verb, body = made.command.family.name, made.command.verb, made.body
    match family, verb:
        case "ledger", "erase":
            return "erase", body["target"], "--reason", body["reason"]
        case "ledger", "issue-token":
            scopes = [part for scope in body["scopes"] for part in ("--scope", scope)]
            return "token", "issue", body["principal"], *scopes
        case _:
            named = () if made.subject is None else (made.subject,)
            return "order", family, verb, *named, "--data", json.dumps(body)


def read_by_cli(ways: Ways, subject: str, token: str) -> Answer:
    return _shell(ways, token, "history", subject, "--json")


COMMANDS = get_command(app)
"""Made once: that is most of what a command costs in one process."""

ORDERING: Mapping[str, Ordering] = {"rest": ordered_by_rest, "cli": ordered_by_cli}
READING: Mapping[str, Reading] = {"rest": read_by_rest, "cli": read_by_cli}


def _refused(answer: httpx.Response) -> Answer:
    told = answer.json()
    outcome = {(403, "may-not"): "may-not", (401, "unauthenticated"): "not-signed-in"}.get(
        (answer.status_code, told.get("code")), str(told.get("code"))
    )
    return Answer(outcome, tuple(told.get("rules", ())), told)


def _shell(ways: Ways, token: str, *arguments: str) -> Answer:
    env = {"ITSM_LEDGER_DATABASE_URL": ways.database_url, "ITSM_LEDGER_TOKEN": token}
    done = CliRunner().invoke(
        COMMANDS,  # type: ignore[arg-type]  # of the copy of click that typer brings, alike in shape
        list(arguments),
        env=env,
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    if done.exit_code == 0:
        return Answer("done", (), json.loads(done.stdout))
    said = re.match(r"itsm-ledger: (.*) \[([a-z-]+)\]\n", done.stderr)
    assert said is not None, done.stderr
    match done.exit_code, said[2]:
        case int(code), "may-not" if code == EXIT_REFUSED:
            # The sentence ends with the rules that refused; of reading, it says what may not be read.
            rules = said[1].rpartition(": ")[2].split(", ") if ": " in said[1] else []
            return Answer("may-not", tuple(rules), done.stderr)
        case int(code), "unauthenticated" if code == EXIT_NOT_SIGNED_IN:
            return Answer("not-signed-in", (), done.stderr)
        case _, other:
            return Answer(other, (), done.stderr)


def _address(made: Situation) -> tuple[str, Patch]:
    family, verb = made.command.family, made.command.verb
    if family.name == "ledger":
        return _of_the_ledger(made)
    path = f"/v1/{family.plural}"
    if made.subject is not None:
        path += f"/{made.subject.partition('/')[2]}/{verb}"
    elif made.command.by_verb:
        path += f"/{verb}"
    return path, made.body


def _of_the_ledger(made: Situation) -> tuple[str, Patch]:
    """The ledger's own acts have addresses of their own, which say what some of them are about."""
    said = {name: told for name, told in made.body.items() if name not in _ADDRESSED}
    match made.command.verb:
        case "issue-token":
            return "/v1/tokens", said
        case "revoke-token":
            return f"/v1/tokens/{str(made.subject).partition('/')[2]}/revoke", said
        case "erase":
            family, _, number = made.body["target"].partition("/")
            return f"/v1/{FAMILIES[family].plural}/{number}/erase", said
        case "place-legal-hold":
            return "/v1/holds", {**said, "target": made.body["target"]}
        case "lift-legal-hold":
            return f"/v1/holds/{made.body['hold']}/lift", said
        case "register-webhook":
            made_up = {*_MADE_BY_THE_LEDGER, "after"}
            return "/v1/webhooks", {name: said[name] for name in said if name not in made_up}
        case verb if "webhook" in verb:
            address = f"/v1/webhooks/{str(made.subject).partition('/')[2]}/{verb.split('-')[0]}"
            return address, {name: said[name] for name in said if name not in _MADE_BY_THE_LEDGER}
        case verb:
            return f"/v1/ledgers/LDG0000001/{verb}", said


_MADE_BY_THE_LEDGER = {"scopes", "secret", "because"}
_ADDRESSED = {"target", "hold", "token_hash"}
"""What the path says, or the ledger itself."""
