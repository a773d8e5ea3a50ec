"""The two ways in by which sources tell facts: CloudEvents and files with a mapping.

What an order of the table would have made is told instead, of the same subject, as having been done by the
same person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.importing.mapping import parse_mapping
from api.importing.run import run_import
from domain.correction import FactCorrected
from domain.event import Event
from ledger.entry import Entry
from ledger.genesis import OPERATOR
from ledger.govern import Actor
from tests.domain.policy_cases.case import Case
from tests.ways_in.house import Ways
from tests.ways_in.matrix import command_of
from tests.ways_in.seats import Patch
from tests.ways_in.situations import Situation

SOMEBODY = "Eve Moreau"
"""As a source names people."""
TICKETS = ("incident", "request", "problem", "change")
"""Of what orders are about, that which confers no authority."""
TIME = "2026-03-02T09:30:00Z"


@dataclass(frozen=True)
class Told:
    """A fact of a case: its type, its subject, and who is said to have done it."""

    type: type[Event]
    subject: str
    actor: str

    @property
    def is_governed(self) -> bool:
        """Said here without the code that decides it."""
        return self.type.family.name not in TICKETS

    @property
    def data(self) -> Patch:
        """The example of the type, with people named as a source names them."""
        data = deepcopy(dict(self.type.example))
        for member in self.type.persons:
            if data.get(member):
                data[member] = SOMEBODY
        for member, names in self.type.persons_in_records.items():
            for record in data.get(member, {}).values():
                record.update({name: SOMEBODY for name in names if name in record})
        return data


def facts_of(ways: Ways, case: Case, source: str) -> Iterator[Told]:
    """A fact for each order of the case, once all is so that the order would meet.

    Corrections are left out: they are ordered, since the ledger computes what they say.
    """
    for question in case.questions():
        command = command_of(question)
        if command is None or issubclass(command.yields, FactCorrected):
            continue
        made, _ = ways.standing(question, owner=source)
        yield Told(command.yields, _subject(made), made.actor)


def _subject(made: Situation) -> str:
    number = made.actor.partition("/")[2].replace("ACTOR", "NEW")
    return made.subject or f"{made.command.family.name}/{number}"


def sent(ways: Ways, facts: Sequence[Told], token: str, uri: str) -> list[dict[str, Any]]:
    """What the ledger says to each of them, told as one batch of CloudEvents."""
    batch = [
        {
            "specversion": "1.0",
            "id": f"{fact.subject} {fact.actor}",
            "source": uri,
            "type": fact.type.type_name,
            "subject": fact.subject,
            "time": TIME,
            "authid": fact.actor,
            "data": fact.data,
        }
        for fact in facts
    ]
    kind = "application/cloudevents-batch+json"
    answer = ways.client.send("POST", "/v1/events", token, batch, {"Content-Type": kind})
    told = answer.json()
    return list(told["results"]) if answer.is_success else [told] * len(batch)


def imported(ways: Ways, directory: Path, facts: Sequence[Told], source: str) -> None:
    """Take a file that tells each of them in a row, by a mapping of the family's facts.

    Raises MappingInvalid.
    """
    (family,) = {fact.type.family.name for fact in facts}
    mapping = parse_mapping(json.dumps(_mapping(family, facts, source)).encode(), "ways.yaml")
    file = directory / f"{family}.jsonl"
    rows = (
        {
            "number": fact.subject.partition("/")[2],
            "told": fact.type.type_name,
            "at": TIME,
            "by": fact.actor,
        }
        for fact in facts
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    run_import(ways.house, file, mapping, Actor(OPERATOR, "system"))


def _mapping(family: str, facts: Sequence[Told], source: str) -> dict[str, Any]:
    rules = [
        {
            "event": type_.type_name,
            "when": {"is": {"told": [type_.type_name]}},
            "members": {
                member: {"value": value}
                for member, value in Told(type_, "", "").data.items()
                if isinstance(value, str | int)
            },
        }
        for type_ in {fact.type: None for fact in facts}
    ]
    return {
        "mapping": "ways",
        "source": source,
        "file": {"format": "jsonl"},
        "number": "number",
        "family": family,
        "time": {"column": "at", "formats": ["iso"]},
        "actor": "by",
        "events": rules,
    }


def last_entry(ways: Ways, fact: Told) -> Entry:
    return ways.ledger.entries_of(fact.subject)[-1]
