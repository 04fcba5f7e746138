"""Binding requests and answers beside a general STUN library: the same is read, the same bytes written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import pack
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.binding import looks_like_request, read_request, write_response

PASSWORD = "a password of the answer"
TRANSACTIONS = st.binary(min_size=12, max_size=12)
VALUES: dict[str, Any] = {
    "USERNAME": st.text(st.characters(codec="utf-8"), max_size=40),
    "PRIORITY": st.integers(0, 2**32 - 1),
    "USE-CANDIDATE": st.none(),
    "ICE-CONTROLLING": st.integers(0, 2**64 - 1),
    "SOFTWARE": st.text(max_size=20),
    "CHANGE-REQUEST": st.integers(0, 2**32 - 1),
}
ATTRIBUTES = st.lists(st.sampled_from(list(VALUES)), unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)
HOSTS = st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address))
ADDRESSES = st.tuples(HOSTS.map(str), st.integers(0, 65535))


def request(transaction: bytes, attributes: dict[str, Any], *, signed: bool = True) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction, dict(attributes))
    if signed:
        message.add_message_integrity(PASSWORD.encode())
    return bytes(message)


def lengthened(data: bytes, more: bytes) -> bytes:
    """A message with more at its end."""
    return data[:2] + pack("!H", len(data) - 20 + len(more)) + data[4:] + more


@given(TRANSACTIONS, ATTRIBUTES, st.booleans())
def test_what_a_request_says_is_read(transaction: bytes, attributes: dict[str, Any], signed: bool) -> None:
    data = request(transaction, attributes, signed=signed)
    read = read_request(data)
    assert looks_like_request(data)
    assert read.transaction == transaction
    assert read.username == attributes.get("USERNAME", "")
    assert read.nominates == ("USE-CANDIDATE" in attributes)
    assert read.is_signed(PASSWORD.encode()) == signed
    assert not read.is_signed(b"another password")


@given(TRANSACTIONS, ADDRESSES)
def test_the_answer_is_that_of_the_library(transaction: bytes, address: tuple[str, int]) -> None:
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction)
    answer.attributes["XOR-MAPPED-ADDRESS"] = address
    answer.add_message_integrity(PASSWORD.encode())
    assert write_response(transaction, address, PASSWORD.encode()) == bytes(answer)
    if ":" in address[0]:
        assert write_response(transaction, (*address, 0, 3), PASSWORD.encode()) == bytes(answer)  # type: ignore[arg-type]


@given(TRANSACTIONS, ATTRIBUTES, st.data())
def test_damage_is_refused_or_takes_away_the_signature(
    transaction: bytes, attributes: dict[str, Any], draw: st.DataObject
) -> None:
    whole = request(transaction, attributes)
    data = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    del data[draw.draw(st.integers(0, len(data))) if draw.draw(st.booleans()) else len(data) :]
    try:
        read = read_request(bytes(data))
    except ValueError:
        return
    if bytes(data) != whole and read.is_signed(PASSWORD.encode()):
        assert data[20 : len(read.signed)] == whole[20 : len(read.signed)]
        assert read == read_request(whole)


@given(st.binary(max_size=80))
def test_junk_is_refused_as_what_it_is(junk: bytes) -> None:
    for data in (junk, b"\0\1" + pack("!HI", len(junk), 0x2112A442) + bytes(12) + junk):
        try:
            read = read_request(data)
        except ValueError:
            continue
        assert not read.is_signed(PASSWORD.encode())


def test_what_comes_after_the_signature_does_not_count() -> None:
    signed = request(bytes(12), {"USERNAME": "us:them"})[:-8]
    signed = signed[:2] + pack("!H", len(signed) - 20) + signed[4:]
    more = pack("!HH", 0x25, 0) + pack("!HH4s", 6, 4, b"evil") + pack("!HH20s", 8, 20, bytes(20))
    read = read_request(lengthened(signed, more))
    assert (read.username, read.nominates) == ("us:them", False)
    assert read.is_signed(PASSWORD.encode())


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        request(bytes(12), {})[:19],
        request(bytes(12), {}) + b"\0",
        request(bytes(12), {})[:-1] + b"\0",
        lengthened(request(bytes(12), {}), pack("!HH", 0x25, 0)),
        lengthened(request(bytes(12), {}, signed=False), b"\0\6"),
        lengthened(request(bytes(12), {}, signed=False), pack("!HH", 6, 5) + b"four"),
        lengthened(request(bytes(12), {}, signed=False), pack("!HH", 6, 4) + b"\xff\xff\xff\xff"),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION)),
        bytes(stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)),
    ],
    ids=[
        "nothing",
        "short",
        "longer",
        "print",
        "after print",
        "half",
        "cut off",
        "no text",
        "other",
        "method",
    ],
)
def test_what_is_not_a_well_formed_request_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError):
        read_request(wrong)
