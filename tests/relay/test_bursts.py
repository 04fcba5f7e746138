"""Packets that came together go out together: everybody gets the same as one by one, in both planes."""

from __future__ import annotations

import contextlib
import gc
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay.door import pointer
from coordinator.relay.forwarding import burst, cursor, fast_path, rtp
from coordinator.relay.forwarding.history import History
from tests.relay.both_planes import PLANES
from tests.relay.inside import outbound
from tests.relay.relayed import CAMERA, EVERYBODY, FIRST, OPUS, VOICE, VP8, Relayed, arrived, camera, nothing

pytestmark = pytest.mark.usefixtures("everything_waits")

MANY = fast_path.MANY_EXITS, fast_path.MANY_PACKETS
UDP_GRO = 104


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
