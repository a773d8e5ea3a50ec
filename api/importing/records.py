"""The records that rows of one file name to each other: by number, or by what else they are known as."""

from __future__ import annotations

from api.importing.cells import Cells, Layout
from api.importing.memory import Known, Memory
from api.importing.schema import SourceMapping


class Records:
    """What was seen of the file so far. Of two records that share a name the later one has it."""

    def __init__(self, memory: Memory, mapping: SourceMapping, layout: Layout) -> None:
        self._memory = memory
        self._names = [layout.index(column) for column in mapping.known_as]

    def of(self, subject: str) -> Known:
        """UNKNOWN for a subject that the file has not had yet."""
        return self._memory.of(subject)

    def named(self, family: str, name: str) -> str | None:
        """The subject of an earlier row of that family which has the name; None if there is none."""
        subject = f"{family}/{name}"
        if self._memory.of(subject).cells is not None:
            return subject
        known = self._memory.of(_alias(family, name)).cells
        return known[0] if known else None

    def introduce(self, subject: str, row: Cells) -> None:
        """From here on later rows may call it by these names."""
        family = subject[: subject.index("/")]
        for at in self._names:
            name = row[at]
            if name is not None:
                self._memory.keep(_alias(family, name), Known((subject,), 0, None))


def _alias(family: str, name: str) -> str:
    # No subject is spelt so: what stands for a name never meets a subject.
    return f"{family}={name}"
