"""Canonical JSON is RFC 8785's, whichever encoder wrote it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.errors import StorageError
from coordinator.storage import chain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


@given(VALUES)
def test_it_writes_what_rfc8785_writes_and_refuses_what_it_refuses(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError):
        with pytest.raises(StorageError):
            chain.canonical(value)
    else:
        assert chain.canonical(value) == expected


def test_every_single_character_is_escaped_alike() -> None:
    for number in [*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x1F600]:
        value = {"text": chr(number)}
        assert chain.canonical(value) == rfc8785.dumps(value)


def test_a_link_is_the_hash_of_the_hash_before_and_the_fields() -> None:
    before = chain.genesis("b1")
    assert before == hashlib.sha256(b"b1").hexdigest()
    expected = hashlib.sha256(bytes.fromhex(before) + b'{"a":1,"b":"\xe1\xba\xbf"}').hexdigest()
    assert chain.link(before, {"b": "ế", "a": 1}) == expected


def test_text_is_composed_at_every_depth() -> None:
    assert chain.composed({"a": ["e\u0301", ("e\u0301",)], "b": 1, "c": None}) == {
        "a": ["é", ["é"]], "b": 1, "c": None,
    }  # fmt: skip
