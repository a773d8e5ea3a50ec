"""Observe: it happened elsewhere. A well-formed fact of a registered type is always recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from domain.commitment import claims_commitment
from domain.correction import FactCorrected
from domain.errors import Malformed, MayNot, NotTheOwner, Refused
from domain.event import Event, Json
from domain.families import GOVERNED_FAMILIES
from domain.principal import Kind
from ledger.corrections import type_of_target
from ledger.entry import Correction, Draft
from ledger.proposal import Unordered
from ledger.refusals import Attempt, attempt_of
from ledger.taken import Request
from ledger.view import Needs, View


@dataclass(slots=True)
class Observation:
    """A fact as its source tells it, checked when it is made.

    `data` is what the type allows to say; its times are brought to UTC. `time`: RFC 3339 UTC text with
    microseconds. `actor`: a principal id, or the name the source uses. `said`: `reason`, `comment`,
    `correlationid`, `causationid`. Raises Malformed, or MayNot for what confers authority.
    """

    event: type[Event]
    subject: str
    data: Mapping[str, Json]
    time: str
    id: str
    source: str
    actor: str | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    is_checked: bool = False
    correction: Correction | None = None
    """What a `fact-corrected` event is about. Its `data` is then empty: the ledger computes them."""

    def __post_init__(self) -> None:
        event = self.event
        if event.family.name in GOVERNED_FAMILIES:
            raise MayNot(
                f"{event.type_name} confers authority; it is recorded under govern only",
                rules=("govern-only",),
                type=event.type_name,
            )
        if issubclass(event, FactCorrected) is (self.correction is None):
            raise Malformed(
                f"{FactCorrected.__name__} and a correction go together; got {event.type_name} "
                f"{'without' if self.correction is None else 'with'} one"
            )
        if self.is_checked:
            return
        read = event.from_data(self.data)
        if event.moments:
            told = [member for member in event.moments if self.data.get(member) is not None]
            self.data = {**self.data, **{member: getattr(read, member) for member in told}}
        if any(map(claims_commitment, (*self.data.values(), *self.said.values()))):
            raise Malformed("`sd:` commitments are made by the ledger; send the plain value")


def check_stated(event: type[Event], stated: Mapping[str, Json]) -> None:
    """May an observed fact of this type state these members? Raises Malformed.

    No type looks at two of its members together, so members that pass one by one pass as one patch. An
    importer asks once for each value that it meets, not once for each fact.
    """
    event.from_data(stated)
    if any(map(claims_commitment, stated.values())):
        raise Malformed("`sd:` commitments are made by the ledger; send the plain value")


@dataclass(slots=True)
class RowIdentity:
    """Which row of which source's file this is: taken once, whatever it became."""

    source: str
    number: str
    ordinal: int


@dataclass(slots=True)
class ObserveProposal(Unordered):
    """Facts of one source that are recorded together, consecutively, or not at all.

    `recorder` is the source's principal. `services`: the names of those who are no persons. `was_seen`: the
    row had been taken before; nothing was recorded.
    """

    facts: Sequence[Observation]
    recorder: str
    request: Request | None = None
    row: RowIdentity | None = None
    services: Collection[str] = ()
    was_seen: bool = False

    def attempt(self, error: Refused, at: str) -> Attempt | None:
        """A fact that comes from a file is counted by the run that reads the file."""
        if self.row is not None:
            return None
        return attempt_of(self.recorder, "observe", self.facts[0].subject, error, at)

    def foresee(self, needs: Needs) -> None:
        if self.row is not None:
            needs.rows.append((self.row.source, self.row.number, self.row.ordinal))
        for fact in self.facts:
            needs.subjects.add(fact.subject)
            people = [fact.actor, *map(fact.data.get, fact.event.persons)]
            if fact.event.persons_in_records:
                people += [record[name] for record, name in _people_in(fact.event, fact.data)]
            for named in people:
                if named is not None and not named.startswith("principal/"):
                    needs.people.add((named, self.recorder))

    def settle(self, view: View) -> list[Draft]:
        self._check_recorder(view)
        if self.row is not None:
            at = (self.row.source, self.row.number, self.row.ordinal)
            self.was_seen = view.taken.has_row(at)
            if self.was_seen:
                return []
            view.taken.take_row(at)
        return [draft for fact in self.facts for draft in self._drafts(fact, view)]

    def _check_recorder(self, view: View) -> None:
        if self.recorder in view.trusted_recorders:
            return
        state = view.load(self.recorder).state
        if state.get("status") != "registered" or state.get("mode") != "observe":
            raise MayNot(
                f"{self.recorder} is not a registered source in observe mode",
                rules=("observing-source",),
                recorder=self.recorder,
            )
        view.trusted_recorders.add(self.recorder)

    def _drafts(self, fact: Observation, view: View) -> list[Draft]:
        loaded = view.load(fact.subject)
        if loaded.version and loaded.owner != self.recorder and not fact.event.common:
            raise NotTheOwner(
                f"{fact.subject} is recorded by {loaded.owner or 'the ledger itself'}; "
                "only common events may be added to it",
                rules=("one-recorder-per-subject",),
                subject=fact.subject,
                owner=loaded.owner,
            )
        drafts: list[Draft] = []
        data = {**fact.event.asserts, **fact.data}
        for member in fact.event.persons:
            if data.get(member) is not None:
                data[member] = self._person(data[member], view, drafts)
        if fact.event.persons_in_records:
            data = self._with_records(fact.event, data, view, drafts)
        actor = self.recorder if fact.actor is None else self._person(fact.actor, view, drafts)
        is_service = fact.actor is None or fact.actor in self.services
        said: dict[str, str | int] = {
            "authtype": "service_account" if is_service else "user",
            "authid": actor,
            "recordedby": self.recorder,
            "decision": "observed",
            **fact.said,
        }
        draft = Draft(
            fact.subject, fact.event, data, fact.time, fact.id, fact.source, said, self.recorder
        )
        if fact.correction is not None:
            draft.correction = self._with_principals(fact.correction, view, drafts)
        drafts.append(draft)
        return drafts

    def _with_principals(
        self, correction: Correction, view: View, drafts: list[Draft]
    ) -> Correction:
        replacement = dict(correction.replacement)
        target = type_of_target(view.entry_at, correction)
        for member in target.persons:
            if isinstance(replacement.get(member), str):
                replacement[member] = self._person(replacement[member], view, drafts)
        replacement = self._with_records(target, replacement, view, drafts)
        return replace(correction, replacement=replacement)

    def _with_records(
        self, event: type[Event], data: Mapping[str, Json], view: View, drafts: list[Draft]
    ) -> dict[str, Json]:
        """The data with principals in the place of names inside its records. What the source sent stays as it was."""
        copy = {**data, **deepcopy({m: data[m] for m in event.persons_in_records if m in data})}
        for record, name in _people_in(event, copy):
            record[name] = self._person(record[name], view, drafts)
        return copy

    def _person(self, named: str, view: View, drafts: list[Draft]) -> str:
        if not named.startswith("principal/"):
            kind: Kind = "service" if named in self.services else "person"
            principal, introduction = view.person(named, self.recorder, kind)
            drafts += introduction
            return principal
        if not view.load(named).version:
            raise Malformed(f"{named} is not a known principal; send the name", principal=named)
        return named


def _people_in(
    event: type[Event], data: Mapping[str, Json]
) -> Iterator[tuple[dict[str, Json], str]]:
    """(record, field) wherever a record inside the data names a person."""
    for member, fields in event.persons_in_records.items():
        stated = data.get(member)
        for record in stated.values() if isinstance(stated, dict) else ():
            if isinstance(record, dict):
                yield from ((record, name) for name in fields if isinstance(record.get(name), str))
