"""How often Python looks for garbage that counting does not find."""

from __future__ import annotations

import gc
from typing import Final

COLLECT_AFTER_OBJECTS: Final = 200_000


def calm_collector() -> None:
    """A commit makes some ten thousand objects, all of which live until it is done, and no cycles: looking
    for cycles as often as Python does by default cost a seventh of an import, and a twentieth of a command's start.
    """
    gc.set_threshold(COLLECT_AFTER_OBJECTS, *gc.get_threshold()[1:])
