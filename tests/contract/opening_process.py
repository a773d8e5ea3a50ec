"""Run as a process of its own: open a house when told to, as any command would, and close it."""

from __future__ import annotations

import sys

from api.compose import open_house
from api.settings import Settings


def main() -> None:
    """The settings come as environment variables; the word to begin on standard input."""
    print("ready", flush=True)
    sys.stdin.readline()
    house = open_house(Settings())
    print(house.ledger.head().size, flush=True)
    house.close()


if __name__ == "__main__":
    main()
