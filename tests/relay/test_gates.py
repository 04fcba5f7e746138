"""What time brings is looked at only where something may be due; the ways in which something becomes due."""

from __future__ import annotations

import itertools
import math
import struct
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from livekit.protocol import rtc

from coordinator.relay import uplink
from coordinator.relay.demand import PATIENCE_S, Demand
from coordinator.relay.duties import Duties
from coordinator.relay.feed import Feed
from coordinator.relay.forwarding import rtcp, rtp, twcc
from coordinator.relay.forwarding.keyframes import INTERVAL_S
from coordinator.relay.forwarding.route import Route
from coordinator.relay.forwarding.track import VIDEO_NACK_AGE_S, Stream
from coordinator.relay.liveness import SIGNAL_TIMEOUT_S, WELL_S, tick_participant
from coordinator.relay.media_track import HIGH, LOW, MediaTrack
from coordinator.relay.negotiation import REASK_S
from coordinator.relay.plane import EASY_INTERVAL_S, Plane
from coordinator.relay.uplink import REPORT_INTERVAL_S, Binding, Uplink
from tests.relay.test_hostile import Tape, a_room, enter
from tests.relay.test_offering import publish

TICK_S = 0.02
VP8, TCC = 96, 4
KEYFRAME, FRAME = b"\x10\x00" + bytes(500), b"\x10\x01" + bytes(500)


# what is received


class Received:
    """An uplink with one picture, looked at only when due; `sent` are its RTCP parts, time is `now`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[float, rtcp.Part]] = []
        self.now = 1000.0
        monkeypatch.setattr(uplink, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.duties, self.looks = Duties(), 0
        self.uplink = Uplink(self._sent)
        duty = self.duties.add(self._tick)
        self.uplink.wake = duty.wake
        self.track = MediaTrack("TR_x", True, self._sent)
        self.uplink.configure({rtp.TRANSPORT_CC: TCC}, {"0": Binding(self.track, {VP8: "vp8"}, {}, {}, [5])})
        self.duties.run(self.now)

    def _sent(self, data: bytes) -> None:
        self.sent += [(self.now, part) for part in rtcp.parse(data)]

    def _tick(self, now: float) -> float:
        self.looks += 1
        return self.uplink.tick(now)

    def packet(
        self, number: int, payload: bytes = FRAME, *, counted: bool = False, fast: bool = False
    ) -> None:
        extension = (
            struct.pack("!HHBHB", rtp.ONE_BYTE_PROFILE, 1, TCC << 4 | 1, number, 0) if counted else b""
        )
        data = rtp.build(VP8, True, number, 3000 * number, 5, extension, payload)
        path = self.uplink.fast_path
        if not fast or path is None or not path.take(data, self.now):
            self.uplink.on_rtp(data)

    def watched(self) -> Stream:
        route = Route(9, None, 90000, {"vp8": (VP8, None)})
        route.aim(stream := self.track.streams[HIGH])
        self.track.attach(route, Plane(lambda data: None, lambda data: None))
        return stream

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.duties.run(self.now)

    def of(self, kind: type) -> list[float]:
        return [at for at, part in self.sent if isinstance(part, kind)]


def test_a_gap_is_asked_for_at_once_and_again_every_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Received(monkeypatch)
    line.packet(1, KEYFRAME)
    line.run(1.0)
    line.uplink.rtt_s = 0.1
    line.packet(3)
    asked_at = line.now
    assert len(line.of(rtcp.Nack)) == 1
    line.run(0.35)
    assert len(line.of(rtcp.Nack)) == 4
    for times, at in enumerate(line.of(rtcp.Nack)):
        assert at - asked_at <= times * (0.1 + TICK_S) + 0.005


def test_a_packet_that_never_comes_becomes_a_keyframe_request_when_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Received(monkeypatch)
    line.packet(1, KEYFRAME)
    line.watched()
    line.uplink.rtt_s = 0.3
    line.packet(3)
    began = line.now
    line.run(VIDEO_NACK_AGE_S + 0.1)
    (asked_at,) = line.of(rtcp.KeyframeRequest)
    assert asked_at - began <= VIDEO_NACK_AGE_S + 2 * TICK_S


def test_a_keyframe_wanted_too_early_is_asked_for_in_time_and_again_until_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Received(monkeypatch)
    line.packet(1, KEYFRAME)
    stream = line.watched()
    line.run(1.0)
    began = line.now
    line.track.want_keyframe(stream, line.now)
    line.run(0.1)
    line.track.want_keyframe(stream, line.now)
    line.run(2 * INTERVAL_S + 0.05)
    asked = [at - began for at in line.of(rtcp.KeyframeRequest)]
    assert len(asked) == 3 and asked[0] == 0
    assert asked[1] <= INTERVAL_S + 2 * TICK_S and asked[2] <= 2 * INTERVAL_S + 3 * TICK_S
    line.packet(2, KEYFRAME)
    line.run(2.0)
    assert len(line.of(rtcp.KeyframeRequest)) == 3


def test_where_nothing_is_missed_an_uplink_is_looked_at_only_for_its_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Received(monkeypatch)
    line.packet(1, KEYFRAME)
    line.run(1.0)
    line.looks = 0
    line.run(10.0)
    assert line.looks <= 10 / REPORT_INTERVAL_S + 1
    assert len([at for at in line.of(rtcp.Reports) if at > 1001]) in (4, 5), (
        "for five seconds, then it is silent"
    )


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("interval_s, told_s", [(0.008, twcc.INTERVAL_S), (0.04, twcc.SPARSE_INTERVAL_S)])
def test_feedback_comes_with_the_first_packet_once_it_is_due(
    monkeypatch: pytest.MonkeyPatch, fast: bool, interval_s: float, told_s: float
) -> None:
    line = Received(monkeypatch)
    line.packet(0, KEYFRAME, counted=True)
    came: list[float] = []
    for number in range(1, 500):
        line.now += interval_s
        line.packet(number, counted=True, fast=fast)
        came.append(line.now)
    told = line.of(rtcp.TransportFeedback)
    assert set(told[1:]) <= set(came), "nobody is woken for it"
    gaps = [after - before for before, after in itertools.pairwise(told[2:])]
    assert max(gaps) <= told_s + 2 * interval_s
    assert (told[-1] - told[2]) / len(gaps) == pytest.approx(told_s, rel=0.05)


def test_feedback_that_no_packet_came_to_carry_goes_out_with_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Received(monkeypatch)
    line.packet(0, KEYFRAME, counted=True)
    line.run(2.02)
    line.packet(1, counted=True)
    told = len(line.of(rtcp.TransportFeedback))
    line.packet(2, counted=True)
    last_at = line.now
    assert len(line.of(rtcp.TransportFeedback)) == told
    line.run(5.0)
    rest = line.of(rtcp.TransportFeedback)[told:]
    assert len(rest) == 1 and rest[0] - last_at <= REPORT_INTERVAL_S + TICK_S


def test_who_publishes_nothing_is_not_looked_at_until_a_track_is_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Received(monkeypatch)
    line.uplink.unbind(line.track)
    line.run(1.0)
    line.looks = 0
    line.run(5.0)
    assert line.looks == 0
    line.uplink.configure({}, {"0": Binding(line.track, {VP8: "vp8"}, {}, {}, [5])})
    line.run(0.1)
    assert line.looks >= 1


# what is sent


class Sent:
    """A plane with a picture of two layers, looked at only when due; what it sends is in `packets`."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, rtp.Header]] = []
        self.now, self.number, self.answered = time.monotonic(), 0, 0
        self.duties, self.looks, self.choices = Duties(), 0, 0
        self.plane = Plane(lambda data: self.packets.append((self.now, rtp.parse(data))), lambda data: None)
        self.plane.configure({rtp.TRANSPORT_CC: TCC})
        self.plane.wake = self.duties.add(self._tick).wake
        self.track = MediaTrack("TR_x", True, lambda data: None)
        self.low, self.high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
        for stream in (self.low, self.high):
            self.track.put_stream(stream)
        self.feed = Feed(self.track, Route(9, 10, 90000, {"vp8": (VP8, 97)}))
        self.plane.add(self.feed)
        choose: Callable[[float], None] = self.plane.allocate

        def counted(now: float) -> None:
            self.choices += 1
            choose(now)

        self.plane.allocate = counted  # type: ignore[method-assign]

    def _tick(self, now: float) -> float:
        self.looks += 1
        return self.plane.tick(now)

    def run(self, seconds: float, streams: tuple[Stream, ...] | None = None, payload: bytes = FRAME) -> None:
        """Let time go by, with a frame on these streams (both) every 20 ms; all of it arrives."""
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.number += 1
            for stream in streams if streams is not None else (self.low, self.high):
                data = KEYFRAME if self.number % 50 == 1 else payload
                header = rtp.parse(
                    rtp.build(VP8, True, self.number, 1800 * self.number, stream.ssrc, b"", data)
                )
                packet = stream.receive(header, data, self.now)
                if packet is not None:
                    self.track.forward(stream, packet, self.now)
            if self.number % 5 == 0:
                self.tell()
            self.duties.run(self.now)

    def tell(self, *, lost: bool = False, delay_s: float = 0.01) -> None:
        """Give the line's flight what a browser would send, as a door does: nobody is called."""
        recorder = twcc.Recorder()
        fresh = self.packets[self.answered :]
        self.answered = len(self.packets)
        for at, header in fresh[::2] if lost else fresh:
            recorder.arrived(int.from_bytes(header.extensions[TCC], "big"), at + delay_s)
        body = recorder.feedback()
        if body is not None:
            self.plane.line.flight.read(body)


def easy() -> Sent:
    line = Sent()
    line.run(6.0)
    assert line.plane.line.easy and line.plane._settled_on is not None
    line.looks = line.choices = 0
    return line


def test_an_easy_line_is_looked_at_a_few_times_a_second_and_its_layers_are_left_alone() -> None:
    line = easy()
    line.run(10.0)
    assert line.choices == 0 and line.feed.route.current is line.high
    assert line.looks <= 10 / EASY_INTERVAL_S + 1
    assert line.plane.line.flight.told <= EASY_INTERVAL_S / 0.1 + 1, "what was told was weighed"


@pytest.mark.parametrize("how", [{"lost": True}, {"delay_s": 0.6}])
def test_the_first_sign_of_anything_is_weighed_at_the_next_tick(how: dict[str, float]) -> None:
    line = easy()
    line.run(4 * TICK_S)
    line.tell(**how)  # type: ignore[arg-type]
    assert line.plane.line.flight.told
    line.duties.run(line.now + TICK_S)
    assert line.plane.line.flight.told == 0 and not line.plane.line.easy
    line.looks = 0
    line.run(0.2)
    assert line.looks >= 9, "an uneasy line is looked at with every tick"


@pytest.mark.parametrize("stalls", ["low", "high"])
def test_a_layer_that_stalls_is_left_within_the_time_it_takes_to_see_it(stalls: str) -> None:
    line = easy()
    line.run(1.0 + EASY_INTERVAL_S + 0.1, (line.high if stalls == "low" else line.low,))
    assert line.choices >= 1
    wanted = line.feed.route.wanted
    assert wanted is (line.low if stalls == "high" else line.high)
    line.run(1.0)
    assert line.feed.route.wanted is line.high, "and taken again when it goes on"


def test_a_layer_that_grows_beyond_what_the_line_surely_carries_is_weighed_again() -> None:
    line = easy()
    line.plane.line.budget_bps, line.plane.line._grew_at = 2_000_000.0, math.inf  # five times what is sent
    line.run(1.0)
    assert line.choices == 0
    line.run(4.0, payload=b"\x10\x01" + bytes(1300))
    assert line.choices >= 1


def test_a_change_of_what_is_watched_is_weighed_again() -> None:
    line = easy()
    line.plane.remove(line.feed)
    line.run(EASY_INTERVAL_S + 0.1)
    assert line.choices >= 1


def test_a_second_repeat_goes_out_at_the_next_tick_on_a_line_that_loses_packets() -> None:
    line = easy()
    line.plane.line.loss = 0.05
    asked = line.packets[-1][1].sequence
    before = len(line.packets)
    line.plane.on_part(rtcp.Nack(9, (asked,)), line.now)
    assert len(line.packets) == before + 1
    line.duties.run(line.now + TICK_S)
    assert len(line.packets) == before + 2


def test_a_receivers_own_estimate_is_heeded_at_the_next_tick() -> None:
    line = Sent()
    line.duties.run(line.now)
    line.looks = 0
    line.plane.on_part(rtcp.Remb(100_000), line.now)
    line.duties.run(line.now + TICK_S)
    assert line.looks == 1 and not line.plane.line.learning


# what is told


def test_a_publisher_is_told_of_every_change_of_demand_and_nobody_looks_in_between() -> None:
    demand = Demand()
    assert demand.unsettled and demand.due(0.0) and not demand.unsettled
    demand.set("site", 1)
    assert demand.unsettled and demand.due(1.0) and demand.told == 1 and not demand.unsettled
    demand.set("site", 0)
    assert not demand.due(2.0) and demand.unsettled, "less is told later: it has to be looked at again"
    assert demand.due(2.0 + PATIENCE_S) and demand.told == 0 and not demand.unsettled
    demand.forget_told()
    assert demand.unsettled and demand.due(9.0)


async def test_who_is_well_is_looked_at_once_a_second_and_who_is_silent_with_every_tick() -> None:
    room = a_room()
    site = enter(room, "site")
    assert isinstance(site.socket, Tape)
    site.want_sections()
    now = site.transport.last_heard
    site.socket.last_heard = now
    assert tick_participant(site, now + 0.1) == now + 0.1 + WELL_S
    assert tick_participant(site, now + 1.5) == now + 1.5
    site.lacks_sections = True
    site.subscriber.pending = lambda: [None]  # type: ignore[assignment,list-item,return-value]
    site.negotiation.needs = lambda pending, now: None  # type: ignore[method-assign]
    assert tick_participant(site, now + 0.1) == now + 0.1

    site.socket.abort = lambda: None  # type: ignore[attr-defined]
    site.socket.last_heard = now - SIGNAL_TIMEOUT_S - 1
    site.look_at = now + 0.5
    room.tick(now + 0.4)
    assert site.socket is not None
    room.tick(now + 0.6)
    assert site.socket is None
    room.clear(0)


async def test_sections_that_lack_are_asked_for_again_until_they_come() -> None:
    room = a_room()
    hub, site = enter(room, "hub"), enter(room, "site")
    assert isinstance(site.socket, Tape)
    publish(site, "own")
    site.want_sections()
    assert not site.lacks_sections
    publish(hub, "camera")
    assert site.lacks_sections

    asked = [said for said in site.socket.said if said.HasField("media_sections_requirement")]
    assert len(asked) == 1
    assert site.negotiation._asked_at is not None
    site.negotiation._asked_at -= REASK_S
    site.socket.last_heard = time.monotonic()
    tick_participant(site, time.monotonic())
    asked = [said for said in site.socket.said if said.HasField("media_sections_requirement")]
    assert len(asked) == 2

    site.handle(rtc.SignalRequest(subscription=rtc.UpdateSubscription(
        track_sids=list(hub.publications), subscribe=False
    )))  # fmt: skip
    assert not site.lacks_sections
    room.clear(0)
