"""What one participant is sent on a bad line, packet by packet."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from livekit.protocol import models

from coordinator.relay import plane
from coordinator.relay.feed import Feed, Shortage
from coordinator.relay.forwarding import red, rtcp, rtp
from coordinator.relay.forwarding.route import Formats, Route
from coordinator.relay.forwarding.track import Stream
from coordinator.relay.media_track import MediaTrack
from coordinator.relay.plane import Plane

OPUS, RED, VP8, RTX = 111, 63, 96, 97
TCC = 4
START = 1000.0
VOICE, PICTURE, REPEATS = 7, 8, 9
KEYFRAME = b"\x10\x00" + bytes(1000)
FRAME = b"\x10\x01" + bytes(1000)


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plane's own look at the clock always finds the same time."""
    monkeypatch.setattr(plane, "time", SimpleNamespace(monotonic=lambda: START))


class Watched:
    """A plane with one voice and, if wished, one picture; `packets` is what it sent, time is `now`."""

    def __init__(self, voice: Formats, *, picture: bool = False) -> None:
        self.packets: list[tuple[rtp.Header, bytes]] = []
        self.now, self.number = plane.time.monotonic(), 0
        self.plane = Plane(self._sent, lambda data: None)
        self.plane.configure({rtp.TRANSPORT_CC: TCC})
        self.voice = self._track(Stream(1, "opus", 48000, 2), Route(VOICE, None, 48000, voice))
        if picture:
            route = Route(PICTURE, REPEATS, 90000, {"vp8": (VP8, RTX)})
            self.picture = self._track(Stream(2, "vp8", 90000, models.VideoQuality.LOW), route)

    def _track(self, stream: Stream, route: Route) -> MediaTrack:
        track = MediaTrack(f"TR_{stream.codec}", stream.codec != "opus", lambda data: None)
        track.put_stream(stream)
        self.plane.add(Feed(track, route))
        return track

    def _sent(self, data: bytes) -> None:
        header = rtp.parse(data)
        self.packets.append((header, data[header.payload_at : header.payload_end]))

    def of(self, ssrc: int) -> list[tuple[rtp.Header, bytes]]:
        return [packet for packet in self.packets if packet[0].ssrc == ssrc]

    def speak(self) -> None:
        """20 ms go by, with one frame of sound."""
        self.now += 0.02
        self.number += 1
        self._take(self.voice, OPUS, 960 * self.number, b"frame %d" % self.number)
        self.plane.tick(self.now)

    def show(self, payload: bytes) -> None:
        self.number += 1
        self._take(self.picture, VP8, 3000 * self.number, payload)

    def _take(self, track: MediaTrack, kind: int, timestamp: int, payload: bytes) -> None:
        (stream,) = track.streams.values()
        header = rtp.parse(rtp.build(kind, True, self.number, timestamp, stream.ssrc, b"", payload))
        packet = stream.receive(header, payload, self.now)
        assert packet is not None
        track.forward(stream, packet, self.now)

    def answer(self, *, lost_every: int = 0, delay_s: float = 0.01) -> None:
        """Tell the plane what of its last packets came, as a browser does."""
        told: list[tuple[int, float | None]] = []
        for index, (header, _) in enumerate(self.packets[-10:]):
            lost = lost_every and index % lost_every == 0
            told.append((int.from_bytes(header.extensions[TCC], "big"), None if lost else self.now + delay_s))
        self.plane.line.feedback(told, self.now)


def lossy(voice: Formats) -> Watched:
    watched = Watched(voice)
    for _ in range(200):
        watched.speak()
        if watched.number % 10 == 0:
            watched.answer(lost_every=10)
    return watched


def test_sound_on_a_lossy_line_carries_the_frames_before_it() -> None:
    watched = lossy({"opus": (OPUS, None), "red": (RED, None)})
    header, payload = watched.of(VOICE)[-1]
    kind, frame, earlier = red.unwrap(payload)
    assert (header.payload_type, kind, frame) == (RED, OPUS, b"frame 200")
    assert [block for _, block in earlier] == [b"frame 198", b"frame 199"]


def test_who_reads_no_copies_gets_the_packets_themselves_again() -> None:
    watched = lossy({"opus": (OPUS, None)})
    last = watched.of(VOICE)[-6:]
    sequences = [header.sequence for header, _ in last]
    assert all(header.payload_type == OPUS for header, _ in last)
    assert sequences[0] - 1 in sequences and sequences.count(sequences[1]) == 2
    by_number = {header.sequence: payload for header, payload in watched.of(VOICE)}
    assert all(by_number[header.sequence] == payload for header, payload in last), "the same bytes"


def test_a_good_line_gets_plain_sound_once() -> None:
    watched = Watched({"opus": (OPUS, None), "red": (RED, None)})
    for _ in range(200):
        watched.speak()
        if watched.number % 10 == 0:
            watched.answer()
    assert [payload for _, payload in watched.of(VOICE)][-1] == b"frame 200"
    assert len(watched.of(VOICE)) == 200


def squeezed() -> Watched:
    """A line whose queue has just become long."""
    watched = Watched({"opus": (OPUS, None)}, picture=True)
    watched.show(KEYFRAME)
    for step in range(60):
        watched.speak()
        watched.show(FRAME)
        if step % 5 == 4:
            watched.answer(delay_s=0.01 if step < 20 else 0.5)
    return watched


def test_while_a_line_drains_video_waits_and_sound_does_not() -> None:
    watched = squeezed()
    assert watched.plane.line.draining and not watched.plane.line.learning
    sound, video = len(watched.of(VOICE)), len(watched.of(PICTURE))
    for _ in range(10):
        watched.speak()
        watched.show(FRAME)
    assert len(watched.of(VOICE)) == sound + 10 and len(watched.of(PICTURE)) == video


@pytest.mark.parametrize("afforded", [True, False])
def test_what_waits_of_a_picture_is_given_up_where_the_picture_is_paused(afforded: bool) -> None:
    watched = squeezed()
    sent = len(watched.of(PICTURE))
    watched.show(KEYFRAME)
    watched.show(FRAME)
    watched.plane.line.budget_bps = 5_000_000.0 if afforded else 60_000.0
    watched.picture.nominal_bps = {models.VideoQuality.LOW: 300_000}
    watched.plane.allocate(watched.now)
    watched.plane.line.draining = False
    for _ in range(10):
        watched.speak()
    assert (len(watched.of(PICTURE)) > sent) is afforded


def test_while_a_line_drains_nothing_is_repeated() -> None:
    watched = squeezed()
    watched.plane.on_part(rtcp.Nack(PICTURE, (watched.of(PICTURE)[-1][0].sequence,)), watched.now)
    assert watched.of(REPEATS) == []


def test_a_line_that_is_clean_again_is_tried_with_padding_on_the_repeats() -> None:
    watched = squeezed()
    watched.plane.line.budget_bps = 60_000.0  # too little for the picture
    watched.picture.nominal_bps = {models.VideoQuality.LOW: 5_000_000}
    for _ in range(400):
        watched.speak()
        if watched.number % 5 == 0:
            watched.answer()
    padding = watched.of(REPEATS)
    assert padding and all(payload == b"" and header.payload_type == RTX for header, payload in padding)
    assert watched.plane.padded == len(padding)


@pytest.mark.parametrize("budget_bps", [60_000.0, 5_000_000.0])
def test_a_picture_that_cannot_be_afforded_is_a_shortage(budget_bps: float) -> None:
    watched = Watched({"opus": (OPUS, None)}, picture=True)
    watched.picture.nominal_bps = {models.VideoQuality.LOW: 300_000}
    watched.plane.line.budget_bps = budget_bps
    watched.plane.allocate(watched.now)
    expected = Shortage.PAUSED if budget_bps < 300_000 else Shortage.NONE
    assert watched.plane.shortage() is expected
