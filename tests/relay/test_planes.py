"""The compiled sending plane beside the pure one: the same bytes, the same state, the same errors."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coordinator.relay.forwarding import cursor, flight, rtp
from coordinator.relay.forwarding.codecs import parse_vp8
from coordinator.relay.forwarding.history import History, Packet
from tests.relay.both_planes import Pure

compiled: Any = pytest.importorskip("coordinator.relay.forwarding._compiled", reason="no compiler at set-up")

FIELDS = cursor.Cursor.__slots__


PLANES: list[Any] = [Pure, compiled]

shifts = st.integers(0, 0xFFFFFFFF)
sources = st.sampled_from([cursor.NONE, 7, 8])
pictures = st.tuples(
    st.sampled_from(
        [b"\x90\x80\x05", b"\x90\xc0\x85\x39\x44", b"\x90\x40\x33", b"\x10", b"\x80\xf0\xff\xff\xff\xff"]
    ),
    st.binary(max_size=1400),
).map(b"".join)
payloads = st.one_of(pictures, st.binary(max_size=40), st.binary(min_size=1850, max_size=2100))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    packet = Packet()
    packet.seq = draw(st.integers(0x10000, 0x10040))
    packet.timestamp = draw(shifts)
    packet.marker, packet.keyframe = draw(st.booleans()), draw(st.booleans())
    packet.payload = draw(payloads)
    packet.vp8 = parse_vp8(packet.payload) if draw(st.booleans()) else None
    packet.starts = packet.keyframe
    return packet


@st.composite
def cursors(draw: st.DrawFn) -> dict[str, int | float]:
    return {
        "source": draw(sources),
        "first": draw(st.integers(0x10000, 0x10020)),
        "shift": draw(st.integers(-70000, 70000)),
        "timestamp_shift": draw(shifts),
        "picture_shift": draw(st.sampled_from([0, 1, 0x7FFF])),
        "tl0_shift": draw(st.sampled_from([0, 1, 0xFF])),
        "sequence": draw(st.integers(0, 140000)),
    }


extensions = st.tuples(st.sampled_from([0, 3, 15]), st.sampled_from([0, 5, 14, 15]))


def like(packet: Packet, plane: Any) -> Any:
    """The same packet in a plane's own class."""
    same = plane.Packet()
    for name in Packet.__slots__:
        setattr(same, name, getattr(packet, name))
    return same


def of(thing: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


@settings(max_examples=300)
@given(st.lists(st.tuples(cursors(), extensions), min_size=1, max_size=4), st.lists(packets(), max_size=8))
def test_one_incoming_packet_goes_out_to_all_with_the_same_bytes(
    exits: list[tuple[dict[str, int | float], tuple[int, int]]], incoming: list[Packet]
) -> None:
    seen = [told_of_fan_out(plane, exits, incoming) for plane in PLANES]
    assert seen[0] == seen[1]


def told_of_fan_out(
    plane: Any, exits: list[tuple[dict[str, int | float], tuple[int, int]]], incoming: list[Packet]
) -> list[Any]:
    told: list[Any] = []
    pairs = []
    for number, (fields, numbers) in enumerate(exits):
        at, out = plane.Cursor(100 + number, 1, 96 + number), plane.Sender(told.append, plane.Flight())
        out.configure(*numbers)
        for name, value in fields.items():
            setattr(at, name, value)
        pairs.append((at, out))
    for step, packet in enumerate(incoming):
        told.append(plane.fan_out(pairs, 7, like(packet, plane), 1000.5 + step))
        told.append([(of(at, FIELDS), out.packets) for at, out in pairs])
    return told


@st.composite
def feedback(draw: st.DrawFn) -> bytes:
    """A feedback message as peers write them, of all kinds of chunks; now and then the end is missing."""
    chunks, statuses = b"", []
    for kind in draw(st.lists(st.sampled_from(["run", "one bit", "two bits"]), min_size=1, max_size=4)):
        if kind == "run":
            run = [draw(st.sampled_from([1, 1, 0, 2, 3]))] * draw(st.integers(0, 30))
            word = (run[0] if run else 0) << 13 | len(run)
        else:
            bits = 1 if kind == "one bit" else 2
            run = draw(st.lists(st.integers(0, 2**bits - 1), min_size=14 // bits, max_size=14 // bits))
            word = sum(status << bits * place for place, status in enumerate(reversed(run)))
            word |= 0x4000 + 0x4000 * bits
        chunks, statuses = chunks + word.to_bytes(2, "big"), statuses + run
    count = len(statuses) - draw(st.integers(0, min(5, len(statuses))))
    sizes = [{1: 1, 2: 2}.get(status, 0) for status in statuses[:count]]
    deltas = b"".join(draw(st.binary(min_size=size, max_size=size)) for size in sizes)
    base, reference = draw(st.integers(0, 60)), draw(st.integers(0, 3000))
    head = base.to_bytes(2, "big") + count.to_bytes(2, "big") + (reference << 8).to_bytes(4, "big")
    whole = head + chunks + deltas
    return whole[: len(whole) - draw(st.sampled_from([0, 0, 0, 0, 1]))]


@settings(max_examples=300)
@given(
    st.lists(st.integers(1, 1500), max_size=60),
    st.lists(st.one_of(feedback(), st.binary(max_size=80)), max_size=4),
    st.data(),
)
def test_feedback_is_read_and_weighed_alike(
    sizes: list[int], bodies: list[bytes], data: st.DataObject
) -> None:
    wires = st.integers(0, 80)
    arrivals = st.one_of(st.none(), st.floats(0, 200, allow_nan=False))
    reports = data.draw(st.lists(st.tuples(wires, arrivals), max_size=40))
    flights = [plane.Flight() for plane in PLANES]
    weigh = data.draw(st.booleans())
    assert len({str(weighed(each, sizes, bodies, reports, weigh)) for each in flights}) == 1


def weighed(
    each: Any, sizes: list[int], bodies: list[bytes], reports: list[tuple[int, float | None]], weigh: bool
) -> list[Any]:
    told: list[Any] = [each.sent(size, number / 100) for number, size in enumerate(sizes)]
    takes: list[Callable[[], Any]] = [lambda: each.take(reports)]
    takes += [lambda body=body: each.read(body) for body in [*bodies, b"\0\1\0\3\0\0\1\0\x20\3\1\2\3"]]  # type: ignore[misc]
    for take in takes:
        try:
            take()
        except ValueError as error:
            told.append(str(error))
        told.append(of(each, ("told", "lost", "number", "sent_bytes", "queue_s", "latest_queue_s", "rising")))
        if weigh:
            told.append((each.outcome(), each.told, each.lost, each.standing_s))
        told.append((each.arrived_bps(0.5), each.arrived_bps(1000.0)))
    return [*told, each.outcome(), each.standing_s, each.outcome(), each.standing_s]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 0.2)), min_size=1, max_size=12))
@example([(400, 0.01), (300, 0.02), (400, 0.0), (399, 0.1)])
def test_the_rate_that_arrives_is_that_of_the_last_thousand(messages: list[tuple[int, float]]) -> None:
    told, found = [], []
    for plane in PLANES:
        each, now, number = plane.Flight(), 50.0, 0
        arrived: list[tuple[float, int]] = []
        for count, pause in messages:
            for _ in range(count):
                arrived.append((now + pause, 100 + number))
                number = each.sent(100 + number, now)
            each.take([(number - count + 1 + place & 0xFFFF, now + pause) for place in range(count)])
            now += 0.1
        kept = arrived[-flight.ARRIVALS_KEPT :]
        newest, oldest = kept[-1][0], min(at for at, _ in kept)
        told.append((each.arrived_bps(1000.0), each.arrived_bps(0.0)))
        found.append(8 * sum(size for _, size in kept) / max(0.1, newest - oldest))
    assert told[0] == told[1] and [rate for rate, _ in told] == found


VP8_FIELDS = ("keyframe", "starts", "picture_at", "picture_id", "picture_long", "tl0_at", "tl0")


@settings(max_examples=300)
@given(
    st.sampled_from(["vp8", "opus", "h264"]), st.lists(st.tuples(st.integers(0, 3), payloads, st.booleans()))
)
def test_what_comes_in_order_is_taken_in_alike(codec: str, steps: list[tuple[int, bytes, bool]]) -> None:
    pure, fast = (taken(plane, codec, steps) for plane in PLANES)
    if codec == "h264":  # its keyframes are looked for in Python
        assert not any(fast)
    else:
        assert pure == fast


def taken(plane: Any, codec: str, steps: list[tuple[int, bytes, bool]]) -> list[Any]:
    kept = History(8)
    intake = plane.Intake(codec, 90000, kept)
    told: list[Any] = [intake.next(5, 1, True, b"x", 0.5)]
    intake.top, intake.removed, sequence, now = 0xFFFC, 2, 0xFFFC, 100.0
    for ahead, payload, marker in steps:
        sequence, now = sequence + ahead & 0xFFFF, now + ahead / 3
        packet = intake.next(sequence, 3000 * sequence, marker, payload, now)
        if packet is not None:
            told.append(of(packet, ("seq", "timestamp", "marker", "keyframe", "starts", "payload")))
            told.append(packet.vp8 and of(packet.vp8, VP8_FIELDS))
            assert kept.get(packet.seq) is packet
        elif ahead == 2:
            intake.note(len(payload), marker, now)
            intake.note_jitter(77 * sequence, now)
        told.append(of(intake, ("top", "removed", "received", "last_arrival", "jitter", "transit", "timed")))
        told.append((list(intake.frame_times), intake.rate.bps(now), intake.rate.bps(now + 5)))
    return (
        told if codec != "h264" or plane is Pure else [p for p in told if isinstance(p, dict) and "seq" in p]
    )


@settings(max_examples=500)
@given(
    st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda rest: b"\x90\x60" + rest)), st.data()
)
def test_headers_are_read_alike(data: bytes, more: st.DataObject) -> None:
    if len(data) >= 16 and more.draw(st.booleans()):
        profile = more.draw(st.sampled_from([b"\xbe\xde", b"\x10\x00", b"\x10\x07", b"\x12\x34"]))
        data = data[:12] + profile + bytes((0, more.draw(st.integers(0, 12)))) + data[16:]
    told = []
    for plane in PLANES:
        try:
            told.append(of(plane.parse(data), rtp.Header.__slots__))
        except ValueError as error:
            told.append({"error": str(error)})
    assert told[0] == told[1]


def test_a_long_flight_forgets_alike() -> None:
    told = []
    for plane in PLANES:
        each = plane.Flight()
        for number in range(3 * flight.KEPT):
            each.sent(100 + number % 900, number / 50)
        late = [(number & 0xFFFF, number / 40 + 3) for number in range(0, 3 * flight.KEPT, 3)]
        outcomes = [(each.take(late), each.told, each.outcome())[1:] for _ in range(2)]
        told.append([*outcomes, each.queue_s, each.standing_s, each.arrived_bps(20.0)])
    assert told[0] == told[1]
    assert told[0][0][1][0] > 1000 and told[0][1] == (1, (0, 0, 0))


def test_wrong_things_are_refused_and_an_error_of_the_caller_comes_through() -> None:
    def fail(data: bytes) -> None:
        raise KeyError("no way")

    each, at = compiled.Sender(fail, compiled.Flight()), compiled.Cursor(1, 1, 96)
    at.source = 7
    packet = compiled.Packet()
    packet.seq, packet.timestamp, packet.marker, packet.keyframe = 0x10000, 5, True, False
    packet.payload, packet.vp8, packet.starts = b"x", None, False
    with pytest.raises(KeyError):
        compiled.fan_out([(at, each)], 7, packet, 1.0)
    for wrong in ([(each, at)], [at], [(at,)], [None]):
        with pytest.raises(TypeError):
            compiled.fan_out(wrong, 7, packet, 1.0)
    packet.payload = bytearray(b"x")
    with pytest.raises(TypeError):
        compiled.fan_out([(at, each)], 7, packet, 1.0)
    packet.vp8 = parse_vp8(b"\x90\x80\x85\x39\x44")
    packet.payload = b"\x90"
    with pytest.raises(IndexError):
        compiled.fan_out([(at, each)], 7, packet, 1.0)
    with pytest.raises(TypeError):
        compiled.Sender(fail, object())
    with pytest.raises(TypeError):
        each.send(1)
    with pytest.raises(TypeError):
        compiled.fan_out([], 7, Packet(), 1.0)
    with pytest.raises(TypeError):
        compiled.fan_out([], 7, compiled.Packet(), 1.0)
    with pytest.raises(AttributeError):
        packet.vp8 = object()


def test_a_sender_and_who_holds_it_are_given_back_together() -> None:
    class Owner:
        def __init__(self) -> None:
            self.sender = compiled.Sender(self.send, compiled.Flight())

        def send(self, data: bytes) -> None: ...

    gone = weakref.ref(Owner())
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("wanted", ["pure", "compiled"])
def test_the_environment_chooses_the_plane(wanted: str) -> None:
    code = "from coordinator.relay.forwarding import engine; print(engine.NAME, engine.Sender.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "COORDINATOR_PLANE": wanted}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    name, module = done.stdout.split()
    assert name == wanted and module.endswith("_compiled") == (wanted == "compiled")
