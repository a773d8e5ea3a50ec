"""Refusals: that somebody ordered what they may not, or what cannot be done. Recorded on who ordered it."""

from __future__ import annotations

from typing import Any, ClassVar, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12

from domain.event import Count, Event, Moment, PrincipalId, Text


@with_config(ConfigDict(extra="forbid", strict=True))
class Refusal(TypedDict):
    """`subject`: what it was about, `<family>/new` for what was to be created. `code`: `may-not`, `can-not` …

    `on_behalf_of`: for whom the principal meant to act, `null` for itself.
    """

    action: Text
    subject: Text
    code: Text
    at: Moment
    on_behalf_of: NotRequired[PrincipalId | None]


class OrderRefused(Event, family="principal"):
    """An order of the principal was refused, by the rules that the envelope names. Nothing else came of it.

    `refusals`: how many there have been. It grows by more than one where they came too fast to be recorded
    one by one: then those in between are counted, and only the last of them is told.
    """

    example: ClassVar[dict[str, Any]] = {
        "refusals": 3,
        "last_refusal": {
            "action": "incident:close",
            "subject": "incident/INC0010001",
            "code": "may-not",
            "at": "2026-03-02T09:30:00.000000Z",
        },
    }

    refusals: Count
    last_refusal: Refusal
