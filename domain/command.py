"""What a command is: an order, its guards, and the pure decision that turns it into events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from domain.errors import CanNot, Malformed
from domain.event import Event, Json, PersonalText, State
from domain.families import Family, kebab
from domain.parts import parts_in, services_in
from domain.population import NO_CENSUS, Census
from domain.rosters import POLICIES
from domain.thresholds import Thresholds, thresholds_in_force

ENVELOPE_FIELDS = {"reason", "comment"}


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision may look at. `now` is RFC 3339 text; `new_id` hands out ids, so that decisions stay pure.

    `states`: any subject's state by its id, `{}` or nothing for one that the ledger does not know; `rosters`:
    who stands on a roster (`domain/rosters.py`). Whatever a decision looks up there it rests on: it is taken
    again if that moves before the commit. `version`: the subject's, 0 for one that is created. `census` counts
    grants as they were at a position, which nothing moves.
    """

    subject: str
    state: State
    states: Mapping[str, State]
    actor: str
    now: str
    new_id: Callable[[], str]
    rosters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    version: int = 0
    on_behalf_of: str | None = None
    census: Census = NO_CENSUS

    @property
    def status(self) -> str | None:
        return self.state.get("status")

    @property
    def policy(self) -> State | None:
        """The policy in force, if there is one."""
        in_force = self.rosters.get(POLICIES)
        return self.states[in_force[-1]] if in_force else None

    @property
    def thresholds(self) -> Thresholds:
        """Those of the policy in force."""
        return thresholds_in_force((self.policy or {}).get("thresholds"))


@dataclass(frozen=True, slots=True)
class On:
    """An event of another subject than the command's, recorded with the others or not at all.

    It comes before the command's own: the last receipt of an order is about its subject.
    """

    subject: str
    event: Event


Events = Sequence["Event | On"]


class Command(BaseModel):
    """Base of every command. Subclass with `family=` and `yields=` (the event it is about).

    `verb` is the path segment, e.g. `put-on-hold`: the class name less the family's word, kebab-case.
    `creates`: the ledger hands out the subject's number; `by_verb`: and another command is the ordinary way to
    create one, so that this one is asked for by its verb. `vacuous`: guards that name what is not built
    yet; each event of the command lists them in `rules`. `needs_target`: the command is about an earlier
    entry, which the ledger looks up and hands to the command's own check (see `domain/correction.py`).
    """

    # Built when first used, as events are.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )

    family: ClassVar[Family]
    verb: ClassVar[str] = ""
    yields: ClassVar[type[Event]]
    creates: ClassVar[bool] = False
    by_verb: ClassVar[bool] = False
    needs_reason: ClassVar[bool] = False
    needs_target: ClassVar[bool] = False
    vacuous: ClassVar[tuple[str, ...]] = ()
    asked_of: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[Mapping[str, Any]] = {}

    reason: PersonalText | None = None

    def __init_subclass__(
        cls, *, yields: type[Event] | None = None, verb: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if yields is None:
            return
        cls.yields = yields
        cls.family = yields.family
        cls.creates = cls.creates or yields.from_statuses == ()
        cls.verb = verb or command_verb(cls.family, cls.__name__)
        key = (cls.family.name, cls.verb)
        if key in COMMANDS:
            raise TypeError(f"{key} is registered twice")
        COMMANDS[key] = cls

    def reads(self) -> tuple[str, ...]:
        """Other subjects the decision will look at, so that those of a group are looked up together."""
        return ()

    def names_entry(self) -> int | None:
        """The position of an entry that the order names. The ledger refuses it where none stands there."""
        return None

    def parts(self, case: Case) -> Mapping[str, Iterable[str]]:
        """Who has played which part so far: part → principals. What separation of duties compares with."""
        return parts_in(self.family.name, case.state)

    def services(self, case: Case) -> Iterable[str]:
        """What it is about, for grants that count for some services only."""
        return services_in(self.family.name, case.state)

    def circumstances(self, case: Case) -> Iterable[str]:
        """What a policy may ask about beyond who acts, as words: `lowers-priority`, `overlaps-freeze`."""
        return ()

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> "Command | None":
        """The order that an event of it tells of: to ask again who might have given it. None: it tells too little.

        By default the members of both that have one name; others are None. It is not validated: what was
        recorded stands. `asked_of`: the members that parts, services or circumstances are told from.
        """
        given = {name: data.get(name) for name in cls.model_fields}
        if any(given[name] is None for name in cls.asked_of):
            return None
        return cls.model_construct(**given)

    def decide(self, case: Case) -> Events:
        """The events that carry the order out. Raises CanNot. Pure: same case, same events.

        Unless a command says otherwise, its event asserts the members that the command gave.
        """
        return self.stating(**self.given())

    def stating(self, **members: Any) -> list[Event]:
        """The one event that this command is about, stating `members`."""
        return [self.yields(**members)]

    def given(self) -> dict[str, Any]:
        """The fields that were set, less what belongs into the envelope."""
        return self.model_dump(exclude_unset=True, exclude=ENVELOPE_FIELDS)

    def attributes(self) -> dict[str, str | int]:
        """What is said but is not state, for the envelope (`reason`, `comment`)."""
        return self.model_dump(include=ENVELOPE_FIELDS, exclude_none=True)

    def vacuous_guards(self, case: Case) -> tuple[str, ...]:
        return self.vacuous


COMMANDS: dict[tuple[str, str], type[Command]] = {}


def command_verb(family: Family, class_name: str) -> str:
    """`PutIncidentOnHold` → `put-on-hold`, `AssignIncident` → `assign`."""
    word = family.words[0]
    return kebab(class_name.replace(word, "", 1)) or kebab(class_name)


def command_class(family: str, name: str) -> type[Command]:
    """Raises Malformed."""
    try:
        return COMMANDS[(family, name)]
    except KeyError:
        known = sorted(n for f, n in COMMANDS if f == family)
        raise Malformed(
            f"{family} has no command {name!r}; it has {', '.join(known)}",
            family=family,
            command=name,
        ) from None


def creating_command(family: str) -> type[Command] | None:
    """The ordinary one; of a family that is only observed, none."""
    creating = (c for (f, _), c in COMMANDS.items() if f == family and c.creates)
    return next((command for command in creating if not command.by_verb), None)


def decide(command: Command, case: Case) -> Events:
    """Can it be done? The state machine first, then the command's own guards.

    Raises CanNot, naming the transition or the guard.
    """
    event = command.yields
    if not event.takes_place_in(case.status):
        raise CanNot(
            f"{case.subject} is {case.status}; {command.verb} is possible from "
            f"{', '.join(event.from_statuses or ()) or 'a new subject only'}",
            rules=("transition",),
            subject=case.subject,
            status=case.status,
            event=event.type_name,
        )
    if command.needs_reason and not command.reason:
        raise CanNot(
            f"{command.verb} needs a reason", rules=("reason-required",), subject=case.subject
        )
    return command.decide(case)


def require(holds: bool, rule: str, message: str, case: Case) -> None:
    """Raise CanNot by the guard `rule` unless it holds."""
    if not holds:
        raise CanNot(message, rules=(rule,), subject=case.subject)
