"""What the genesis put in place, and nobody else has stood by yet."""

from __future__ import annotations

from collections.abc import Iterator

from domain.acts import AuthorityEstablished, GenesisRatified
from replay.detection.detector import Cured, Detector, Look, Shown


class UnratifiedGenesis(Detector):
    """Somebody had to be first. A second person reads what was put in place, and ratifies it."""

    name = "unratified-genesis"
    severity = "high"
    sentence = "What the genesis put in place was ratified by a second person."
    control = ("iso27001_2022:A.5.3", "iso27001_2022:A.5.18")
    types = frozenset({AuthorityEstablished.type_name, GenesisRatified.type_name})

    def see(self, look: Look) -> Iterator[Shown | Cured]:
        genesis = look.after.get("genesis") or {}
        if look.told.type == GenesisRatified.type_name:
            yield Cured(look.subject)
        else:
            yield Shown(about=(look.subject, str(genesis.get("policy")).partition("@")[0]))
