"""Evidence for a change: who tested what, and who wrote it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.change_evidence import (
    CommitLinked,
    LinkCommit,
    RecordTestEvidence,
    TestEvidenceRecorded,
)
from tests.domain.changes import (
    ANNE,
    ARTIFACT,
    ASSESSED,
    DEV,
    IN_WINDOW,
    SAM,
    SAMS_OTHER,
    TESTER,
    TO_IMPLEMENTED,
    TO_IMPLEMENTING,
    change,
)
from tests.given import BEN, CLEO, NOW, STRANGER, SYSTEM


def test_a_test_names_tester_and_artifact() -> None:
    record = RecordTestEvidence(artifact=ARTIFACT, verdict="failed")

    change().when(record, actor=TESTER).then(
        TestEvidenceRecorded(
            tests={"TST-1": {"by": TESTER, "artifact": ARTIFACT, "verdict": "failed", "at": NOW}}
        )
    )
    with pytest.raises(ValidationError, match="artifact"):
        RecordTestEvidence(artifact="the build", verdict="passed")
    change(*TO_IMPLEMENTING).when(record, actor=TESTER).refused("transition")


def test_a_commit_names_author_and_time_and_is_linked_once() -> None:
    link = LinkCommit(commit="c0ffee", author=DEV, committed_at="2026-03-01T00:00:00Z")

    change().when(link, actor=SYSTEM).then(
        CommitLinked(
            commits={"c0ffee": {"author": DEV, "committed_at": "2026-03-01T00:00:00.000000Z"}}
        )
    )
    change((SYSTEM, link)).when(link, actor=SYSTEM).refused("commit-linked-once")
    nobody = LinkCommit(commit="c0ffee", author=STRANGER, committed_at="2026-03-01T00:00:00Z")
    change().when(nobody, actor=SYSTEM).refused("author-exists")
    fresh = LinkCommit(commit="bad", author=DEV, committed_at="2026-03-01T00:00:00Z")
    assert not change(*TO_IMPLEMENTING).when(fresh, actor=SYSTEM, now=IN_WINDOW).refusals
    change(*TO_IMPLEMENTED).when(fresh, actor=SYSTEM).refused("transition")


def test_a_commit_s_author_who_has_another_part_is_told() -> None:
    def linking(author: str) -> LinkCommit:
        return LinkCommit(commit="bad", author=author, committed_at="2026-03-01T00:00:00Z")

    stands = change(*TO_IMPLEMENTING)

    assert "author-approved" in stands.words(linking(ANNE))
    assert "author-implements" in stands.words(linking(BEN))
    assert not {"author-approved", "author-implements"} & stands.words(linking(CLEO))
    by_sam = change(*ASSESSED, (SAM, "approve"))
    assert "author-approved" in by_sam.words(linking(SAMS_OTHER))
