"""A commitment hides its value, and a disclosure shows exactly the one value that was committed to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commitment import (
    DigestMismatch,
    MalformedDisclosure,
    WrongSaltLength,
    check,
    commit,
    contains_commitment,
    is_commitment,
)

SALT = bytes(range(16))

_scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
_json = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def committing_to(text: str) -> tuple[str, str]:
    """A digest and a disclosure that belong together, whatever the text discloses."""
    disclosure = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    hashed = hashlib.sha256(disclosure.encode()).digest()
    return "sd:sha-256:" + base64.urlsafe_b64encode(hashed).rstrip(b"=").decode(), disclosure


@given(st.text(max_size=20), _json, st.binary(min_size=16, max_size=16))
def test_a_disclosure_shows_what_was_committed_to(path: str, value: Any, salt: bytes) -> None:
    commitment = commit(path, value, salt)

    shown = check(commitment.digest, commitment.disclosure)

    assert shown == (path, value)
    assert is_commitment(commitment.digest)


def test_the_digest_can_be_recomputed_with_sha256_alone() -> None:
    commitment = commit("name", "Möbius", SALT)

    hashed = hashlib.sha256(commitment.disclosure.encode("ascii")).digest()
    salt, path, value = json.loads(base64.urlsafe_b64decode(commitment.disclosure + "=="))

    assert commitment.digest == "sd:sha-256:" + base64.urlsafe_b64encode(hashed).decode().rstrip(
        "="
    )
    assert (salt, path, value) == ("AAECAwQFBgcICQoLDA0ODw", "name", "Möbius")


def test_the_published_sd_jwt_disclosure_checks_out() -> None:
    """RFC 9901, section 5.1: the disclosure of `given_name`, spaces in its JSON included."""
    digest = "sd:sha-256:jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"
    disclosure = "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"

    shown = check(digest, disclosure)

    assert shown == ("given_name", "John")


def test_another_salt_hides_that_two_values_are_equal() -> None:
    one, other = commit("name", "Ada", SALT), commit("name", "Ada", SALT[::-1])

    assert one.digest != other.digest


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(WrongSaltLength, match=f"expected a salt of 16 bytes, got {length}"):
        commit("name", "Ada", bytes(length))


@given(st.data())
def test_any_changed_character_of_a_disclosure_is_found(data: st.DataObject) -> None:
    commitment = commit("name", "Ada", SALT)
    at = data.draw(st.integers(0, len(commitment.disclosure) - 1))
    character = data.draw(st.characters().filter(lambda c: c != commitment.disclosure[at]))
    changed = commitment.disclosure[:at] + character + commitment.disclosure[at + 1 :]

    with pytest.raises((DigestMismatch, MalformedDisclosure)):
        check(commitment.digest, changed)


def test_a_mismatch_says_what_was_expected_and_what_came() -> None:
    one, other = commit("name", "Ada", SALT), commit("name", "Bob", SALT)

    with pytest.raises(DigestMismatch) as refusal:
        check(one.digest, other.disclosure)

    assert refusal.value.facts == {"expected": one.digest, "got": other.digest}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '["AAECAwQFBgcICQoLDA0ODw","name"]',
        '["AAECAwQFBgcICQoLDA0ODw","name",1,2]',
        '["AAECAwQFBgcICQoLDA0ODw",7,1]',
        '[7,"name",1]',
        '{"salt":1,"path":2,"value":3}',
        '["AAECAwQFBgcICQoLDA0ODw","name",NaN]',
        '["AAECAwQFBgcICQoLDA0ODw","name",{"a":1,"a":2}]',
        '["c2hvcnQ","name",1]',
        '["AAECAwQFBgcICQoLDA0OD!","name",1]',
        '["AAECA","name",1]',
        "[" * 40_000,
    ],
)
def test_a_digest_of_something_else_is_malformed_and_not_a_crash(text: str) -> None:
    digest, disclosure = committing_to(text)

    with pytest.raises(MalformedDisclosure):
        check(digest, disclosure)


@pytest.mark.parametrize(
    "digest", ["", "sd:sha-256:", "sd:sha-256:" + "A" * 42, "sha256:" + "a" * 64]
)
def test_a_digest_that_is_none_is_malformed(digest: str) -> None:
    with pytest.raises(MalformedDisclosure, match="expected a digest"):
        check(digest, commit("name", "Ada", SALT).disclosure)


def test_an_error_never_carries_the_personal_value() -> None:
    digest, disclosure = committing_to('["AAECAwQFBgcICQoLDA0ODw","name","Ada Lovelace"')

    with pytest.raises(MalformedDisclosure) as refusal:
        check(digest, disclosure)

    assert "Ada" not in str(refusal.value)
    assert refusal.value.__cause__ is None, "a parser's error holds the text it was parsing"


def test_a_disclosure_that_is_no_text_is_malformed_and_not_a_crash() -> None:
    with pytest.raises(MalformedDisclosure, match="expected ASCII text"):
        check(commit("name", "Ada", SALT).digest, "\ud800")


@given(_json)
def test_plain_values_hold_no_commitment(value: Any) -> None:
    assert not contains_commitment(value)


@pytest.mark.parametrize("wrap", [MappingProxyType, dict, OrderedDict])
def test_a_commitment_is_found_in_any_kind_of_mapping_and_sequence(wrap: Any) -> None:
    digest = commit("name", "Ada", SALT).digest

    assert contains_commitment(wrap({"a": (1, [digest])}))


def test_a_commitment_is_found_at_any_depth() -> None:
    inside: Any = commit("name", "Ada", SALT).digest
    for _ in range(5_000):
        inside = {"a": 1, "in": [inside]}

    assert contains_commitment(inside)


@pytest.mark.parametrize(
    "value", [None, 1, [], {}, "sd:", "x" * 54, "sd:sha-256:" + "A" * 43 + "\n"]
)
def test_nothing_else_is_a_commitment(value: Any) -> None:
    assert not is_commitment(value)
