"""Evidence for a change: tests of its artifacts, and the commits that belong to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from domain.change import CommitId, StatedCommits, StatedTests, TestVerdict, parts
from domain.change_order import ChangeOrder
from domain.command import Case, Command, require
from domain.common import TicketEvent
from domain.event import Event, Json, Moment, PrincipalId, Sha256, Text
from domain.humans import acting, human_of, humans
from domain.linking import require_exists
from domain.sets import only_one

_BEFORE = ("draft", "assessing", "awaiting_authorization", "authorized", "scheduled")
_EXAMPLE_COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"


class TestEvidenceRecorded(TicketEvent, family="change", source=_BEFORE):
    """Somebody tested an artifact, named by its hash."""

    __test__ = False  # pytest must not take the class for a test
    example: ClassVar[Mapping[str, Json]] = {
        "tests": {
            "TST-0192f3c0-5b1e-7c3a-9d51-3a7f2f7f9b14": {
                "by": "principal/PRN0000052",
                "artifact": "sha256:" + "a1" * 32,
                "verdict": "passed",
                "at": "2026-03-03T15:00:00.000000Z",
            }
        }
    }

    tests: StatedTests | None = None


class CommitLinked(TicketEvent, family="change", source=(*_BEFORE, "implementing")):
    """A commit belongs to the change. Its author is a developer of it."""

    example: ClassVar[Mapping[str, Json]] = {
        "commits": {
            _EXAMPLE_COMMIT: {
                "author": "principal/PRN0000051",
                "committed_at": "2026-03-01T14:00:00.000000Z",
                "repository": "mail-relay",
            }
        }
    }

    commits: StatedCommits | None = None


class RecordTestEvidence(ChangeOrder, yields=TestEvidenceRecorded):
    """Record a test that you made, by the hash of the artifact."""

    example: ClassVar[Mapping[str, Any]] = {"artifact": "sha256:" + "a1" * 32, "verdict": "passed"}

    artifact: Sha256
    verdict: TestVerdict

    def carried_out(self, case: Case) -> Sequence[Event]:
        evidence = {
            **acting(case),
            "artifact": self.artifact,
            "verdict": self.verdict,
            "at": case.now,
        }
        return self.stating(tests={f"TST-{case.new_id()}": evidence})


class LinkCommit(ChangeOrder, yields=CommitLinked):
    """Say that a commit belongs to the change, once. For the system."""

    example: ClassVar[Mapping[str, Any]] = {
        "commit": _EXAMPLE_COMMIT,
        "author": "principal/PRN0000051",
        "committed_at": "2026-03-01T14:00:00Z",
        "repository": "mail-relay",
    }

    asked_of = ("commit", "author")

    commit: CommitId
    author: PrincipalId
    committed_at: Moment
    repository: Text | None = None

    @classmethod
    def recalled(cls, data: Mapping[str, Json]) -> Command | None:
        commit, said = only_one(data.get("commits"))
        return super().recalled({**said, "commit": commit})

    def reads(self) -> tuple[str, ...]:
        return (self.author,)

    def words(self, case: Case) -> Iterator[str]:
        """`author-approved`, `author-implements`: the author is a human who has that part already."""
        author, its = human_of(self.author, case), parts(case.state)
        for part, word in (("approver", "author-approved"), ("implementer", "author-implements")):
            if author in humans(filter(None, its[part]), case):
                yield word

    def carried_out(self, case: Case) -> Sequence[Event]:
        require_exists(self.author, "author-exists", case)
        fresh = self.commit not in case.state.get("commits", {})
        require(fresh, "commit-linked-once", f"{self.commit} is linked already", case)
        repository = {"repository": self.repository} if self.repository else {}
        commit = {"author": self.author, "committed_at": self.committed_at, **repository}
        return self.stating(commits={self.commit: commit})


def tested_words(case: Case) -> Iterator[str]:
    """`untested`: no test has passed. `tested-by-developer-only`: some have, each by a developer."""
    developers = humans(filter(None, parts(case.state)["developer"]), case)
    testers = humans(
        (
            test["by"]
            for test in case.state.get("tests", {}).values()
            if test.get("verdict") == "passed" and "by" in test
        ),
        case,
    )
    if not testers:
        yield "untested"
    elif testers <= developers:
        yield "tested-by-developer-only"
