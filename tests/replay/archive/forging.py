"""What somebody can do to an archive who owns its files, and knows how it is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.merkle import leaf_hash
from replay.archive.manifest import peaks_of

Row = dict[str, Any]


def manifest_of(directory: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((directory / "manifest.json").read_bytes())
    return told


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    (directory / "manifest.json").write_text(json.dumps(manifest))


def file_of(directory: Path, number: int) -> Path:
    """The segment with that index."""
    return directory / str(manifest_of(directory)["segments"][number]["path"])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def seal(directory: Path, *, peaks: bool = True) -> None:
    """Let the manifest name the files as they are now, and with `peaks` the tree over what is in them."""
    manifest = manifest_of(directory)
    for segment in manifest["segments"]:
        raw = (directory / segment["path"]).read_bytes()
        segment["bytes"], segment["sha256"] = len(raw), hashlib.sha256(raw).hexdigest()
        if peaks:
            rows = sorted(pq.read_table(pa.BufferReader(raw)).to_pylist(), key=_position)
            segment["peaks"] = list(peaks_of([leaf_hash(row["entry"]) for row in rows]))
    write_manifest(directory, manifest)


def alter(path: Path, change: Callable[[list[Row]], list[Row] | None]) -> None:
    """Write the file anew with rows that were changed. The manifest still names the former one."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    written = pa.Table.from_pylist(change(rows) or rows, schema=table.schema)
    pq.write_table(written, path, use_dictionary=False)


def row_at(rows: list[Row], position: int) -> Row:
    return next(row for row in rows if row["position"] == position)


def _position(row: Row) -> int:
    return int(row["position"])
