"""A change that called itself standard, and was not what its model allows."""

from __future__ import annotations

from collections.abc import Iterator

from domain.change_authorization import ChangePreAuthorized
from domain.event import State
from domain.model import outside_limits
from replay.detection.detector import Detector, Look, Shown
from replay.detection.implementing import IMPLEMENTS, begins
from replay.estate import Told


class StandardChangeOutsideModel(Detector):
    """Asked when it is authorized in advance, and again when it begins."""

    name = "standard-change-outside-model"
    severity = "medium"
    sentence = "A standard change keeps to an active model in the version that it names."
    control = ("itil4:change-enablement", "iso27001_2022:A.8.32")
    types = IMPLEMENTS | {ChangePreAuthorized.type_name}

    def see(self, look: Look) -> Iterator[Shown]:
        change = look.after
        if change.get("type") != "standard":
            return
        if look.told.type != ChangePreAuthorized.type_name and not begins(look):
            return
        name = str(change.get("model") or "")
        model = look.state(name) if name else {}
        if not _allows(model, change, look.told):
            yield Shown(about=(look.subject, name) if name else (look.subject,))


def _allows(model: State, change: State, told: Told) -> bool:
    """What authorization in advance asks for; that the version still stands, only at that moment."""
    if model.get("status") != "active" or outside_limits(model, change):
        return False
    if told.type != ChangePreAuthorized.type_name:
        return True
    valid = model.get("valid_until") is not None and told.time <= model["valid_until"]
    return valid and change.get("model_version") == model.get("version")
