"""Packets that came together go out together: everybody gets the same as one by one, in both planes."""

from __future__ import annotations

import contextlib
import gc
import socket
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay.door import Behind, PureDoor, pointer
from coordinator.relay.doors import PureDoors
from coordinator.relay.forwarding import burst, cursor, engine, fast_path, flight, intake, rtp, sender, twcc
from coordinator.relay.forwarding.history import History
from tests.relay.inside import open_door, outbound

VP8, OPUS = 96, 111
CAMERA, VOICE = 7, 6
FIRST = 0xFFFA
FIELDS = cursor.Cursor.__slots__
SO_NO_CHECK = 11
"""A socket without checksums is one whose bursts the kernel refuses to cut."""
UDP_GRO = 104


class Pure:
    """The names of the pure plane in one place, as the compiled module has them."""

    Cursor = cursor.Cursor
    FastPath = fast_path.FastPath
    Flight = flight.Flight
    Intake = intake.Intake
    Recorder = twcc.Recorder
    Sender = sender.Sender
    Wire = sender.Wire


PLANES: list[Any] = [Pure, engine.compiled] if engine.compiled is not None else [Pure]
MANY = fast_path.MANY_EXITS, fast_path.MANY_PACKETS


@pytest.fixture(autouse=True, scope="module")
def everything_waits() -> Iterator[None]:
    """Let packets wait in the pure plane too where it does not pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_path, "MANY_EXITS", 1)
        patch.setattr(fast_path, "MANY_PACKETS", 2)
        yield


def nothing(*found: object) -> None:
    """What is not to be called."""
    pytest.fail(f"{found}")


class Relayed:
    """A camera on its way to some subscribers: each on a socket of its own, or through a caller."""

    def __init__(
        self, plane: Any, stack: contextlib.ExitStack, *, checks: bool = True, six: bool = False
    ) -> None:
        self.plane, self.stack = plane, stack
        self.family, self.host = (socket.AF_INET6, "::1") if six else (socket.AF_INET, "127.0.0.1")
        self.called: list[list[bytes]] = []
        self.receivers: list[socket.socket | None] = []
        self.exits: list[Any] = []
        self.flights: list[Any] = []
        self.looked_at: list[Any] = []
        self.path = plane.FastPath(plane.Recorder(), self.looked_at.append)
        self.intake = plane.Intake("vp8", 90_000, History(64))
        self.intake.top = FIRST - 1
        self.out = stack.enter_context(socket.socket(self.family, socket.SOCK_DGRAM))
        if not checks:
            self.out.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        self.wire = plane.Wire()
        self.wire.open(None if six else self.out, self.out if six else None)
        self.path.put(CAMERA, (VP8,), self.intake, self.exits, self._keyframe, self._look)
        voice = plane.Intake("opus", 48_000, History(64))
        voice.top = FIRST - 1
        self.path.put(VOICE, (OPUS,), voice, self.exits, self._keyframe, self._look)

    def _keyframe(self, packet: Any, now: float) -> None:
        self.looked_at.append((packet.seq, "keyframe", now))

    def _look(self, packet: Any, places: list[int], now: float) -> None:
        self.looked_at.append((packet.seq, places, now))

    def add(self, fields: dict[str, int], counted: int, aimed: bool) -> None:
        """One more subscriber."""
        told: list[bytes] = []
        at, line = self.plane.Cursor(100 + len(self.exits), 1, 98), self.plane.Flight()
        for name, value in fields.items():
            setattr(at, name, value)
        out = self.plane.Sender(told.append, line)
        out.configure(3, counted)
        receiver = None
        if aimed:
            receiver = self.stack.enter_context(socket.socket(self.family, socket.SOCK_DGRAM))
            receiver.bind((self.host, 0))
            receiver.setblocking(False)
            theirs = outbound()
            srtp = pointer(theirs._srtp[0])
            assert out.aim(self.wire, receiver.getsockname(), srtp, pointer("srtp_protect"), theirs)
        self.called.append(told)
        self.receivers.append(receiver)
        self.flights.append(line)
        self.exits.append((at, out))

    def known(self) -> list[Any]:
        """What each got, and all that is known of it."""
        found: list[Any] = [self.looked_at, self.path.received, self.intake.top]
        found += [self.wire.sent, self.wire.refused]
        for (at, out), told, receiver, line in zip(
            self.exits, self.called, self.receivers, self.flights, strict=True
        ):
            line.take([(number, number / 50 + 7) for number in range(1, line.number + 1, 2)])
            found.append({name: getattr(at, name) for name in FIELDS})
            found.append((out.packets, line.number, line.sent_bytes, line.queue_s, line.outcome()))
            found.append(told + arrived(receiver))
        return found


def arrived(receiver: socket.socket | None) -> list[bytes]:
    """What came to a socket that does not block."""
    found: list[bytes] = []
    with contextlib.suppress(BlockingIOError):
        while receiver is not None:
            found.append(receiver.recv(4096))
    return found


@st.composite
def subscribers(draw: st.DrawFn) -> tuple[dict[str, int], int, bool]:
    fields = {
        "source": draw(st.sampled_from([CAMERA, CAMERA, CAMERA, VOICE, cursor.NONE, 8])),
        "first": draw(st.sampled_from([0, 0, 0, FIRST + 100])),
        "shift": draw(st.sampled_from([0, 0, 5, -70_000, 3])),
        "timestamp_shift": draw(st.sampled_from([0, 5, 0xFFFFFFFF])),
        "picture_shift": draw(st.sampled_from([0, 0, 1, 0x7FFF])),
        "tl0_shift": draw(st.sampled_from([0, 0, 1, 0xFF])),
        "sequence": draw(st.sampled_from([0, 0, FIRST + 3, 140_000])),
    }
    return fields, draw(st.sampled_from([5, 5, 5, 0])), draw(st.booleans())


descriptors = st.sampled_from([b"\x90\xe0\x85\x39\x44\x20", b"\x80\xf0\xff\xff\xff\xff", b"\x10", b"\x00"])
lengths = st.one_of(
    st.sampled_from([40, 40, 40, 40, 39, 41, 1200, 1873, 1874, 1878, 1879, 1900]), st.integers(4, 60)
)
kinds = st.sampled_from([b"\x01", b"\x01", b"\x01", b"\x01", b"\x00"])
unreadable = st.tuples(st.just(b"\x90\xf0\x85\x39\x44\x20"), st.just(b""), st.just(0), st.booleans())
whole = st.tuples(descriptors, kinds, lengths, st.booleans())
arrivals = st.lists(st.one_of(whole, whole, whole, whole, unreadable), min_size=1, max_size=24)


def camera(coming: list[tuple[bytes, bytes, int, bool]], sounds: Collection[int] = ()) -> list[bytes]:
    """Packets of a camera, but for those that are of sound."""
    found = []
    number = {CAMERA: FIRST, VOICE: FIRST}
    for place, (start, kind, length, marker) in enumerate(coming):
        ssrc, payload_type = (VOICE, OPUS) if place in sounds else (CAMERA, VP8)
        payload = start + kind + bytes(length)
        found.append(rtp.build(payload_type, marker, number[ssrc], 3000 * place, ssrc, b"", payload))
        number[ssrc] += 1
    return found


numbers = st.sets(st.integers(0, 23))


@settings(max_examples=200, deadline=None)
@given(st.lists(subscribers(), min_size=1, max_size=4), arrivals, numbers, numbers)
def test_what_waits_for_more_comes_to_the_same(
    everybody: list[tuple[dict[str, int], int, bool]],
    coming: list[tuple[bytes, bytes, int, bool]],
    sounds: set[int],
    pauses: set[int],
) -> None:
    seen = []
    for plane in PLANES:
        for held, as_usual in ((False, False), (True, False), (True, True)):
            with contextlib.ExitStack() as stack:
                if as_usual:
                    patch = stack.enter_context(pytest.MonkeyPatch.context())
                    patch.setattr(fast_path, "MANY_EXITS", MANY[0])
                    patch.setattr(fast_path, "MANY_PACKETS", MANY[1])
                relayed = Relayed(plane, stack)
                for subscriber in everybody:
                    relayed.add(*subscriber)
                for number, data in enumerate(camera(coming, sounds)):
                    take = relayed.path.hold if held else relayed.path.take
                    assert take(data, 1000.0 + number / 100)
                    if number in pauses:
                        relayed.path.settle()
                relayed.path.settle()
                relayed.path.settle()
                seen.append(relayed.known())
    assert all(each == seen[0] for each in seen[1:])


EVERYBODY = [({"source": CAMERA, "shift": number}, 5, True) for number in range(3)]
FRAME = [(b"\x10", b"\x01", 1000, False)] * 5 + [(b"\x00", b"\x01", 300, True)]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("checks", [True, False])
def test_a_burst_arrives_whether_the_system_cuts_it_or_not(plane: Any, six: bool, checks: bool) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack, checks=checks, six=six)
        for subscriber in EVERYBODY:
            relayed.add(*subscriber)
        for data in camera(FRAME):
            assert relayed.path.hold(data, 1.0)
        assert [arrived(receiver) for receiver in relayed.receivers] == [[], [], []]
        relayed.path.settle()
        sizes = [[len(data) for data in arrived(receiver)] for receiver in relayed.receivers]
        assert len(set(map(tuple, sizes))) == 1 and len(sizes[0]) == len(FRAME)
        assert (relayed.wire.sent, relayed.wire.refused) == (3 * len(FRAME), 0)


@pytest.mark.parametrize("plane", PLANES)
def test_a_burst_has_an_end(plane: Any) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        for data in camera([(b"\x10", b"\x01", 50, False)] * (burst.MAX_BURST + 1)):
            relayed.path.hold(data, 1.0)
        assert len(arrived(relayed.receivers[0])) == burst.MAX_BURST
        relayed.path.settle()
        assert len(arrived(relayed.receivers[0])) == 1


@pytest.mark.parametrize("plane", PLANES)
def test_sound_is_looked_at_for_who_gets_other_sound_each_packet_of_a_burst(plane: Any) -> None:
    """Any packet of sound may be the first of a stream."""
    seen = []
    for held in (False, True):
        with contextlib.ExitStack() as stack:
            relayed = Relayed(plane, stack)
            for source in (VOICE, cursor.NONE, 8):
                relayed.add({"source": source}, 5, True)
            take = relayed.path.hold if held else relayed.path.take
            for number in range(3):
                assert take(rtp.build(OPUS, False, FIRST + number, 960 * number, VOICE, b"", b"sound"), 1.0)
            relayed.path.settle()
            assert relayed.looked_at == [(FIRST + number, [1, 2], 1.0) for number in range(3)]
            seen.append(relayed.known())
    assert seen[0] == seen[1]


@pytest.mark.parametrize("plane", PLANES)
def test_without_a_way_out_a_burst_is_counted_and_goes_nowhere(plane: Any) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        relayed.wire.close()
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        relayed.path.settle()
        (at, out), line = relayed.exits[0], relayed.flights[0]
        assert (relayed.wire.sent, relayed.wire.refused) == (0, 0)
        assert (at.packets, out.packets, line.number) == (len(FRAME),) * 3
        assert arrived(relayed.receivers[0]) == []


@pytest.mark.parametrize("plane", PLANES)
def test_every_packet_of_a_burst_that_the_system_refuses_is_counted_so(plane: Any) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        theirs = outbound()
        everywhere = ("255.255.255.255", 9)  # which is not allowed unless it was asked for
        srtp = pointer(theirs._srtp[0])
        assert relayed.exits[0][1].aim(relayed.wire, everywhere, srtp, pointer("srtp_protect"), theirs)
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        relayed.path.settle()
        assert (relayed.wire.sent, relayed.wire.refused) == (0, len(FRAME))


@pytest.mark.parametrize("plane", PLANES)
def test_who_lost_its_way_while_packets_waited_gets_them_through_its_caller(plane: Any) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        for subscriber in EVERYBODY:
            relayed.add(*subscriber)
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        relayed.exits[0][1].release()
        del relayed.exits[2]
        relayed.path.settle()
        assert [len(each) for each in relayed.called] == [len(FRAME), 0, 0]
        assert [len(arrived(receiver)) for receiver in relayed.receivers] == [0, len(FRAME), 0]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("six", [False, True])
def test_a_burst_is_one_call(plane: Any, six: bool) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack, six=six)
        relayed.add(*EVERYBODY[0])
        receiver = relayed.receivers[0]
        assert receiver is not None
        receiver.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        relayed.path.settle()
        assert len(arrived(receiver)) == 1, "as one to whoever takes many at once"


@pytest.mark.parametrize("plane", PLANES)
def test_what_waits_goes_out_even_if_its_stream_ends(plane: Any) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        relayed.path.forget()
        relayed.path.settle()
        assert len(arrived(relayed.receivers[0])) == len(FRAME)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("count", [1, 2, burst.MAX_BURST])
def test_what_waits_may_be_given_up_with_all_that_knows_it(plane: Any, count: int) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        for data in camera([(b"\x10", b"\x01", 50, False)] * count):
            relayed.path.hold(data, 1.0)
        del relayed.path
        gc.collect()
        assert arrived(relayed.receivers[0]) == []


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("keyframe", [False, True])
def test_a_stream_may_end_while_another_is_let_go(plane: Any, keyframe: bool) -> None:
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": CAMERA}, 5, True)
        relayed.add({"source": cursor.NONE}, 5, True)
        voice = plane.Intake("opus", 48_000, History(64))
        voice.top = FIRST - 1
        ended: list[Any] = []

        def end(*_: object) -> None:
            ended.append(relayed.path.forget())

        relayed.path.forget()
        relayed.path.put(VOICE, (OPUS,), voice, relayed.exits, nothing, end)
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, relayed._keyframe, relayed._look)
        assert relayed.path.hold(rtp.build(OPUS, False, FIRST, 0, VOICE, b"", b"sound"), 1.0)
        (data,) = camera([(b"\x10", b"\x00" if keyframe else b"\x01", 50, False)])
        assert relayed.path.hold(data, 1.0)
        relayed.path.settle()
        assert relayed.looked_at == [(FIRST, "keyframe" if keyframe else [1], 1.0)] and len(ended) == 1
        assert len(arrived(relayed.receivers[0])) == (not keyframe)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("keyframe", [False, True])
def test_what_is_raised_for_one_that_waited_costs_the_next_nothing(plane: Any, keyframe: bool) -> None:
    def fail(*_: object) -> None:
        raise KeyError("no way")

    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": CAMERA}, 5, True)
        relayed.add({"source": cursor.NONE}, 5, True)
        voice = plane.Intake("opus", 48_000, History(64))
        voice.top = FIRST - 1
        relayed.path.forget()
        relayed.path.put(VOICE, (OPUS,), voice, relayed.exits, fail, fail)
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, relayed._keyframe, relayed._look)
        assert relayed.path.hold(rtp.build(OPUS, False, FIRST, 0, VOICE, b"", b"sound"), 1.0)
        (data,) = camera([(b"\x10", b"\x00" if keyframe else b"\x01", 50, False)])
        with pytest.raises(KeyError):
            relayed.path.hold(data, 1.0)
        relayed.path.settle()
        assert relayed.looked_at == [(FIRST, "keyframe" if keyframe else [1], 1.0)]


@pytest.mark.parametrize("plane", PLANES)
def test_what_is_raised_for_one_that_waited_costs_no_other_subscriber_anything(plane: Any) -> None:
    def fail(packet: Any, places: list[int], now: float) -> None:
        raise KeyError("no way")

    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add(*EVERYBODY[0])
        relayed.add({"source": cursor.NONE}, 5, True)
        relayed.path.put(8, (VP8,), relayed.intake, relayed.exits, fail, fail)
        relayed.exits[0][0].source = 8
        for number in range(3):
            data = rtp.build(VP8, False, FIRST + number, 0, 8, b"", b"\x10\x01picture")
            assert relayed.path.hold(data, 1.0)
        with pytest.raises(KeyError):
            relayed.path.settle()
        relayed.path.settle()
        assert len(arrived(relayed.receivers[0])) == 3


DOORS: dict[str, Any] = {"pure": (PureDoors, PureDoor)}
if engine.compiled is not None:
    DOORS["compiled"] = (engine.compiled.Doors, engine.compiled.Door)


@pytest.mark.parametrize("name", list(DOORS))
def test_what_comes_in_one_go_is_let_go_before_anything_else_is_taken(name: str) -> None:
    """Two publishers, a check and a control packet between their media: each comes in its turn."""
    doors_kind, door_kind = DOORS[name]
    plane = PLANES[list(DOORS).index(name)]
    order: list[Any] = []

    def note(data: bytes) -> None:
        order.append((data[:2], relays[0].wire.sent, relays[1].wire.sent))

    with contextlib.ExitStack() as stack:
        relays = [Relayed(plane, stack) for _ in range(2)]
        mux = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        mux.bind(("127.0.0.1", 0))
        mux.setblocking(False)
        doors = doors_kind(lambda data, address: note(data))
        lines = []
        for relayed in relays:
            relayed.add(*EVERYBODY[0])

            door = door_kind(Behind(note, note, note, nothing), (1000.0, 0.0), (1000.0, 0.0))
            open_door(door)
            door.fast_path = relayed.path
            line = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            line.bind(("127.0.0.1", 0))
            doors.admit(line.getsockname(), door)
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
        send(0, b"\x81\xce\0\2" + bytes(8), control=True)
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


@pytest.mark.parametrize("name", list(DOORS))
def test_a_fault_of_one_who_waits_is_told_and_the_rest_is_taken(name: str) -> None:
    doors_kind, door_kind = DOORS[name]
    plane = PLANES[list(DOORS).index(name)]
    faults: list[str] = []

    def fail(*_: object) -> None:
        raise KeyError("no way")

    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": cursor.NONE}, 5, True)
        relayed.path.forget()
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, fail, fail)
        door = door_kind(
            Behind(fail, fail, fail, lambda error: faults.append(repr(error))), (1000.0, 0.0), (1000.0, 0.0)
        )
        open_door(door)
        door.fast_path = relayed.path
        mux, line = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        for each in (mux, line):
            each.bind(("127.0.0.1", 0))
        mux.setblocking(False)
        checks: list[bytes] = []
        doors = doors_kind(lambda data, address: checks.append(data))
        doors.admit(line.getsockname(), door)
        srtp = outbound()
        for data in camera([(b"\x10", b"\x01", 50, False)] * 2):
            line.sendto(srtp.protect(data), mux.getsockname())
        line.sendto(b"\0\1check", mux.getsockname())
        doors.drain(mux)
        assert faults == ["KeyError('no way')"] and checks == [b"\0\1check"]


@pytest.mark.parametrize("name", list(DOORS))
def test_a_fault_of_one_who_waits_costs_no_packet_that_came_after(name: str) -> None:
    _, door_kind = DOORS[name]
    plane = PLANES[list(DOORS).index(name)]
    came: list[bytes] = []
    faults: list[str] = []

    def fail(*_: object) -> None:
        raise KeyError("no way")

    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": cursor.NONE}, 5, True)
        relayed.path.forget()
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, fail, fail)
        door = door_kind(
            Behind(came.append, came.append, came.append, lambda error: faults.append(repr(error))),
            (1000.0, 0.0), (1000.0, 0.0),
        )  # fmt: skip
        open_door(door)
        door.fast_path = relayed.path
        srtp = outbound()
        packets = camera([(b"\x10", b"\x01", 50, False)] * 6)
        control = b"\x81\xce\0\2" + bytes(8)
        door.hold(srtp.protect(packets[0]))
        door.hold(srtp.protect(packets[5]))  # not the next one: the long way
        door.hold(srtp.protect(packets[1]))
        door.hold(srtp.protect_rtcp(control))
        door.hold(srtp.protect(packets[2]))
        door.hold(b"\x16dtls")
        door.settle()
        assert came == [packets[5], control, b"\x16dtls"]
        assert faults == ["KeyError('no way')"] * 3


@pytest.mark.parametrize("name", list(DOORS))
def test_a_door_may_go_while_another_lets_go_what_it_held(name: str) -> None:
    doors_kind, door_kind = DOORS[name]
    plane = PLANES[list(DOORS).index(name)]
    came: list[bytes] = []
    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": cursor.NONE}, 5, True)
        mux, line, other = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)
        )
        for each in (mux, line, other):
            each.bind(("127.0.0.1", 0))
        mux.setblocking(False)
        doors = doors_kind(nothing)
        relayed.path.forget()
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, nothing, lambda *_: doors.clear())
        behind = Behind(came.append, came.append, came.append, nothing)
        door = door_kind(behind, (1000.0, 0.0), (1000.0, 0.0))
        open_door(door)
        door.fast_path = relayed.path
        doors.admit(line.getsockname(), door)
        doors.admit(other.getsockname(), door_kind(behind, (1000.0, 0.0), (1000.0, 0.0)))
        srtp = outbound()
        (packet,) = camera([(b"\x10", b"\x01", 50, False)])
        line.sendto(srtp.protect(packet), mux.getsockname())
        for _ in range(2):
            other.sendto(b"\x16dtls", mux.getsockname())
        doors.drain(mux)
        assert (came, len(doors), doors.dropped) == ([b"\x16dtls"], 0, 1)


@pytest.mark.parametrize("plane", PLANES)
def test_what_is_raised_for_one_packet_of_a_burst_costs_no_other(plane: Any) -> None:
    looked_at: list[int] = []

    def look(packet: Any, places: list[int], now: float) -> None:
        looked_at.append(packet.seq - FIRST)
        if len(looked_at) in (1, 3):
            raise KeyError(looked_at[-1])

    with contextlib.ExitStack() as stack:
        relayed = Relayed(plane, stack)
        relayed.add({"source": cursor.NONE}, 5, True)
        relayed.path.forget()
        relayed.path.put(CAMERA, (VP8,), relayed.intake, relayed.exits, nothing, look)
        for data in camera(FRAME):
            relayed.path.hold(data, 1.0)
        with pytest.raises(KeyError, match="2"):
            relayed.path.settle()
        assert looked_at == list(range(len(FRAME)))
