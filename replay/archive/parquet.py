"""The bytes of a Parquet file that anybody may have written, as a table: bounded, and never a surprise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.tiles import MAX_ENTRY_BYTES
from replay.archive.manifest import SegmentFile
from replay.archive.segment import members_of
from replay.errors import SegmentAltered

_MOST_FOOTER_STRING_BYTES: Final = 16 << 20
_MOST_FOOTER_PARTS: Final = 1 << 20
_SPARE_BYTES: Final = 1 << 20
"""A footer of ours takes some hundred kilobytes. What a forged one claims to hold is not allocated."""


def table_of(raw: bytes, segment: SegmentFile, columns: Sequence[str] | None = None) -> pa.Table:
    """The columns that are there of those asked for, or all. Raises SegmentAltered for what is no Parquet, or has not
    as many rows as the segment has entries.
    """
    try:
        with pq.ParquetFile(
            pa.BufferReader(raw),
            thrift_string_size_limit=_MOST_FOOTER_STRING_BYTES,
            thrift_container_size_limit=_MOST_FOOTER_PARTS,
        ) as file:
            if members_of(file.schema_arrow) is None:
                raise SegmentAltered(
                    f"{segment.path} has not the columns of a segment", position=segment.first
                )
            _require_rows(file.metadata, segment)
            table = file.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError) as fault:
        raise SegmentAltered(
            f"{segment.path} is no segment: {fault}", position=segment.first
        ) from fault
    for name in {"position", "entry"}.intersection(table.column_names):
        if table.column(name).null_count:
            raise SegmentAltered(f"{segment.path} has rows without {name}", position=segment.first)
    return table


def _require_rows(metadata: pq.FileMetaData, segment: SegmentFile) -> None:
    """Before anything is read: the reader makes room for what is claimed."""
    wanted = segment.last - segment.first + 1
    claimed = sum(metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
    if metadata.num_rows != wanted or claimed != wanted:
        raise SegmentAltered(
            f"{segment.path} is no segment: expected {wanted} rows, got {metadata.num_rows}",
            position=segment.first,
        )
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    chunks = [group.column(n) for group in groups for n in range(group.num_columns)]
    # Ours are plain. One entry of a megabyte, said sixty thousand times by its number, takes no room in the file.
    if any(one.path_in_schema == "entry" and _is_by_number(one) for one in chunks):
        raise SegmentAltered(
            f"{segment.path} is no segment: its entries are not written out", position=segment.first
        )
    claimed_bytes = sum(
        metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)
    )
    if claimed_bytes > _SPARE_BYTES + wanted * 2 * MAX_ENTRY_BYTES:
        raise SegmentAltered(
            f"{segment.path} is no segment: {wanted} entries do not take {claimed_bytes} bytes",
            position=segment.first,
        )


def _is_by_number(chunk: pq.ColumnChunkMetaData) -> bool:
    return any("DICTIONARY" in encoding for encoding in chunk.encodings)
