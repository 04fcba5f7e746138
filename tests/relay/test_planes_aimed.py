"""A sender that encrypts and sends by itself, in both planes: what arrives is what a caller would get."""

from __future__ import annotations

import contextlib
import socket
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay.door import Behind, PureDoor, pointer
from coordinator.relay.forwarding import flight, sender
from coordinator.relay.forwarding.history import Packet
from coordinator.relay.forwarding.intake import packet_of
from coordinator.relay.forwarding.sender import MAX_PLAIN_BYTES
from tests.relay.inside import open_door, outbound
from tests.relay.test_planes import (
    FIELDS,
    PLANES,
    Pure,
    cursors,
    extensions,
    like,
    of,
    packets,
    told_of_fan_out,
)

PROTECT = pointer("srtp_protect")


@contextlib.contextmanager
def aimed(plane: Any, receiver: socket.socket) -> Any:
    """A sender that encrypts and sends by itself to `receiver`, on a wire of its own."""
    session = outbound()
    with socket.socket(receiver.family, socket.SOCK_DGRAM) as out:
        wire = plane.Wire()
        wire.open(out, out)
        each = plane.Sender(lambda data: None, plane.Flight())
        each.configure(3, 5)
        assert each.aim(wire, receiver.getsockname(), pointer(session._srtp[0]), PROTECT, session)
        yield each, wire


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("family, host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_an_aimed_sender_encrypts_and_sends_what_another_gives_to_its_caller(
    plane: Any, family: int, host: str
) -> None:
    clear: list[bytes] = []
    came: list[bytes] = []
    plain, door = sender.Sender(clear.append, flight.Flight()), inbound(came.append)
    with socket.socket(family, socket.SOCK_DGRAM) as receiver:
        receiver.bind((host, 0))
        receiver.settimeout(5)
        with aimed(plane, receiver) as (each, wire):
            for number, (timed, counted) in enumerate([(3, 5), (3, 0), (0, 0)]):
                for out in (plain, each):
                    out.configure(timed, counted)
                for size in (0, 1, 1200, 1400):
                    for out in (plain, each):
                        out.send(96, True, 0x12345 + 2000 * number + size, 2**33 + 5, 77, bytes(size), 1.5)
                    door.take(receiver.recv(4096))
            assert (wire.sent, wire.refused, each.packets) == (12, 0, 12)
    assert came == clear and len(clear) == 12


def inbound(taker: Callable[[bytes], None]) -> PureDoor:
    """The other end of what an aimed sender encrypts."""
    door = PureDoor(Behind(taker, taker, taker, pytest.fail), (1e6, 1e6), (1e6, 1e6))
    open_door(door)
    return door


@settings(max_examples=50, deadline=None)
@given(extensions, cursors(), st.lists(packets(), min_size=1, max_size=4))
def test_what_goes_straight_to_an_address_is_what_a_caller_would_get(
    numbers: tuple[int, int], fields: dict[str, int | float], incoming: list[Packet]
) -> None:
    for number, packet in enumerate(incoming):  # libsrtp takes no number twice, nor one far off
        packet.seq = 0x10000 + number
    fields |= {"source": 7, "first": 0x10000, "shift": 5, "sequence": 0}
    asked = told_of_fan_out(Pure, [(fields, numbers)], incoming)
    clear = [each for each in asked if isinstance(each, bytes) and len(each) <= MAX_PLAIN_BYTES]
    for plane in PLANES:
        came: list[bytes] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            with aimed(plane, receiver) as (each, wire):
                each.configure(*numbers)
                at, door = plane.Cursor(100, 1, 96), inbound(came.append)
                for name, value in fields.items():
                    setattr(at, name, value)
                for step, packet in enumerate(incoming):
                    assert plane.fan_out([(at, each)], 7, like(packet, plane), 1000.5 + step) == []
                assert (wire.sent, wire.refused, each.packets) == (len(clear), 0, len(incoming))
                for _ in clear:
                    door.take(receiver.recv(4096))
                assert came == clear
                assert (of(at, FIELDS), each.packets) == asked[-1][0]


@pytest.mark.parametrize("plane", PLANES)
def test_what_is_too_long_for_the_buffer_is_counted_and_goes_nowhere(plane: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        with aimed(plane, receiver) as (each, wire):
            for size in (1881, 2048, 5000, 70000):
                each.send(96, True, size, 5, 77, bytes(size), 1.5)
            with pytest.raises(BlockingIOError):
                receiver.recv(100)
            assert (wire.sent, each.packets) == (0, 4)


@pytest.mark.parametrize("plane", PLANES)
def test_a_closed_wire_sends_nothing_and_a_released_sender_goes_back_to_its_caller(plane: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with aimed(plane, receiver) as (each, wire):
            wire.close()
            each.send(96, True, 1, 5, 77, b"x", 1.5)
            assert (wire.sent, wire.refused) == (0, 0)
            each.release()
            each.release()
            each.send(96, True, 2, 5, 77, b"x", 1.5)
            assert (wire.sent, each.packets) == (0, 2)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(
    "address", [("nowhere", 5), ("fe80::1%eth0", 5), ("127.0.0.1", 0), ("127.0.0.1", 99999), (), "127.0.0.1"]
)
def test_an_address_that_is_none_is_not_aimed_at(plane: Any, address: object) -> None:
    told: list[bytes] = []
    each = plane.Sender(told.append, plane.Flight())
    assert not each.aim(plane.Wire(), address, 1, 1, None)
    each.send(96, True, 1, 5, 77, b"x", 1.5)
    assert len(told) == 1


@pytest.mark.parametrize("plane", PLANES)
def test_who_cannot_be_aimed_elsewhere_goes_back_to_its_caller(plane: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with aimed(plane, receiver) as (each, wire):
            each.configure(0, 5)
            session = outbound()
            owner = {session}
            known = weakref.ref(owner)
            assert each.aim(wire, receiver.getsockname(), pointer(session._srtp[0]), PROTECT, owner)
            del owner
            assert known() is not None
            assert not each.aim(wire, ("nowhere", 5), 1, 1, None)
            assert known() is None, "nobody sends with it any more"
            at = plane.Cursor(100, 1, 96)
            at.source = 7
            packet = packet_of(plane.Packet(), "opus", b"x")
            packet.seq, packet.timestamp, packet.marker = 5, 5, False
            assert plane.fan_out([(at, each)], 7, packet, 1.5) == []
            assert (wire.sent, each.packets) == (0, 1)
