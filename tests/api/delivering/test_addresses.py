"""A delivery goes to the public internet and nowhere else, whatever a name leads to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from api.delivering.addresses import NotAllowed, is_public, target_of
from tests.api.delivering.receivers import Names

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "198.18.0.1",
    "203.0.113.5",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "hooks.example.com",
    "",
]


def targeted(url: str, *addresses: str, allow_private: bool = False) -> Sequence[str]:
    target = asyncio.run(target_of(url, resolve=Names(addresses), allow_private=allow_private))
    return target.addresses


def refusal(url: str, *addresses: str) -> str:
    with pytest.raises(NotAllowed) as refused:
        targeted(url, *addresses)
    return refused.value.outcome


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_delivered_to(address: str) -> None:
    assert is_public(address)
    assert targeted("https://hooks.example.com/itsm", address) == (address,)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_this_machine_can_reach_is_not_delivered_to(address: str) -> None:
    assert not is_public(address)
    assert refusal("https://hooks.example.com/itsm", address) == "address-not-allowed"


def test_one_private_address_among_public_ones_is_enough() -> None:
    assert refusal("https://hooks.example.com", "8.8.8.8", "10.0.0.1") == "address-not-allowed"


def test_without_https_nothing_is_delivered() -> None:
    assert refusal("http://hooks.example.com/itsm", "8.8.8.8") == "https-required"


def test_a_setting_lets_development_deliver_to_its_own_machine() -> None:
    assert targeted("http://localhost:8080/x", "127.0.0.1", allow_private=True) == ("127.0.0.1",)


def test_a_name_that_leads_nowhere_is_a_failure_of_the_receiver() -> None:
    assert refusal("https://hooks.example.com") == "name-not-found"

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(NotAllowed) as refused:
        asyncio.run(target_of("https://nobody.example", resolve=unknown, allow_private=True))
    assert refused.value.outcome == "name-not-found"


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://[::1]/"]
)
def test_an_address_in_another_spelling_is_looked_up_like_any_name(url: str) -> None:
    """What the system makes of it is what is checked."""
    assert refusal(url, "127.0.0.1") == "address-not-allowed"


def test_what_is_no_url_of_the_web_is_not_delivered_to() -> None:
    assert refusal("gopher://hooks.example.com", "8.8.8.8") == "url-not-allowed"
