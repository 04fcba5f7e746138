"""What one participant is sent: packets sealed for its line, repeats, and how much the line carries.

Rule 1: everything that goes out to a participant as media goes through `deliver`.
Rule 2: a repeat that can no longer be given becomes a keyframe request (after a long gap a decoder would
otherwise wait for seconds).
Rule 3: what cannot be afforded is paused and said to be, audio never.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .forwarding import rtcp, rtp, twcc
from .forwarding.downlink import Downlink
from .forwarding.history import Packet
from .forwarding.layers import Wish, allocate
from .forwarding.route import Route
from .forwarding.track import Stream
from .media_track import HIGH, MediaTrack

AUDIO_RESERVE_BPS = 50_000.0
ALLOCATION_INTERVAL_S = 0.25
MAX_REPEATS_PER_NACK = 100
REPEAT_SHARE, REPEAT_SPAN_S = 0.3, 0.5
"""Repeats of video may take this share of what the line carries, over this time."""


@dataclass
class Feed:
    """One subscription's media: the route, and what the subscriber asked for."""

    track: MediaTrack
    route: Route
    quality: int = HIGH
    enabled: bool = True
    priority: int = 0
    paused: bool = False


class Plane:
    """Sending to one participant. `send_rtp` and `send_rtcp` reach it."""

    def __init__(self, send_rtp: Callable[[bytes], None], send_rtcp: Callable[[bytes], None]) -> None:
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._sealer = rtp.Sealer(0, 0)
        self._feeds: dict[int, Feed] = {}
        self._report_times: deque[tuple[int, float]] = deque(maxlen=64)
        self._allocated_at = 0.0
        self._spare, self._spared_at = 1.0, 0.0
        self.line = Downlink()
        self.sent = 0
        self.missed = self.repeated = self.keyframes_asked = 0
        """Packets asked for again, packets repeated, and keyframes asked for, since the start."""
        self.on_paused: Callable[[MediaTrack, bool], None] = lambda track, paused: None
        """Called when a track is paused for lack of bandwidth, and when it goes on."""

    def configure(self, extensions: dict[str, int]) -> None:
        """Take over the extension numbers of a negotiation."""
        self._sealer = rtp.Sealer(extensions.get(rtp.ABS_SEND_TIME, 0), extensions.get(rtp.TRANSPORT_CC, 0))

    def add(self, feed: Feed) -> None:
        """Begin to send a track, with a keyframe first; once is enough."""
        if feed.route.ssrc in self._feeds:
            return
        self._feeds[feed.route.ssrc] = feed
        feed.track.attach(feed.route, self)
        self.allocate(time.monotonic())

    def feeds(self) -> list[Feed]:
        """Return what is being sent, or would be if it could be afforded."""
        return list(self._feeds.values())

    def remove(self, feed: Feed) -> None:
        """Stop sending a track."""
        self._feeds.pop(feed.route.ssrc, None)
        feed.route.aim(None)
        feed.track.detach(feed.route)

    def deliver(self, route: Route, packet: Packet, mapped: tuple[int, int, bytes], now: float) -> None:
        """Send a packet (see `media_track.Outlet`)."""
        sequence, timestamp, payload = mapped
        sealer = self._sealer
        if sealer.counts:
            extensions = sealer.extensions(now, self.line.sent(len(payload) + 50, now))
        else:
            extensions = sealer.extensions(now, 0)
        kind = route.payload_type
        self._send_rtp(rtp.build(kind, packet.marker, sequence, timestamp, route.ssrc, extensions, payload))
        self.sent += 1

    def _send(
        self,
        payload_type: int,
        marker: bool,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        now: float,
    ) -> None:
        number = self.line.sent(len(payload) + 50, now) if self._sealer.counts else 0
        extensions = self._sealer.extensions(now, number)
        self._send_rtp(rtp.build(payload_type, marker, sequence, timestamp, ssrc, extensions, payload))
        self.sent += 1

    def report(self, route: Route, ntp: int, timestamp: int, now: float) -> None:
        """Pass on the publisher's clock (see `media_track.Outlet`)."""
        self._report_times.append((ntp >> 16 & 0xFFFFFFFF, now))
        self._send_rtcp(
            rtcp.sender_report(route.ssrc, ntp, timestamp, route.packets, route.octets, str(route.ssrc))
        )

    def on_part(self, part: rtcp.Part, now: float) -> None:
        """Take in one part of the participant's RTCP that is about what it is sent."""
        if isinstance(part, rtcp.Reports):
            for block in part.blocks:
                self._receiver_report(block, now)
        elif isinstance(part, rtcp.Nack):
            self._repeat(part, now)
        elif isinstance(part, rtcp.KeyframeRequest):
            feed = self._feeds.get(part.ssrc)
            if feed is not None:
                self.keyframes_asked += 1
                feed.track.want_keyframe(feed.route.wanted, now)
        elif isinstance(part, rtcp.Remb):
            self.line.remb(part.bitrate_bps, now)
        elif isinstance(part, rtcp.TransportFeedback):
            self.line.feedback(twcc.read(part.body), now)

    def _receiver_report(self, block: rtcp.Block, now: float) -> None:
        feed = self._feeds.get(block.ssrc)
        if feed is None:
            return
        sent = next((at for last_sr, at in self._report_times if last_sr == block.last_sr), None)
        rtt = now - sent - block.delay_s if sent is not None and block.last_sr else None
        feed.route.lost = block.lost
        self.line.receiver_report(block.lost, rtt, now)

    def _repeat(self, part: rtcp.Nack, now: float) -> None:
        feed = self._feeds.get(part.ssrc)
        if feed is None:
            return
        route = feed.route
        self.missed += len(part.sequences)
        self._spare = min(1.0, self._spare + (now - self._spared_at) / REPEAT_SPAN_S)
        self._spared_at = now
        for sequence in part.sequences[:MAX_REPEATS_PER_NACK]:
            found = route.resend(sequence, now) if self._spare > 0 or not feed.track.video else None
            if found is not None:
                self._spare -= 8 * len(found[3]) / (REPEAT_SHARE * self.line.budget_bps * REPEAT_SPAN_S)
                self._send_again(route, *found, now)
            elif not route.knows(sequence):
                feed.track.want_keyframe(route.wanted, now)

    def _send_again(
        self, route: Route, packet: Packet, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        self.repeated += 1
        if route.rtx_ssrc is None or route.rtx_payload_type is None:
            self._send(route.payload_type, packet.marker, sequence, timestamp, route.ssrc, payload, now)
            return
        route.rtx_sequence += 1
        wrapped = rtp.wrap_rtx(sequence, payload)
        self._send(
            route.rtx_payload_type, packet.marker, route.rtx_sequence, timestamp, route.rtx_ssrc, wrapped, now
        )

    def tick(self, now: float) -> None:
        """Choose layers again when it is time."""
        if now - self._allocated_at >= ALLOCATION_INTERVAL_S:
            self.allocate(now)

    def allocate(self, now: float) -> None:
        """Choose what to send of every track, and ask for the keyframes that needs."""
        self._allocated_at = now
        audio = 0.0
        wishes: list[Wish] = []
        for ssrc, feed in self._feeds.items():
            if not feed.track.video:
                audio += AUDIO_RESERVE_BPS
                self._aim(feed, next(iter(feed.track.streams.values()), None) if feed.enabled else None, now)
            elif not feed.enabled:
                self._aim(feed, None, now)
            else:
                wishes.append(self._wish(ssrc, feed, now))
        chosen = allocate(wishes, self.line.budget_bps - audio)
        for key, quality in chosen.items():
            feed = self._feeds[int(key)]
            self._aim(feed, feed.track.streams.get(quality) if quality is not None else None, now)
            self._note_paused(feed, quality is None)

    def _wish(self, ssrc: int, feed: Feed, now: float) -> Wish:
        live = feed.track.live_streams(now)
        fitting = [stream for stream in live if stream.quality <= feed.quality] or live[:1]
        held = feed.route.current.quality if feed.route.current is not None else None
        layers = tuple((stream.quality, self._cost(feed, stream, held, now)) for stream in fitting)
        return Wish(str(ssrc), layers, feed.priority, held)

    def _cost(self, feed: Feed, stream: Stream, held: int | None, now: float) -> float:
        """Return what a layer costs, in bit/s; one not sent yet at least a good part of what it may cost."""
        measured = max(20_000.0, stream.rate.bps(now))
        if held is not None and stream.quality <= held:
            return measured
        return max(measured, 0.6 * feed.track.nominal_bps.get(stream.quality, 0))

    def _aim(self, feed: Feed, stream: Stream | None, now: float) -> None:
        before = feed.route.wanted
        if feed.route.aim(stream) and before is not stream:
            feed.track.want_keyframe(stream, now)

    def _note_paused(self, feed: Feed, paused: bool) -> None:
        if feed.paused != paused:
            feed.paused = paused
            self.on_paused(feed.track, paused)

    def close(self) -> None:
        """Stop sending everything."""
        for feed in list(self._feeds.values()):
            self.remove(feed)
