"""Standard Webhooks 1.0.0: what a receiver checks to know that a delivery is ours and is no replay.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

SECRET_BYTES: Final = 32
"""The scheme asks for 24 to 64."""
PREFIX: Final = "whsec_"


def secret_text(secret: bytes) -> str:
    """As a receiver is told it."""
    return PREFIX + base64.b64encode(secret).decode()


def secret_id(secret: bytes) -> str:
    """By which the log names it. It is random and long, so that its hash tells nothing."""
    return "sha256:" + hashlib.sha256(secret).hexdigest()


def delivery_id(webhook: str, position: int) -> str:
    """The same for each try of an event, and for its replay. No dots: they separate what is signed."""
    return f"{webhook.partition('/')[2].replace('.', '_')}-{position}"


def signed_headers(
    message_id: str, at_seconds: int, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """`at_seconds`: of the try, since 1970. One signature for each secret that signs at the moment."""
    signed = b"%b.%d.%b" % (message_id.encode(), at_seconds, body)
    signatures = [
        "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(signatures),
    }
