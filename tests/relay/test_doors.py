"""The compiled way in beside the pure one: the same packets come through, the same faults are told."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay.door import Behind, PureDoor
from coordinator.relay.forwarding import flight, rtcp, rtp
from tests.relay.inside import open_door, outbound

compiled: Any = pytest.importorskip("coordinator.relay.forwarding._compiled", reason="no compiler at set-up")


class Inside:
    """What came through one door. Packets with a marker are taken for unreadable ones."""

    def __init__(self, kind: Any, burst: float = 1000.0, controls: float = 1000.0) -> None:
        self.told: list[Any] = []
        control, dtls = (partial(self._note, kind) for kind in ("rtcp", "dtls"))
        behind = Behind(self._rtp, control, dtls, self._fault)
        self.door = kind(behind, (burst, 0.0), (controls, 0.0))

    def _note(self, kind: str, data: bytes) -> None:
        self.told.append((kind, data))

    def _rtp(self, data: bytes) -> None:
        self._note("rtp", data)
        if data[1] & 0x80:
            raise ValueError("unreadable")

    def _fault(self, error: Exception) -> None:
        self.told.append(repr(error))


told = b"\0\1\0\x14\0\0\1\0\x20\x14" + bytes(20)
bodies = st.one_of(
    st.integers(len(told) - 3, len(told)).map(lambda size: told[:size]), st.binary(max_size=40)
)
feedback = bodies.map(lambda body: rtcp.transport_feedback(77, body))
blocks = st.builds(
    rtcp.Block, st.just(5), st.sampled_from([0.0, 0.0, 0.5]), *[st.integers(0, 9)] * 4, st.just(0.5)
)
receivers = st.lists(blocks, max_size=3).map(rtcp.receiver_report)
clock = rtcp.sender_report(77, 1 << 40, 90000, 3, 300, "name")
senders = receivers.map(
    lambda report: bytes((report[0], 200, 0, report[3] + 5)) + clock[4:28] + report[8:] + clock[28:]
)
reports = st.one_of(receivers, senders, st.just(clock))
cut = st.tuples(reports, st.integers(0, 3), st.sampled_from([b"", b"\x81\xca\0\1" + bytes(4), b"\x82"])).map(
    lambda found: found[0][: len(found[0]) - 4 * found[1]] + found[2]
)
cut = cut.filter(lambda data: len(data) >= 8)  # else nobody could encrypt it
controls = st.one_of(
    st.just(rtcp.pli(77)), feedback, reports, cut, feedback.map(lambda data: data + rtcp.pli(77))
)


@st.composite
def datagrams(draw: st.DrawFn) -> list[bytes]:
    """Media of a peer, some of it twice or spoilt, among handshakes and junk."""
    theirs = outbound()
    found: list[bytes] = []
    for number in range(draw(st.integers(0, 8))):
        what = draw(st.sampled_from(["rtp", "rtcp", "junk", "again", "spoilt"]))
        if what == "rtp":
            clear = rtp.build(96, draw(st.booleans()), number, 5, 77, b"", draw(st.binary(max_size=1300)))
            found.append(theirs.protect(clear))
        elif what == "rtcp":
            found.append(theirs.protect_rtcp(draw(controls)))
        elif what == "junk" or not found:
            found.append(draw(st.binary(max_size=60)))
        else:
            found.append(found[-1] if what == "again" else found[-1][:-1] + b"\0")
    return found


@settings(max_examples=300)
@given(datagrams(), st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_what_comes_through_is_the_same(
    came: list[bytes], opens: int, shuts: int, burst: int, control_burst: int, flies: bool
) -> None:
    insides = [Inside(PureDoor, burst, control_burst), Inside(compiled.Door, burst, control_burst)]
    flights = [flight.Flight(), compiled.Flight()]
    for inside, line in zip(insides, flights, strict=True):
        for _ in range(40):
            line.sent(100, 1.0)
        inside.door.flight = line if flies else None
        before = inside.door.heard_at
        for place, data in enumerate(came):
            if place == opens:
                open_door(inside.door)
            if place == shuts:
                inside.door.shut()
            inside.door.take(data)
        heard = any(kind in ("rtp", "rtcp") for kind, *_ in inside.told)
        assert inside.door.heard_at > before or not heard
    assert [(line.told, line.outcome(), line.queue_s) for line in flights[:1]] == [
        (line.told, line.outcome(), line.queue_s) for line in flights[1:]
    ]
    later = [[data for data, _ in inside.door.take_later()] for inside in insides]
    assert later[0] == later[1] and all(rtcp.only_good_reports(data) for data in later[0])
    assert insides[0].door.take_later() == insides[1].door.take_later() == []
    pure, fast = insides
    assert (pure.told, pure.door.refused) == (fast.told, fast.door.refused)


def test_what_is_longer_than_the_buffer_is_dropped() -> None:
    for kind in (PureDoor, compiled.Door):
        inside = Inside(kind)
        open_door(inside.door)
        inside.door.take(b"\x90" + bytes(5000))
        assert inside.told == []


def test_what_is_raised_to_stop_the_program_comes_through() -> None:
    def stop(data: bytes) -> None:
        raise KeyboardInterrupt

    for kind in (PureDoor, compiled.Door):
        door = kind(Behind(stop, stop, stop, lambda error: None), (5.0, 0.0), (5.0, 0.0))
        with pytest.raises(KeyboardInterrupt):
            door.take(b"\x16dtls")
