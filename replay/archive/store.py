"""Where an archive lies: a directory, or a prefix of an object store, through pyarrow's filesystems."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import fs

from ledger.files import sync_directory
from replay.errors import ArchiveUnusable

KEEP_SECONDS: Final = 600.0
"""How long a superseded file stays for those who read by the manifest of before."""


class Store:
    """`location`: a path, or a URI such as `s3://bucket/prefix`. Names are relative to it, with `/` in between.

    Each method raises ArchiveUnusable where the storage itself fails.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self.directory: Path | None = None
        """Set where the archive lies on a local disk."""
        if "://" not in location:
            self.directory = Path(location).absolute()
            self._fs: Any = fs.SubTreeFileSystem(str(self.directory), fs.LocalFileSystem())
            return
        try:
            system, prefix = fs.FileSystem.from_uri(location)
        except (pa.ArrowException, OSError, ValueError) as fault:
            raise ArchiveUnusable(
                f"{location} names no storage that is known: {fault}", location=location
            ) from fault
        self._fs = fs.SubTreeFileSystem(prefix, system)
        if isinstance(system, fs.LocalFileSystem):
            self.directory = Path(prefix)

    @property
    def filesystem(self) -> Any:
        """pyarrow's, rooted at the location."""
        return self._fs

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        try:
            with self._fs.open_input_file(name) as file:
                content: bytes = file.read()
                return content
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise self._unusable(name, fault) from fault

    def has(self, name: str) -> bool:
        """Is there a file of that name?"""
        try:
            return bool(self._fs.get_file_info(name).type == fs.FileType.File)
        except OSError as fault:
            raise self._unusable(name, fault) from fault

    def write(self, name: str, content: bytes) -> None:
        """Whole or not at all, and safe from a crash once this returns."""
        try:
            if self.directory is None:
                self._upload(name, content)
            else:
                _write_durably(self.directory / name, content)
        except OSError as fault:
            raise self._unusable(name, fault) from fault

    def _upload(self, name: str, content: bytes) -> None:
        """An object is there when its upload is complete, and not before."""
        try:
            out = self._fs.open_output_stream(name)
        except FileNotFoundError:
            # Object stores have no directories. What is reached in the same way and has them wants them made.
            self._fs.create_dir(name.rpartition("/")[0], recursive=True)
            out = self._fs.open_output_stream(name)
        with out:
            out.write(content)

    def names(self, folder: str) -> list[tuple[str, float]]:
        """(name, when it was last written in seconds since 1970) of every file below a folder, in order."""
        try:
            found = self._fs.get_file_info(
                fs.FileSelector(folder, recursive=True, allow_not_found=True)
            )
        except OSError as fault:
            raise self._unusable(folder, fault) from fault
        files = [one for one in found if one.type == fs.FileType.File]
        return sorted((one.path, one.mtime.timestamp() if one.mtime else 0.0) for one in files)

    def remove(self, name: str) -> None:
        try:
            self._fs.delete_file(name)
        except FileNotFoundError:
            return
        except OSError as fault:
            raise self._unusable(name, fault) from fault

    def _unusable(self, name: str, fault: OSError) -> ArchiveUnusable:
        told = fault.strerror or str(fault)
        return ArchiveUnusable(
            f"{self.location}: {name} cannot be read or written: {told}", location=self.location
        )


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with begun.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        begun.replace(path)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
