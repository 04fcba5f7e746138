"""What publishers say of their clocks: it waits for a look at the line, and all of it goes on together."""

from __future__ import annotations

import struct
import time
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.protocol import models

from coordinator.relay import plane
from coordinator.relay.door import MAX_LATER
from coordinator.relay.feed import Feed
from coordinator.relay.forwarding import rtcp, rtp
from coordinator.relay.forwarding.route import Route
from coordinator.relay.forwarding.track import Stream
from coordinator.relay.media_track import MediaTrack
from coordinator.relay.participant import Participant
from coordinator.relay.plane import Plane
from coordinator.relay.uplink import Binding
from tests.relay.inside import open_door, outbound
from tests.relay.test_hostile import a_room, enter

VP8 = 96
CAMERA = 500
START = 1000.0
KEYFRAME, FRAME = b"\x10\x00" + bytes(500), b"\x10\x01" + bytes(500)
LOW, HIGH = models.VideoQuality.LOW, models.VideoQuality.HIGH
NTP = 0x1234_5678_9ABC_DEF0


# to subscribers


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plane's own look at the clock always finds the same time."""
    monkeypatch.setattr(plane, "time", SimpleNamespace(monotonic=lambda: START))


class Watched:
    """A plane with some pictures: `packets` and `controls` are what it sent, time is `now`."""

    def __init__(self, pictures: int = 1) -> None:
        self.now, self.number = START, 0
        self.packets: list[rtp.Header] = []
        self.controls: list[bytes] = []
        self.plane = Plane(lambda data: self.packets.append(rtp.parse(data)), self.controls.append)
        self.feeds = [self._feed(number) for number in range(pictures)]
        for feed in self.feeds:
            self.show(feed, KEYFRAME)

    def _feed(self, number: int) -> Feed:
        track = MediaTrack(f"TR_{number}", True, lambda data: None)
        track.put_stream(Stream(CAMERA + number, "vp8", 90_000, LOW))
        feed = Feed(track, Route(0x7000_0000 + number, None, 90_000, {"vp8": (VP8, None)}))
        self.plane.add(feed)
        return feed

    def show(self, feed: Feed, payload: bytes, *, quality: int = LOW, timestamp: int = 0) -> None:
        """The publisher sends a packet."""
        self.number += 1
        self.now += 0.03
        stream = feed.track.streams[quality]
        header = rtp.parse(rtp.build(VP8, True, self.number, timestamp, stream.ssrc, b"", payload))
        packet = stream.receive(header, payload, self.now)
        assert packet is not None
        feed.track.forward(stream, packet, self.now)

    def tell(self, feed: Feed, ntp: int, timestamp: int = 0, *, quality: int = LOW) -> None:
        """The publisher says how late it is."""
        feed.track.sender_report(feed.track.streams[quality], ntp, timestamp, self.now)

    def tick(self, wait_s: float = 0.3) -> None:
        self.now += wait_s
        self.plane.tick(self.now)

    def told(self) -> list[tuple[int, int, int, int, int]]:
        """What was sent of clocks: (SSRC, NTP, timestamp, packets, octets)."""
        return [found for data in self.controls for found in clocks(data)]


def clocks(data: bytes) -> list[tuple[int, int, int, int, int]]:
    """The sender reports of a compound packet, each of which has its description behind it."""
    found, at = [], 0
    while at < len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        assert (first, kind) == (0x80, rtcp.SR)
        found.append(struct.unpack_from("!IQIII", data, at + 4))
        at += 4 + 4 * words
        first, kind, words = struct.unpack_from("!BBH", data, at)
        assert (first, kind) == (0x81, rtcp.SDES)
        assert struct.unpack_from("!I", data, at + 4) == found[-1][:1]
        at += 4 + 4 * words
    assert at == len(data)
    return found


def test_a_publishers_clock_waits_for_the_next_look_and_goes_on_with_the_counts_of_that_time() -> None:
    watched = Watched()
    (feed,) = watched.feeds
    watched.tell(feed, NTP, 77)
    assert watched.controls == []
    watched.show(feed, FRAME)
    watched.show(feed, FRAME)
    watched.tick()
    assert watched.told() == [(feed.route.ssrc, NTP, 77, 3, len(KEYFRAME) + 2 * len(FRAME))]
    watched.tick()
    assert len(watched.controls) == 1, "once"


def test_a_publishers_clock_is_told_on_the_subscribers_own() -> None:
    watched = Watched()
    (feed,) = watched.feeds
    feed.track.put_stream(Stream(900, "vp8", 90_000, HIGH))
    feed.route.aim(feed.track.streams[HIGH])
    watched.show(feed, KEYFRAME, quality=HIGH, timestamp=0xFFFF_FFF0)
    out = watched.packets[-1].timestamp
    assert out != 0xFFFF_FFF0
    watched.tell(feed, NTP, 0x20, quality=HIGH)
    watched.tell(feed, 5, 0x20, quality=LOW)
    watched.tick()
    ((_, ntp, timestamp, *_),) = watched.told()
    assert (ntp, timestamp) == (NTP, out + 0x30), "of the stream that is sent"


def test_only_the_newest_of_what_waits_is_told() -> None:
    watched = Watched()
    (feed,) = watched.feeds
    watched.tell(feed, NTP, 1)
    watched.tell(feed, NTP + (1 << 32), 90_001)
    watched.tick()
    assert [found[1:3] for found in watched.told()] == [(NTP + (1 << 32), 90_001)]


@pytest.mark.parametrize("pictures", [2, 23, 24, 100])
def test_what_there_is_to_say_goes_out_in_as_few_packets_as_hold_it(pictures: int) -> None:
    watched = Watched(pictures)
    for number, feed in enumerate(watched.feeds):
        watched.tell(feed, NTP + number, number)
    watched.tick()
    assert [found[:3] for found in watched.told()] == [
        (feed.route.ssrc, NTP + number, number) for number, feed in enumerate(watched.feeds)
    ]
    sizes = [len(data) for data in watched.controls]
    each = sizes[0] // len(clocks(watched.controls[0]))
    assert all(size <= rtcp.MAX_TOGETHER_BYTES for size in sizes)
    assert all(size + each > rtcp.MAX_TOGETHER_BYTES for size in sizes[:-1])
    assert len(sizes) == -(-pictures * each // (rtcp.MAX_TOGETHER_BYTES // each * each))


def test_of_a_feed_that_was_removed_nothing_is_told() -> None:
    watched = Watched(2)
    gone, left = watched.feeds
    watched.tell(gone, NTP)
    watched.tell(left, NTP + 1)
    watched.plane.remove(gone)
    watched.tick()
    assert [found[0] for found in watched.told()] == [left.route.ssrc]
    watched.tell(gone, NTP + 2)
    watched.tell(left, NTP + 3)
    watched.plane.remove(left)
    watched.tick()
    assert len(watched.controls) == 1


@pytest.mark.parametrize("waited_s", [0.01, 0.4])
def test_the_round_trip_is_that_of_the_report_and_its_answer_however_long_it_waited(waited_s: float) -> None:
    watched = Watched(100)
    found: list[float | None] = []
    line: Any = watched.plane.line
    line.receiver_report = lambda lost, rtt_s, now: found.append(rtt_s)
    for second in range(3):
        for number, feed in enumerate(watched.feeds):
            watched.tell(feed, NTP + (second << 32) + (number << 20))
        watched.tick(waited_s)
        for ssrc, ntp, *_ in watched.told()[-100:]:
            block = rtcp.Block(ssrc, 0.0, 0, 0, 0, ntp >> 16 & 0xFFFF_FFFF, 0.2)
            watched.plane.on_part(rtcp.Reports((block,)), watched.now + 0.2 + 0.06)
        watched.now += 1.0
    assert found == [pytest.approx(0.06)] * 300


# from publishers


class Publisher:
    """A participant with a camera, behind its door."""

    def __init__(self, *, two_lines: bool = False) -> None:
        self.person: Participant = enter(a_room(), "site", two_lines=two_lines)
        self.theirs = outbound()
        self.door = self.person.transport.door
        open_door(self.door)
        track = MediaTrack("TR_camera", True, lambda data: None)
        self.person.uplink.configure({}, {"0": Binding(track, {VP8: "vp8"}, {}, {}, [CAMERA])})
        self.door.take(self.theirs.protect(rtp.build(VP8, True, 1, 0, CAMERA, b"", KEYFRAME)))
        (self.stream,) = track.streams.values()

    def tell(self, second: int, *blocks: rtcp.Block) -> float:
        """It says how late it is, and what it has got; returns when that came."""
        return self.say(sender_report(second << 32, blocks))

    def say(self, data: bytes) -> float:
        self.door.take(self.theirs.protect_rtcp(data))
        return self.door.heard_at

    def look(self, now: float) -> None:
        """What waits is looked at."""
        self.person.room.duties.run(now)

    @property
    def known(self) -> int | None:
        """What is known of its clock, in its seconds."""
        return None if self.stream.last_report is None else self.stream.last_report[0] >> 32


def sender_report(ntp: int, blocks: tuple[rtcp.Block, ...] = ()) -> bytes:
    """A sender report as browsers write it, with what was received inside."""
    report = rtcp.receiver_report(blocks)
    clock = rtcp.sender_report(CAMERA, ntp, 0, 3, 300, "name")
    words = clock[3] + len(report) // 4 - 2
    return bytes((0x80 | len(blocks), rtcp.SR, 0, words)) + clock[4:28] + report[8:] + clock[28:]


def block(lost: float = 0.0, last_sr: int = 0, ssrc: int = 9) -> rtcp.Block:
    return rtcp.Block(ssrc, lost, 0, 0, 0, last_sr, 0.0)


@pytest.mark.parametrize("ntp", [1 << 32, NTP])
@pytest.mark.parametrize("lost", [(), (0.0,), (0.0, 0.0), (0.5,), (0.0, 1 / 256), (0.5, 0.0)])
def test_a_report_waits_unless_a_block_of_it_tells_of_loss(ntp: int, lost: tuple[float, ...]) -> None:
    blocks = tuple(map(block, lost))
    for report in (sender_report(ntp, blocks), rtcp.receiver_report(blocks)):
        assert rtcp.only_good_reports(report) is not any(lost)
        assert rtcp.only_good_reports(rtcp.receiver_report([block()]) + report) is not any(lost)
        assert not rtcp.only_good_reports(report + rtcp.pli(9))


async def test_a_report_without_loss_waits_and_counts_from_when_it_came() -> None:
    publisher = Publisher()
    came_at = publisher.tell(1, block(), block())
    assert publisher.known is None
    publisher.look(came_at + 1.0)
    assert publisher.stream.last_report == (1 << 32, 0, came_at)


@pytest.mark.parametrize("lost", [(0.5,), (0.0, 1 / 256)])
async def test_a_report_of_loss_counts_at_once_and_no_older_one_later(lost: tuple[float, ...]) -> None:
    publisher = Publisher()
    publisher.tell(1, block())
    publisher.tell(2)
    came_at = publisher.tell(3, *map(block, lost))
    assert publisher.known == 3
    publisher.look(came_at + 1.0)
    assert publisher.known == 3


@pytest.mark.parametrize("apart", [rtcp.pli(9), rtcp.nack(9, [1]), b"\x81\xcb\0\1\0\0\0\x09"])
async def test_what_is_to_be_done_at_once_is_done_after_what_waits(apart: bytes) -> None:
    publisher = Publisher()
    publisher.tell(1)
    came_at = publisher.say(apart)
    assert publisher.known == 1
    publisher.look(came_at + 1.0)
    assert publisher.known == 1


async def test_more_than_may_wait_counts_in_its_order() -> None:
    publisher = Publisher()
    for second in range(1, MAX_LATER + 1):
        publisher.tell(second)
    assert publisher.known is None
    came_at = publisher.tell(MAX_LATER + 1)
    assert publisher.known == MAX_LATER + 1
    publisher.tell(MAX_LATER + 2)
    publisher.look(came_at + 1.0)
    assert publisher.known == MAX_LATER + 2


async def test_on_a_line_for_publishing_alone_every_report_counts_at_once() -> None:
    publisher = Publisher(two_lines=True)
    for second in (1, 2):
        came_at = publisher.tell(second, block())
        assert publisher.known == second
    publisher.look(came_at + 1.0)
    assert publisher.known == 2


async def test_the_round_trip_is_that_to_when_the_answer_came_however_long_it_waited() -> None:
    publisher = Publisher()
    line = publisher.person.plane.line
    feed = Feed(MediaTrack("TR_x", True, lambda data: None), Route(9, None, 90_000, {"vp8": (VP8, None)}))
    publisher.person.plane.add(feed)
    publisher.person.plane.report(feed.route, NTP, 0)
    sent_at, before = time.monotonic(), line.rtt_s
    publisher.look(sent_at)
    came_at = publisher.tell(1, block(last_sr=NTP >> 16 & 0xFFFF_FFFF))
    publisher.look(came_at + 1.0)
    assert line.rtt_s == pytest.approx(before + 0.3 * (came_at - sent_at - before))
