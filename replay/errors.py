"""What can be wrong with a question about the past."""

from __future__ import annotations

from domain.errors import LedgerError, Malformed


class MomentRefused(Malformed):
    """A moment that names no state: its parts contradict each other."""

    code = "moment-refused"
    summary = "This moment cannot be asked for."


class BeyondHead(Malformed):
    """A position that the ledger does not have, or not yet."""

    code = "beyond-head"
    summary = "The ledger has no such position."


class CheckpointRefused(Malformed):
    """A checkpoint that was handed in, and is no checkpoint of this log. Says nothing about the log."""

    code = "checkpoint-refused"
    summary = "This is no checkpoint of this log."


class WhereRefused(Malformed):
    """A filter that is not in the language of `--where`."""

    code = "where-refused"
    summary = "This filter cannot be read."


class ArchiveUnusable(LedgerError):
    """A place that holds no archive, one of another ledger, or one that is damaged."""

    code = "archive-unusable"
    summary = "This archive cannot be used."


class SegmentAltered(ArchiveUnusable):
    """A file of an archive that is not what its manifest says. `position`: the first that it should hold."""

    code = "segment-altered"
    summary = "A file of the archive is not what was written."


class NoStateMachine(Malformed):
    """A question about the way of a family for which no way is declared."""

    code = "no-state-machine"
    summary = "This family has no declared state machine."


class NoSupportLevels(Malformed):
    """A question about the front line where nothing says which groups are at the front."""

    code = "no-support-levels"
    summary = "Nothing says which groups are the front line."


class ExportFailed(LedgerError):
    """What was asked for could not be written whole, and nothing of it is left. The ledger is as it was."""

    code = "export-failed"
    summary = "The export could not be written."


class NothingToProve(Malformed):
    """An answer about nothing, which no entry shows."""

    code = "nothing-to-prove"
    summary = "There is nothing to prove."


class MalformedAnswer(Malformed):
    """What was handed in is no proof-carrying answer, before anything could be checked."""

    code = "malformed-answer"
    summary = "This is not a proof-carrying answer."


class AnswerRefuted(LedgerError):
    """A proof-carrying answer that does not follow from the log: it, its entries or its proof were changed."""

    code = "answer-refuted"
    summary = "The answer is not what the log shows."
