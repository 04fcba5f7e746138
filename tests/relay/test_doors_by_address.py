"""Doors by address: as a dict would keep them, and as the socket module names who sent what."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.door import Behind, PureDoor
from coordinator.relay.doors import READS_PER_WAKE, PureDoors
from coordinator.relay.forwarding import engine

PLANES = {"pure": (PureDoors, PureDoor)}
if engine.compiled is not None:
    PLANES["compiled"] = (engine.compiled.Doors, engine.compiled.Door)
ADDRESSES: list[Any] = [
    ("10.0.0.1", 5000), ("10.0.0.1", 5001), ("10.0.0.2", 5000), ("1.0.0.10", 5000),
    ("255.255.255.255", 65535),
    ("::1", 5000, 0, 0), ("::1", 5001, 0, 0), ("::1", 5000, 7, 0), ("a00:1::", 5000, 0, 0),
    ("fe80::1", 5000, 0, 2), ("fe80::1", 5000, 0, 3), ("::ffff:10.0.0.1", 5000, 0, 0),
]  # fmt: skip
NUMBERS = st.integers(0, 2)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["admit", "admit", "expel", "clear"]), st.sampled_from(ADDRESSES), NUMBERS),
    max_size=40,
)


@pytest.fixture(params=list(PLANES))
def plane(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The classes of Doors and Door of a plane."""
    return PLANES[request.param]


def door(kind: Any, taken: list[bytes]) -> Any:
    def nothing(*_: object) -> None:
        raise AssertionError("nothing else comes")

    return kind(Behind(nothing, nothing, taken.append, nothing), (1000.0, 0.0), (1000.0, 0.0))


@pytest.mark.parametrize("name", list(PLANES))
@given(CHANGES)
def test_doors_are_kept_as_in_a_dict(name: str, changes: list[tuple[str, Any, int]]) -> None:
    doors_kind, door_kind = PLANES[name]
    doors, some = doors_kind(print), [door(door_kind, []) for _ in range(3)]
    like: dict[Any, Any] = {}
    for what, address, number in changes:
        if what == "admit":
            doors.admit(address, some[number])
            like[address] = some[number]
        elif what == "expel":
            doors.expel(address, some[number])
            if like.get(address) is some[number]:
                del like[address]
        elif number == 0:
            doors.clear()
            like.clear()
        assert len(doors) == len(like)
        assert [doors.get(each) for each in ADDRESSES] == [like.get(each) for each in ADDRESSES]


def test_doors_let_go_of_those_expelled(plane: tuple[Any, Any]) -> None:
    doors_kind, door_kind = plane
    doors, one = doors_kind(print), door(door_kind, [])
    before = sys.getrefcount(one)
    doors.admit(ADDRESSES[0], one)
    doors.admit(ADDRESSES[5], one)
    assert sys.getrefcount(one) == before + 2
    doors.expel(ADDRESSES[0], one)
    doors.clear()
    assert sys.getrefcount(one) == before


@pytest.mark.skipif("compiled" not in PLANES, reason="the compiled plane reads addresses itself")
@pytest.mark.parametrize(
    "wrong", [("host", 5000), ("10.0.0.1", 0), ("10.0.0.1", 65536), ("::g", 1, 0, 0), 7, ()]
)
def test_what_is_no_address_is_refused(wrong: Any) -> None:
    doors_kind, door_kind = PLANES["compiled"]
    doors = doors_kind(print)
    for refused in (doors.admit, doors.expel):
        with pytest.raises(ValueError, match="not the address of a socket"):
            refused(wrong, door(door_kind, []))
    with pytest.raises(ValueError, match="not the address of a socket"):
        doors.get(wrong)
    with pytest.raises(TypeError):
        doors.admit(ADDRESSES[0], "no door")


@contextlib.contextmanager
def three_sockets(family: int, host: str) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        three = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(3)]
        for each in three:
            each.bind((host, 0))
            each.setblocking(False)
        yield three


@pytest.mark.parametrize("family, host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_is_emptied_through_the_doors_by_the_addresses_that_the_socket_module_gives(
    plane: tuple[Any, Any], family: int, host: str
) -> None:
    checks: list[tuple[bytes, Any]] = []
    taken: list[bytes] = []
    doors = plane[0](lambda *check: checks.append(check))
    with three_sockets(family, host) as (receiver, known, unknown):
        doors.admit(known.getsockname(), door(plane[1], taken))
        for number in range(40):
            known.sendto(b"\x16%d" % number, receiver.getsockname())
        unknown.sendto(b"\x16junk", receiver.getsockname())
        unknown.sendto(b"\0\1check", receiver.getsockname())
        known.sendto(b"", receiver.getsockname())
        doors.drain(receiver)
        assert (doors.received, doors.dropped) == (43, 1)
        assert taken == [b"\x16%d" % number for number in range(40)]
        assert checks == [(b"\0\1check", unknown.getsockname())]
        doors.drain(receiver)
        assert (doors.received, doors.dropped) == (43, 1)


@pytest.mark.parametrize("family, host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_an_address_leads_to_its_door_of_now_however_often_it_was_looked_up(
    plane: tuple[Any, Any], family: int, host: str
) -> None:
    first: list[bytes] = []
    second: list[bytes] = []
    doors = plane[0](print)
    with three_sockets(family, host) as (receiver, known, _):
        address = known.getsockname()

        def come(data: bytes) -> None:
            known.sendto(data, receiver.getsockname())
            doors.drain(receiver)

        come(b"\x16early")
        one, other = door(plane[1], first), door(plane[1], second)
        doors.admit(address, one)
        come(b"\x16one")
        come(b"\x16two")
        doors.admit(address, other)
        come(b"\x16three")
        doors.expel(address, one)
        come(b"\x16four")
        doors.expel(address, other)
        come(b"\x16late")
        doors.admit(address, one)
        come(b"\x16five")
        doors.clear()
        come(b"\x16too late")
        assert first == [b"\x16one", b"\x16two", b"\x16five"]
        assert second == [b"\x16three", b"\x16four"]
        assert doors.dropped == 3


def test_so_much_is_taken_at_a_time_and_the_rest_stays(plane: tuple[Any, Any]) -> None:
    doors = plane[0](print)
    with three_sockets(socket.AF_INET, "127.0.0.1") as (receiver, *_, sender):
        for _ in range(READS_PER_WAKE + 5):
            sender.sendto(b"\x16junk", receiver.getsockname())
        doors.drain(receiver)
        assert doors.received == READS_PER_WAKE
        doors.drain(receiver)
        assert (doors.received, doors.dropped) == (READS_PER_WAKE + 5, READS_PER_WAKE + 5)


def test_a_closed_socket_has_nothing(plane: tuple[Any, Any]) -> None:
    doors = plane[0](print)
    with three_sockets(socket.AF_INET, "127.0.0.1") as (receiver, *_):
        pass
    with contextlib.suppress(ValueError):  # it has no descriptor any more
        doors.drain(receiver)
    assert doors.received == 0
