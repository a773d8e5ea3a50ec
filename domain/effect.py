"""What a subject's facts add up to, on either basis, once some of them were corrected.

`known`: what the ledger said. `data` alone, folded by position; a correction's own `data` was computed
so that this is enough. `effect`: what was so. Each fact's highest-position correction stands in its
place, and the facts are folded by when they happened. (DESIGN.md: "known", "effect", "Corrections".)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from domain.event import Json
from domain.fold import fold


class Fact(NamedTuple):
    """An entry, as far as folding it goes. Times are canonical text, which sorts as it happened.

    Of a correction, `corrects` is the position of the fact it corrects, `replacement` the patch that
    should have stood there (`{}` retracts) and `effectivetime` when it really happened, if that was
    wrong too.
    """

    position: int
    time: str
    recordedtime: str
    data: dict[str, Json]
    corrects: int | None = None
    replacement: dict[str, Json] | None = None
    effectivetime: str | None = None


class Standing(NamedTuple):
    """A fact with its correction in its place. `time`, then `position`, is the order of effect.

    `said_by`: the position of the entry whose word it is, the fact's own or its correction's.
    """

    time: str
    position: int
    data: dict[str, Json]
    said_by: int


def standing(facts: Iterable[Fact]) -> list[Standing]:
    """Each fact as it stands among `facts`, in the order given; corrections drop out."""
    facts = list(facts)
    newest = _newest_corrections(facts)
    if not newest:
        return [Standing(f.time, f.position, f.data, f.position) for f in facts]
    return [_in_place(fact, newest.get(fact.position)) for fact in facts if fact.corrects is None]


def known_state(facts: Iterable[Fact]) -> dict[str, Json]:
    """What the ledger said once it had taken `facts`."""
    return _folded(fact.data for fact in sorted(facts, key=_position))


def effect_state(facts: Iterable[Fact], *, until: str | None = None) -> dict[str, Json]:
    """What was so at `until` (inclusive; None: at the end), as far as `facts` tell."""
    return fold_in_effect(one for one in standing(facts) if until is None or one.time <= until)


def fold_in_effect(facts: Iterable[Standing]) -> dict[str, Json]:
    """The fold by (time, position)."""
    return _folded(fact.data for fact in sorted(facts))


def correction_data(facts: Sequence[Fact], correction: Fact) -> dict[str, Json]:
    """What `correction` must state so that folding `data` by position gives the corrected state.

    `facts`: all of the subject's entries before it. Every member that its target, an earlier correction
    of the target, or the replacement names gets its value in the position-order fold with all
    corrections in place: null where that has none, and null inside objects for what is gone from them.
    """
    known = known_state(facts)
    corrected = _folded(
        fact.data for fact in sorted(standing([*facts, correction]), key=lambda one: one.position)
    )
    return {
        member: _patch_between(known.get(member), corrected.get(member))
        for member in _members_named(facts, correction)
    }


def _members_named(facts: Iterable[Fact], correction: Fact) -> list[str]:
    """In the order in which they were first named, so that the data is the same for everybody."""
    named: dict[str, None] = {}
    for fact in sorted(facts, key=_position):
        if fact.position == correction.corrects:
            named.update(dict.fromkeys(fact.data))
        elif fact.corrects == correction.corrects:
            named.update(dict.fromkeys(fact.replacement or {}))
    named.update(dict.fromkeys(correction.replacement or {}))
    return list(named)


def _patch_between(before: Json, after: Json) -> Json:
    """The patch that turns the member `before` into `after`, stating all of `after`."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    patch = {name: _patch_between(before.get(name), value) for name, value in after.items()}
    return patch | {name: None for name in before if name not in after}


def _newest_corrections(facts: Iterable[Fact]) -> dict[int, Fact]:
    newest: dict[int, Fact] = {}
    for fact in facts:
        if fact.corrects is None:
            continue
        earlier = newest.get(fact.corrects)
        if earlier is None or earlier.position < fact.position:
            newest[fact.corrects] = fact
    return newest


def _in_place(fact: Fact, correction: Fact | None) -> Standing:
    if correction is None:
        return Standing(fact.time, fact.position, fact.data, fact.position)
    # A later correction that restates no time does not keep an earlier one's: it stands alone.
    time = correction.effectivetime or fact.time
    return Standing(time, fact.position, correction.replacement or {}, correction.position)


def _folded(patches: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    return fold(patches)  # type: ignore[arg-type]  # JSON objects: `domain.event` says it looser


def _position(fact: Fact) -> int:
    return fact.position
