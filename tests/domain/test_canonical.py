"""Equal values have the same canonical bytes, and they are those of RFC 8785."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import NoCanonicalForm, canonical_bytes, content_hash
from tests.shared import shared_archive

_NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")


def _published() -> dict[str, bytes]:
    return shared_archive("data", "vectors", "jcs-rfc8785-testdata.tar.gz")


@pytest.mark.parametrize("name", _NAMES)
def test_every_published_pair_comes_out_byte_for_byte(name: str) -> None:
    files = _published()

    canonical = canonical_bytes(json.loads(files[f"jcs/testdata/input/{name}.json"]))

    assert canonical == files[f"jcs/testdata/output/{name}.json"]
    assert canonical == bytes.fromhex(files[f"jcs/testdata/outhex/{name}.txt"].decode())


def test_no_published_pair_is_left_out() -> None:
    inputs = [name for name in _published() if "/input/" in name]

    assert sorted(inputs) == [f"jcs/testdata/input/{name}.json" for name in _NAMES]


def _published_static_numbers() -> list[int]:
    """The listed IEEE 754 patterns of the README, which are the head of the published sequence."""
    listing = _published()["jcs/testdata/README.md"].decode().split("BigUint64Array([")[1]
    return [
        int(word.strip(" \nn"), 16) for word in listing.split("])")[0].split(",") if word.strip()
    ]


def _published_numbers() -> Iterator[float]:
    """The README's sequence: listed patterns, 2,000 in a row, then chained SHA-256 blocks."""
    listed = [*_published_static_numbers(), *range(0x0010000000000000, 0x0010000000000000 + 2000)]
    for pattern in listed:
        yield struct.unpack("<d", struct.pack("<Q", pattern))[0]
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        finite = (number for number in struct.unpack("<4d", block) if abs(number) < float("inf"))
        yield from (number for number in finite if number != 0)


def test_the_first_ten_thousand_numbers_of_the_published_sequence_have_its_checksum() -> None:
    lines = hashlib.sha256()

    for number in islice(_published_numbers(), 10_000):
        bits = struct.unpack("<Q", struct.pack("<d", number))[0]
        lines.update(b"%x,%b\n" % (bits, canonical_bytes(number)))

    expected = "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"
    assert lines.hexdigest() == expected


def test_a_content_hash_is_the_sha256_of_the_canonical_bytes() -> None:
    value: Any = {"b": [1, True, None], "a": "é"}

    hashed = content_hash(value)

    expected = hashlib.sha256('{"a":"é","b":[1,true,null]}'.encode()).hexdigest()
    assert hashed == f"sha256:{expected}"


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_json)
def test_the_order_in_which_members_were_written_does_not_show(value: Any) -> None:
    def turned(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: turned(inner) for name, inner in reversed(part.items())}
        return [turned(inner) for inner in part] if isinstance(part, list) else part

    canonical = canonical_bytes(turned(value))

    assert canonical == canonical_bytes(value)
    assert json.loads(canonical) == value


@given(_json)
def test_what_is_written_the_fast_way_is_written_as_the_library_writes_it(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_names_beyond_ascii_are_sorted_by_utf_16() -> None:
    assert canonical_bytes({"\uffff": 1, "\U00010000": 2}).startswith('{"\U00010000"'.encode())


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {"\ud800": 1}, {1: 2}, {None: 2}, b"x"],
    ids=repr,
)
def test_what_i_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(NoCanonicalForm, match="expected an I-JSON value, got"):
        canonical_bytes(value)


def test_nesting_deeper_than_the_stack_is_refused_and_not_a_crash() -> None:
    deep: Any = {}
    for _ in range(10_000):
        deep = {"in": deep}

    with pytest.raises(NoCanonicalForm):
        canonical_bytes(deep)
