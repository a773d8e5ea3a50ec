"""Publishing checkpoints, from several threads and processes at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from ledger.checkpoints import Signer
from ledger.notes import verify_checkpoint
from tests.contract.conftest import ORIGIN, Desk

TODAY = date(2026, 11, 24)


def test_threads_that_publish_at_once_leave_the_newest_head(
    make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = make_desk(copies=tmp_path / "copies")
    signer, subject = Signer(ORIGIN, desk.key), desk.report()

    def append_and_publish(number: int) -> None:
        desk.comment(subject, f"{number}")
        desk.log.checkpoints.publish(signer, TODAY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append_and_publish, range(64)))

    kept = verify_checkpoint((tmp_path / "copies" / "checkpoint").read_text(), [signer.vkey])
    assert kept.checkpoint.size == desk.log.head().size


def test_two_processes_may_publish_the_same_head(desk: Desk) -> None:
    signer, subject, elsewhere = Signer(ORIGIN, desk.key), desk.report(), desk.open()

    with ThreadPoolExecutor(2) as pool:
        for number in range(40):
            desk.comment(subject, f"{number}")
            made = [
                pool.submit(log.checkpoints.publish, signer, TODAY) for log in (desk.log, elsewhere)
            ]
            sizes = {verify_checkpoint(m.result(), [signer.vkey]).checkpoint.size for m in made}

            assert sizes == {desk.log.head().size}
