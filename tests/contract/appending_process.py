"""Run as a process of its own: append to a ledger that others append to as well."""

from __future__ import annotations

import base64
import sys

from ledger.clock import SystemClock
from ledger.genesis import FIRST_PERSON
from ledger.govern import Actor, Order
from ledger.ledger import Ledger, LogSettings
from tests.contract.conftest import ORIGIN, a
from tests.open_door import open_door


def main(url: str, vault_url: str, master_key: str, count: str) -> None:
    """Report `count` incidents and comment on each; print the positions of the receipts."""
    ledger = Ledger(
        LogSettings(url, vault_url),
        master_key=base64.b64decode(master_key),
        clock=SystemClock(),
        may=open_door,
    )
    ledger.start(ORIGIN)
    actor = Actor(FIRST_PERSON)
    for _ in range(int(count)):
        made = ledger.execute(Order(a("incident", "report"), actor)).receipts[0]
        said = ledger.execute(Order(a("incident", "comment"), actor, made.subject)).receipts[0]
        print(made.position, said.position, flush=True)
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
