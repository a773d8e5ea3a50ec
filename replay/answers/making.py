"""Making an answer that carries its proof: every entry of its subjects, shown to be in the log, under a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson

from domain.commitment import commitments_in
from domain.event import Json
from ledger.ledger import Ledger
from ledger.multiproof import multiproof
from ledger.notes import verify_checkpoint
from ledger.past import Extent, entries_of_each, facts_of
from ledger.reveal import disclosures
from ledger.spelling import to_base64
from replay.answers.question import (
    ANSWERS,
    FORMAT,
    MOMENTS,
    Instant,
    Kind,
    answer_about,
    located,
    reading_at,
    told_moment,
)
from replay.as_of import Reading, not_yet
from replay.errors import NothingToProve
from replay.moment import Moment, locate

NOW: Final = Moment()


def proof_of_states(
    ledger: Ledger,
    subjects: Sequence[str],
    moment: Moment = NOW,
    *,
    checkpoint: Callable[[], str],
    disclosing: bool = False,
    chosen_by: str | None = None,
) -> AnswerProof:
    """The state of each subject at the moment. See `AnswerProof` for the rest."""
    return AnswerProof(
        ledger,
        "state",
        subjects,
        [moment],
        checkpoint(),
        disclosing=disclosing,
        chosen_by=chosen_by,
    )


def proof_of_differences(
    ledger: Ledger,
    subjects: Sequence[str],
    before: Moment,
    after: Moment = NOW,
    *,
    checkpoint: Callable[[], str],
    disclosing: bool = False,
    chosen_by: str | None = None,
) -> AnswerProof:
    """What became of each subject from one moment to the other. See `AnswerProof` for the rest."""
    moments = [before, after]
    return AnswerProof(
        ledger, "difference", subjects, moments, checkpoint(), disclosing=disclosing, chosen_by=chosen_by
    )  # fmt: skip


class AnswerProof:
    """An answer by the first `size` entries of the log, the size of the checkpoint; what follows does not change it.

    `checkpoint`: a signed note of this log. `disclosing`: with the personal values that stand in the answer, as far
    as they can be opened; who may see them is for the caller to know. `chosen_by`: how the subjects were chosen, in
    words; nobody can check it.
    Raises NothingToProve without a subject, what `replay.moment.locate` raises, and what `verify_checkpoint` does.
    """

    def __init__(
        self,
        ledger: Ledger,
        kind: Kind,
        subjects: Sequence[str],
        moments: Sequence[Moment],
        checkpoint: str,
        *,
        disclosing: bool = False,
        chosen_by: str | None = None,
    ) -> None:
        self._ledger, self._kind, self.disclosing = ledger, kind, disclosing
        self.subjects = list(dict.fromkeys(subjects))
        if not self.subjects:
            raise NothingToProve("an answer about no subject rests on no entry")
        self._checkpoint = checkpoint
        verified = verify_checkpoint(checkpoint, ledger.vkeys())
        self._vkey = str(verified.signatures[0].key)
        self.origin, self.size = verified.checkpoint.origin, verified.checkpoint.size
        extent = Extent(self.size, ledger.entry(self.size).recordedtime)
        now = ledger.now()
        self.found = [locate(moment, ledger.database, extent, now) for moment in moments]
        self.instants: list[Instant] = list(map(located, moments, self.found))
        self.chosen_by = chosen_by
        self.entries = 0
        """How many are in the file, once it is written."""

    def readings(self) -> Iterator[tuple[str, list[Reading]]]:
        """Each subject, in the order of `subjects`, at each of the moments.

        Raises UnknownSubject for one that is not known at the moment, or at neither, and CorruptEntry.
        """
        for subject, rows in entries_of_each(self._ledger.database, self.subjects, self.size):
            facts = facts_of(rows)
            readings = [reading_at(found, facts) for found in self.found]
            if not any(reading.version for reading in readings):
                raise not_yet(self._ledger, subject)
            yield subject, readings

    def chunks(self) -> Iterator[bytes]:
        """The file, piece by piece: memory holds one state, or some subjects' entries, at a time. Raises as `readings`."""
        opened: list[str] = []
        yield b"{" + _members(self._head()) + b',"answer":{' + _members(self._moments())
        yield b',"%b":[' % ANSWERS[self._kind].encode()
        for at, (subject, readings) in enumerate(self.readings()):
            told = answer_about(subject, readings)
            if self.disclosing:
                opened += self._opened(told)
            yield _item(at, told)
        yield b']},\n"entries":['
        indices: list[int] = []
        for _, rows in entries_of_each(self._ledger.database, self.subjects, self.size):
            for position, raw in rows:
                yield _item(len(indices), {"position": position, "entry": raw.decode()})
                indices.append(position - 1)
        self.entries = len(indices)
        hashes = multiproof(indices, self.size, self._ledger.tree.nodes(self.size))
        yield b'],\n"inclusion":' + orjson.dumps([to_base64(one) for one in hashes])
        yield b',\n"disclosures":' + orjson.dumps(opened) + b"}\n"

    def _head(self) -> dict[str, Json]:
        asked = {
            name: told_moment(instant.asked)
            for name, instant in zip(MOMENTS[self._kind], self.instants, strict=True)
        }
        return {
            "format": FORMAT,
            "origin": self.origin,
            "vkey": self._vkey,
            "checkpoint": self._checkpoint,
            "question": {
                "kind": self._kind,
                **asked,
                "chosen_by": self.chosen_by,
                "subjects": self.subjects,
            },
        }

    def _moments(self) -> dict[str, Json]:
        names = MOMENTS[self._kind]
        return {
            name: told_moment(instant.found)
            for name, instant in zip(names, self.instants, strict=True)
        }

    def _opened(self, told: dict[str, Any]) -> list[str]:
        """Disclosures of what stands in the answer, and of nothing else that the entries commit to."""
        wanted = commitments_in(told)
        if not wanted:
            return []
        found = disclosures(self._ledger, told["subject"])
        return [found[digest] for digest in sorted(wanted) if digest in found]


def _members(told: dict[str, Json]) -> bytes:
    """Without the braces, so that more may follow."""
    return orjson.dumps(told)[1:-1]


def _item(at: int, told: dict[str, Any]) -> bytes:
    return (b",\n" if at else b"\n") + orjson.dumps(told)
