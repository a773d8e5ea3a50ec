"""Which addresses a delivery may go to: the public internet only, unless a setting says otherwise.

Whoever may name a receiver must not reach through this server what only this server can reach: its own loopback,
its network, and the cloud's metadata services. A name is looked up once for each delivery, and what it led to is
what is connected to, so that a name that leads elsewhere a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from domain.webhook import host_of

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its addresses as text. Raises OSError."""

METADATA: Final = frozenset({IPv4Address("168.63.129.16"), IPv4Address("192.0.0.192")})
"""Metadata services at public addresses (Azure, Oracle); all others have link-local or private ones."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All that is handed out of IPv6 so far (IANA)."""
_STANDING_FOR_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""NAT64 (RFC 6052) and IPv4-compatible addresses (RFC 4291, 2.5.5.1): the last 32 bits are an IPv4 address."""


class NotAllowed(Exception):
    """`outcome`: why nothing is sent there, as a word for whoever keeps the webhook."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Target:
    """Where a delivery goes: what is connected to stands in `addresses`, whose certificate is asked for in `host`."""

    host: str
    port: int
    addresses: Sequence[str]
    is_https: bool
    authority: str
    path: str


NEVER_SENT: Final = frozenset(
    {"url-not-allowed", "https-required", "name-not-found", "address-not-allowed"}
)
"""Why nothing was sent: the words of NotAllowed."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """The system's own answer, each address once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(told[4][0]) for told in found))


async def target_of(url: str, *, resolve: Resolve, allow_private: bool) -> Target:
    """Raises NotAllowed: `url-not-allowed`, `https-required`, `name-not-found`, `address-not-allowed`."""
    host = host_of(url)
    if host is None:
        raise NotAllowed("url-not-allowed")
    parts = urlsplit(url)
    is_https = parts.scheme == "https"
    if not is_https and not allow_private:
        raise NotAllowed("https-required")
    port = parts.port or (443 if is_https else 80)
    try:
        addresses = await resolve(host, port)
    except (OSError, UnicodeError):
        raise NotAllowed("name-not-found") from None
    if not addresses:
        raise NotAllowed("name-not-found")
    # One that is not public among several is enough: which one is connected to is up to the network.
    if not allow_private and not all(map(is_public, addresses)):
        raise NotAllowed("address-not-allowed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, addresses, is_https, parts.netloc, path)


def is_public(address: str) -> bool:
    """May anybody on the internet be reached there, and nobody else? What is no address is not."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = _embedded(found)
    if isinstance(found, IPv6Address) and found not in _GLOBAL_UNICAST:
        return False  # older Pythons take some of what lies outside for public
    return found.is_global and not found.is_multicast and found not in METADATA


def _embedded(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if any(found in network for network in _STANDING_FOR_IPV4):
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found
