"""The port `may` for tests of the log itself: whoever is registered and does not only observe may do anything."""

from __future__ import annotations

from domain.may import Decision, DecisionRequest

POLICY = "open-door@1"


def open_door(request: DecisionRequest) -> Decision:
    actor = request.states.get(request.actor, {})
    is_in = actor.get("status") == "registered" and actor.get("mode") != "observe"
    return Decision(is_in, POLICY, ("whoever-is-registered",))
