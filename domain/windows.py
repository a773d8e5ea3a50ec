"""Windows of time: when a change is implemented, how long a freeze stands. Both ends are canonical text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.event import MOMENT, Moment


@with_config(ConfigDict(extra="forbid", strict=True))
class Window(TypedDict):
    """From `start`, inclusive, to `end`, exclusive."""

    start: Moment
    end: Moment


def _in_order(window: Window) -> Window:
    if window["start"] >= window["end"]:
        raise ValueError("a window ends after it starts")
    return window


StatedWindow = Annotated[Window, MOMENT]
"""As an event states it, and a source may have said it the wrong way round."""
OrderedWindow = Annotated[Window, AfterValidator(_in_order)]
"""As a command gives it."""
Span = Window | Mapping[str, str]


def overlap(one: Span, other: Span) -> bool:
    """Have they a moment in common? What ends when the other starts has not."""
    return one["start"] < other["end"] and other["start"] < one["end"]


def inside(one: Span, other: Span) -> bool:
    """Does no moment of `one` lie outside `other`?"""
    return other["start"] <= one["start"] and one["end"] <= other["end"]
