"""What an event type is: a frozen model of the members that its `data` asserts.

A class states the members of an RFC 7396 merge patch on its subject's state. What every event of the
type asserts alike (the status it moves to, the members it clears) stands in `asserts`; what differs
from one to the next are fields. Fields that were not given are not asserted and stay out of `data`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from typing_extensions import get_type_hints, is_typeddict  # of its own TypedDicts too

from domain.errors import Malformed, UnknownType
from domain.families import FAMILIES, Family, event_type
from domain.moments import canonical_time

Json = Any  # what orjson reads and writes: dict, list, str, int, bool, None; never a float
State = Mapping[str, Json]
"""The fold of a subject's `data`. `{}` is a subject that does not exist."""

MAX_SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str


PERSONAL = _Mark("personal")
PERSON = _Mark("person")
MOMENT = _Mark("moment")

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
PersonalText = Annotated[str, StringConstraints(min_length=1, max_length=20_000), PERSONAL]
"""Free text or a name. Stands in the entry as a commitment, never as itself."""
Principal = Annotated[str, StringConstraints(min_length=1, max_length=200), PERSON]
"""`principal/PRN…`. An observing source may say a name instead, which becomes a referenced principal."""
PrincipalId = Annotated[str, StringConstraints(pattern=r"^principal/[A-Za-z0-9._:-]{1,128}$")]
"""A principal by its id, where a name will not do: in commands, and inside nested objects."""
Subject = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Level = Annotated[int, Field(ge=1, le=5)]
"""Impact, urgency or priority. 1 is the highest."""
Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


def _microseconds(value: str) -> str:
    """RFC 3339 in UTC with six decimals, so that times sort as text."""
    try:
        return canonical_time(value)
    except Malformed as fault:
        # As pydantic expects it, so that the fault is told with the name of the member.
        raise ValueError(fault.message) from None


_DATE_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[str, AfterValidator(_microseconds), MOMENT, _DATE_TIME]
"""RFC 3339 UTC with microseconds. Another zone is converted; a time without zone is refused."""


class Event(BaseModel):
    """Base of every event type. Subclass with `family=`, and `source=`/`to=` for a transition.

    A later `version=` of a type only adds members; `domain.upcasting` lifts the former to it for typed readers.
    `source=()` creates the subject, `source=None` holds in any state; `to=None` leaves the status.
    """

    # Built when first used: a short command uses a few of some three hundred types.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True
    )

    family: ClassVar[Family]
    type_name: ClassVar[str] = ""
    from_statuses: ClassVar[tuple[str, ...] | None] = None
    to_status: ClassVar[str | None] = None
    asserts: ClassVar[Mapping[str, Json]] = {}
    personal: ClassVar[tuple[str, ...]] = ()
    personal_within: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Members that hold objects by their ids, and which members of those objects are personal."""
    persons: ClassVar[tuple[str, ...]] = ()
    persons_in_records: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Members that are objects of records by id → which fields of a record name a person."""
    moments: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[Mapping[str, Json]] = {}
    common: ClassVar[bool] = False
    derives: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        family: str | None = None,
        source: tuple[str, ...] | None = None,
        to: str | None = None,
        version: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if family is None:
            return
        cls.family = FAMILIES[family]
        cls.type_name = event_type(cls.family, cls.__name__, version)
        cls.from_statuses, cls.to_status = source, to
        if to is not None:
            cls.asserts = {"status": to, **cls.asserts}

    @classmethod
    def __pydantic_init_subclass__(cls, *, family: str | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.personal = tuple(_marked(cls.model_fields, PERSONAL))
        cls.personal_within = dict(_marked_within(cls.model_fields, PERSONAL))
        cls.persons = tuple(_marked(cls.model_fields, PERSON))
        cls.moments = tuple(_marked(cls.model_fields, MOMENT))
        cls.persons_in_records = dict(_marked_within(cls.model_fields, PERSON))
        if family is not None:
            if cls.type_name in EVENT_TYPES:
                raise TypeError(f"{cls.type_name} is registered twice")
            EVENT_TYPES[cls.type_name] = cls

    def data(self) -> dict[str, Json]:
        """The merge patch: what the type always asserts, then the fields that were given."""
        return {**self.asserts, **self.model_dump(exclude_unset=True)}

    @classmethod
    def from_data(cls, data: Mapping[str, Json]) -> Self:
        """The typed reading of a patch. Raises Malformed, naming the members and never their values."""
        asserts, given = cls.asserts, data
        if not asserts.keys().isdisjoint(data):
            for member, constant in asserts.items():
                if data.get(member, constant) != constant:
                    raise Malformed(
                        f"{cls.type_name} states {member}={constant!r}; got another value",
                        member=member,
                    )
            given = {member: value for member, value in data.items() if member not in asserts}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise Malformed(f"{cls.type_name}: {told(error)}", type=cls.type_name) from None

    @classmethod
    def derived(cls, state: State) -> Mapping[str, Json]:  # noqa: ARG003 - types that derive use it
        """Of a type that `derives`: members that follow from the state with this event in it, as entries hold it.

        The ledger states them in the event under its lock, when it was ordered: no decision can know a hash
        over commitments that are not made yet.
        """
        return {}

    @classmethod
    def takes_place_in(cls, status: str | None) -> bool:
        """Does the state machine know this event at this status? `None`: the subject is new."""
        if cls.from_statuses is None:
            return True
        if not cls.from_statuses:
            return status is None
        return status in cls.from_statuses


EVENT_TYPES: dict[str, type[Event]] = {}
"""The closed registry: a stored type name is looked up here and nowhere else."""


def event_class(type_name: str) -> type[Event]:
    """Raises UnknownType."""
    try:
        return EVENT_TYPES[type_name]
    except KeyError:
        raise UnknownType(f"{type_name!r} is not a registered event type", type=type_name) from None


def events_of(family: str) -> list[type[Event]]:
    return [cls for cls in EVENT_TYPES.values() if cls.family.name == family]


def told(error: ValidationError) -> str:
    """`member: what is wrong` for each fault, without the offending values: they may be personal."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False, include_context=False)
    )


def _marked(fields: Mapping[str, FieldInfo], mark: _Mark) -> Iterator[str]:
    for name, info in fields.items():
        if mark in info.metadata or mark in _nested_marks(info.annotation):
            yield name


def _marked_within(
    fields: Mapping[str, FieldInfo], mark: _Mark
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, info in fields.items():
        members = [
            member
            for shape in _object_shapes(info.annotation)
            for member, kind in get_type_hints(shape, include_extras=True).items()
            if mark in _nested_marks(kind)
        ]
        if members:
            yield name, tuple(members)


def _object_shapes(annotation: Any) -> Iterator[type]:
    """The typed dictionaries inside `dict[Id, Shape] | None`."""
    if is_typeddict(annotation):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _object_shapes(argument)


def _nested_marks(annotation: Any) -> Iterator[object]:
    """The marks inside a union such as `PersonalText | None`."""
    yield from getattr(annotation, "__metadata__", ())
    for argument in getattr(annotation, "__args__", ()):
        yield from _nested_marks(argument)
