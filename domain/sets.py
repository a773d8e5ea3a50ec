"""Sets as states hold them: an object of name → true, so that no order of an array can matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.event import Json, PrincipalId, Text

NameSet = dict[Text, bool | None]
PeopleSet = dict[PrincipalId, bool | None]


def set_of(names: Iterable[str]) -> dict[str, bool]:
    return dict.fromkeys(names, True)


def members(stands: Mapping[str, Json] | None) -> frozenset[str]:
    """Who or what is in the set; of a member that is missing, nothing."""
    return frozenset(name for name, is_in in (stands or {}).items() if is_in)


def only_one(records: Mapping[str, Json] | None) -> tuple[str | None, Mapping[str, Json]]:
    """Id and record of the one record that an order adds to a collection; where there are more or none, neither."""
    if records is None or len(records) != 1:
        return None, {}
    ((name, record),) = records.items()
    return name, record or {}


def replacing(stands: Mapping[str, Json] | None, names: Iterable[str]) -> dict[str, bool | None]:
    """The patch after which exactly `names` are in the set."""
    wanted = set_of(names)
    return {**dict.fromkeys(members(stands) - wanted.keys(), None), **wanted}
