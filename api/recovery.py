"""Going on with a database that is behind a checkpoint kept elsewhere: a decision, and recorded as one."""

from __future__ import annotations

import base64
from datetime import date

from api.settings import Settings
from domain.acts import LEDGER, AcceptLoss
from domain.errors import Refused
from ledger.checkpoints import Copies, Signer
from ledger.govern import Actor, Order
from ledger.keyfiles import read_signing_key
from ledger.ledger import Ledger
from ledger.notes import Checkpoint, verify_checkpoint


def accept_loss(ledger: Ledger, settings: Settings, actor: Actor, reason: str, today: date) -> str:
    """Record that the entries up to the kept checkpoint are lost; the new checkpoint, signed and kept.

    `ledger` is one that `open_ledger` opened, since it would not start. The entry names size and root of
    what was lost, so that whoever kept the old checkpoint finds the gap explained. Raises Refused when
    nothing is missing, and NotConsistent stays what it is: a changed past is never accepted.
    """
    lost = _kept(ledger, settings)
    size = ledger.head().size
    state = ledger.subject(LEDGER).state
    root = base64.b64encode(lost.root).decode() if lost else ""
    # Recorded already, where the last try could not publish: then that is all there is left to do.
    recorded = state.get("lost_checkpoint")
    is_recorded = lost is not None and recorded == {"size": lost.size, "root": root}
    if lost is None or (lost.size <= size and not is_recorded):
        raise Refused(
            f"nothing is lost: the log has {size} entries, the checkpoint kept elsewhere covers "
            f"{lost.size if lost else 0}",
            size=size,
        )
    signer = Signer(str(state["origin"]), read_signing_key(settings.resolved_key_file))
    ledger.start(signer.origin)
    if not is_recorded:
        command = AcceptLoss(size=lost.size, root=root, reason=reason)
        ledger.execute(Order(command, actor, LEDGER))
    return ledger.checkpoints.publish(signer, today)


def _kept(ledger: Ledger, settings: Settings) -> Checkpoint | None:
    if settings.checkpoint_copies is None:
        return None
    note = Copies(settings.checkpoint_copies).newest()
    return None if note is None else verify_checkpoint(note, ledger.vkeys()).checkpoint
