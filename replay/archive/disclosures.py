"""The encrypted disclosures of a segment's entries, in a file beside it: no evidence, and unreadable without the vault.

Without them a restored ledger would have the commitments and could never show again what was committed to.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.database import Database
from ledger.disclosed import DataKey, Disclosure, data_keys, disclosures
from replay.errors import SegmentAltered

FOLDER: Final = "disclosures"
_SCHEMA: Final = pa.schema(
    [
        ("subject", pa.string()),
        ("since", pa.int64()),
        ("digest", pa.string()),
        ("key", pa.int64()),
        ("sealed", pa.binary()),
    ]
)
"""A row with `since` says which key of the vault the subject has from that position on, one with `digest` is a disclosure."""


def path_beside(segment: str) -> str:
    """`disclosures/000000012.parquet` for `entries/000000012.parquet`."""
    return f"{FOLDER}/{segment.partition('/')[2]}"


def disclosures_of(
    database: Database, first: int, last: int, rows: list[tuple[int, bytes]]
) -> bytes | None:
    """The file; None where the entries commit to nothing that could be disclosed."""
    sealed = disclosures(database, first - 1, last, (raw for _, raw in rows))
    if not sealed:
        return None
    keys = data_keys(database, first - 1, last)
    no_keys, no_texts = [None] * len(sealed), [None] * len(keys)
    columns = {
        "subject": [key.subject for key in keys] + [one.subject for one in sealed],
        "since": [key.since for key in keys] + no_keys,
        "digest": no_texts + [one.digest for one in sealed],
        "key": [key.key for key in keys] + [one.key for one in sealed],
        "sealed": no_texts + [one.sealed for one in sealed],
    }
    table = pa.table(columns, schema=_SCHEMA)
    out = pa.BufferOutputStream()
    # Ciphertexts and digests are as good as random: there is nothing to compress but names.
    pq.write_table(table, out, compression=dict.fromkeys(("subject", "since", "key"), "ZSTD"))
    content: bytes = out.getvalue().to_pybytes()
    return content


def read_disclosures(
    raw: bytes, path: str, position: int
) -> tuple[list[DataKey], list[Disclosure]]:
    """Raises SegmentAltered."""
    try:
        table = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError) as fault:
        raise SegmentAltered(f"{path} cannot be read: {fault}", position=position) from fault
    if not table.schema.equals(_SCHEMA):
        raise SegmentAltered(f"{path} holds no disclosures", position=position)
    keys, sealed = [], []
    for subject, since, digest, key, ciphertext in zip(
        *(column.to_pylist() for column in table.columns), strict=True
    ):
        if None in {subject, key}:
            raise SegmentAltered(f"{path} holds a row of nobody", position=position)
        if since is not None:
            keys.append(DataKey(subject, since, key))
        elif digest is not None and ciphertext is not None:
            sealed.append(Disclosure(subject, digest, key, ciphertext))
    return keys, sealed
