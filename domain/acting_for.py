"""Acting on somebody's behalf: who can be acted for at all, and by whom.

Which of their roles they delegated, and whether that counts now, is the policy's question (`authority.py`).
"""

from __future__ import annotations

from domain.command import Case
from domain.errors import Malformed, MayNot


def check_acting_for(case: Case) -> None:
    """Nothing to check for who acts in their own name.

    Raises Malformed for oneself and for who is not known; MayNot for a source that acts, and for somebody who
    is not registered, or no longer.
    """
    holder = case.on_behalf_of
    if holder is None:
        return
    if holder == case.actor:
        raise Malformed(
            f"{holder} acts already; leave out on whose behalf, which is somebody else's",
            on_behalf_of=holder,
        )
    state = case.states.get(holder)
    if not state or not holder.startswith("principal/"):
        raise Malformed(f"{holder} is not a known principal", on_behalf_of=holder)
    if case.states.get(case.actor, {}).get("kind") == "source":
        raise MayNot(
            f"{case.actor} is a source; it acts for nobody but itself",
            rules=("source-acts-for-itself",),
            on_behalf_of=holder,
        )
    if state.get("status") != "registered":
        raise MayNot(
            f"{holder} is {state.get('status')}; nobody acts for them",
            rules=("acted-for-is-registered",),
            on_behalf_of=holder,
        )
