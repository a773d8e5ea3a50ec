"""What an engine does: fold every subject of a log as of a moment.

There may be any number of them; each is one file. They differ in speed and size, never in what they answer, and a
test holds them together on the same histories.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

import pyarrow as pa

from replay.moment import Located
from replay.whole.entries import Entries

STATES: Final = pa.schema(
    [("subject", pa.string()), ("version", pa.int64()), ("state", pa.string())]
)
"""One row for each subject of which an entry counts at the moment, in the order of their ids by code point.

`version`: how many of the subject's entries count. `state`: JSON text, personal members as commitments.
"""


class Engine(Protocol):
    def states(
        self, entries: Entries, moment: Located, families: Collection[str] | None = None
    ) -> pa.Table:
        """STATES by the entries at positions up to the moment's; of `families` only, where some are named.

        Raises CorruptEntry.
        """
