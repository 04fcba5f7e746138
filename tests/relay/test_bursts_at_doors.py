"""What waits at a door for more of its kind goes on its way before anything else is taken, in both planes."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from coordinator.relay.door import Behind
from coordinator.relay.forwarding import cursor
from tests.relay.both_planes import PLANES
from tests.relay.inside import open_door, outbound
from tests.relay.relayed import CAMERA, EVERYBODY, VP8, Relayed, camera, nothing

pytestmark = pytest.mark.usefixtures("everything_waits")


CONTROL = b"\x81\xce\0\2" + bytes(8)


def fail(*_: object) -> None:
    raise KeyError("no way")


def a_socket(stack: contextlib.ExitStack) -> socket.socket:
    found = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    found.bind(("127.0.0.1", 0))
    found.setblocking(False)
    return found


def door_to(relayed: Relayed, take: Any, on_fault: Any) -> Any:
    """An open door to its fast path; `take` gets all that is not for that."""
    door = relayed.plane.Door(Behind(take, take, take, on_fault), (1000.0, 0.0), (1000.0, 0.0))
    open_door(door)
    door.fast_path = relayed.path
    return door


def looked_at_by(look: Any, plane: Any, stack: contextlib.ExitStack) -> Relayed:
    """A camera to one subscriber, where somebody has to look at each packet."""
    relayed = Relayed(plane, stack)
    relayed.add({"source": cursor.NONE}, 5, True)
    relayed.path.forget()
    relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, fail, look)
    return relayed


@pytest.mark.parametrize("plane", PLANES)
def test_what_comes_in_one_go_is_let_go_before_anything_else_is_taken(plane: Any) -> None:
    """Two publishers, a check and a control packet between their media: each comes in its turn."""
    order: list[Any] = []

    def note(data: bytes) -> None:
        order.append((data[:2], relays[0].wire.sent, relays[1].wire.sent))

    with contextlib.ExitStack() as stack:
        relays = [Relayed(plane, stack) for _ in range(2)]
        mux = a_socket(stack)
        doors = plane.Doors(lambda data, address: note(data))
        lines = []
        for relayed in relays:
            relayed.add(*EVERYBODY[0])
            line = a_socket(stack)
            doors.admit(line.getsockname(), door_to(relayed, note, nothing))
            lines.append((line, outbound()))
        packets = camera([(b"\x10", b"\x01", 50, False)] * 8)

        def send(number: int, data: bytes, *, control: bool = False) -> None:
            line, srtp = lines[number]
            line.sendto(srtp.protect_rtcp(data) if control else srtp.protect(data), mux.getsockname())

        for data in packets[:3]:
            send(0, data)
        lines[0][0].sendto(b"\0\1check", mux.getsockname())
        for data in packets[:2]:
            send(1, data)
        send(0, packets[3])
        send(0, CONTROL, control=True)
        send(0, packets[4])
        send(0, packets[7])  # not the next one: the long way
        lines[1][0].sendto(b"\x16dtls", mux.getsockname())
        send(1, packets[2])
        lines[1][0].sendto(b"\x17more", mux.getsockname())
        send(1, packets[3])
        doors.drain(mux)
        assert order == [
            (b"\0\1", 3, 0), (b"\x81\xce", 4, 2), (packets[7][:2], 5, 2), (b"\x16d", 5, 2),
            (b"\x17m", 5, 3),
        ]  # fmt: skip
        assert [relayed.wire.sent for relayed in relays] == [5, 4]


@pytest.mark.parametrize("plane", PLANES)
def test_a_fault_of_one_who_waits_is_told_and_the_rest_is_taken(plane: Any) -> None:
    faults: list[str] = []

    with contextlib.ExitStack() as stack:
        door = door_to(looked_at_by(fail, plane, stack), fail, lambda error: faults.append(repr(error)))
        mux, line = a_socket(stack), a_socket(stack)
        checks: list[bytes] = []
        doors = plane.Doors(lambda data, address: checks.append(data))
        doors.admit(line.getsockname(), door)
        srtp = outbound()
        for data in camera([(b"\x10", b"\x01", 50, False)] * 2):
            line.sendto(srtp.protect(data), mux.getsockname())
        line.sendto(b"\0\1check", mux.getsockname())
        doors.drain(mux)
        assert faults == ["KeyError('no way')"] and checks == [b"\0\1check"]


@pytest.mark.parametrize("plane", PLANES)
def test_a_fault_of_one_who_waits_costs_no_packet_that_came_after(plane: Any) -> None:
    came: list[bytes] = []
    faults: list[str] = []

    with contextlib.ExitStack() as stack:
        relayed = looked_at_by(fail, plane, stack)
        door = door_to(relayed, came.append, lambda error: faults.append(repr(error)))
        srtp = outbound()
        packets = camera([(b"\x10", b"\x01", 50, False)] * 6)
        door.hold(srtp.protect(packets[0]))
        door.hold(srtp.protect(packets[5]))  # not the next one: the long way
        door.hold(srtp.protect(packets[1]))
        door.hold(srtp.protect_rtcp(CONTROL))
        door.hold(srtp.protect(packets[2]))
        door.hold(b"\x16dtls")
        door.settle()
        assert came == [packets[5], CONTROL, b"\x16dtls"]
        assert faults == ["KeyError('no way')"] * 3


@pytest.mark.parametrize("plane", PLANES)
def test_a_door_may_go_while_another_lets_go_what_it_held(plane: Any) -> None:
    came: list[bytes] = []
    with contextlib.ExitStack() as stack:
        mux, line, other = (a_socket(stack) for _ in range(3))
        doors = plane.Doors(nothing)
        relayed = looked_at_by(lambda *_: doors.clear(), plane, stack)
        doors.admit(line.getsockname(), door_to(relayed, came.append, nothing))
        doors.admit(other.getsockname(), door_to(Relayed(plane, stack), came.append, nothing))
        srtp = outbound()
        (packet,) = camera([(b"\x10", b"\x01", 50, False)])
        line.sendto(srtp.protect(packet), mux.getsockname())
        for _ in range(2):
            other.sendto(b"\x16dtls", mux.getsockname())
        doors.drain(mux)
        assert (came, len(doors), doors.dropped) == ([b"\x16dtls"], 0, 1)
