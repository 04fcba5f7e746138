"""What one participant is sent: packets sealed for its line, repeats, and how much the line carries.

Rule 1: everything that goes out to a participant as media goes through its `sender`: straight from
`media_track` where nothing is to be decided, else by `deliver`.
Rule 2: a repeat that can no longer be given becomes a keyframe request (after a long gap a decoder would
otherwise wait for seconds).
Rule 3: what cannot be afforded is paused and said to be, and what still waits of it is dropped; audio never.
Rule 4: on a line that has shown its limits video is paced, sound never waits; on one that loses packets sound
is sent with copies.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .feed import Feed, Shortage
from .forwarding import rtcp, rtp
from .forwarding.downlink import Downlink
from .forwarding.engine import Sender
from .forwarding.history import Packet
from .forwarding.layers import Wish, allocate
from .forwarding.pacer import Pacer
from .forwarding.protection import Protection
from .forwarding.route import RESEND_INTERVAL_S, Route
from .forwarding.sender import PACKET_OVERHEAD
from .forwarding.track import Stream
from .media_track import MediaTrack

AUDIO_RESERVE_BPS = 50_000.0
PACE = 1.5
"""Video goes out at most this much faster than the line is believed to carry: frames differ in size."""
DOUBT = 2.0
"""Until a line has been proven, layers above the lowest are taken to cost this much more."""
PADDING = 255
COPY_COST = 0.65
"""What a copy of sound takes, against what sound takes with its headers."""
REPEAT_TWICE_LOSS = 0.04
ALLOCATION_INTERVAL_S, EASY_INTERVAL_S = 0.25, 0.5
"""How often layers are chosen anew; the second while all that is asked for goes out, without a limit."""
WEIGHING_INTERVAL_S = 0.25
"""How often feedback is weighed while the line is easy; if it carries plenty, with each choice of layers."""
PLENTY = 4.0
"""A line that carries so many times what is asked for leaves nothing to choose."""
MAX_REPEATS_PER_NACK = 100
MAX_REPORTS_KEPT = 128
REPEAT_SHARE, REPEAT_SPAN_S = 0.3, 0.5
"""Repeats of video may take this share of what the line carries, over this time."""


Queued = tuple[Route, Packet, int, tuple[int, int, bytes]]
"""A packet that waits: its route, itself, its payload type, and (sequence, timestamp, payload)."""


class Plane:
    """Sending to one participant. `send_rtp` and `send_rtcp` reach it."""

    def __init__(self, send_rtp: Callable[[bytes], None], send_rtcp: Callable[[bytes], None]) -> None:
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._sealer = rtp.Sealer(0, 0)
        self._feeds: dict[int, Feed] = {}
        self._reports: dict[int, tuple[Route, int, int]] = {}
        """What publishers said of their clocks since the last `tick`."""
        self._report_times: dict[int, float] = {}
        self._weigh_at = self._allocate_at = 0.0
        self.wake: Callable[[float], None] = lambda at: None
        """Told when `tick` will have something to do (seconds), where that is earlier than it said itself."""
        self._settled_on: list[tuple[MediaTrack, list[Stream]]] | None = None
        """What there was to choose from when all that was asked for went out, on a line with plenty."""
        self._spare, self._spared_at = 1.0, 0.0
        self._pacer: Pacer[Queued] | None = None
        self._again: list[tuple[Route, Packet, int, int, bytes]] = []
        self._protection = Protection()
        self._reduced = self._relieved = False
        self.line = Downlink()
        self.line.flight.alarm = lambda: self.wake(0.0)
        self.sender = Sender(send_rtp, self.line.flight)
        self.padded = 0
        """Packets of padding sent, to find out what the line carries."""
        self.missed = self.repeated = self.keyframes_asked = 0
        """Packets asked for again, packets repeated, and keyframes asked for, since the start."""
        self.on_paused: Callable[[MediaTrack, bool], None] = lambda track, paused: None
        """Called when a track is paused for lack of bandwidth, and when it goes on."""

    def configure(self, extensions: dict[str, int]) -> None:
        """Take over the extension numbers of a negotiation."""
        timed, counted = extensions.get(rtp.ABS_SEND_TIME, 0), extensions.get(rtp.TRANSPORT_CC, 0)
        self._sealer = rtp.Sealer(timed, counted)
        self.sender.configure(timed, counted)

    def add(self, feed: Feed) -> None:
        """Begin to send a track, with a keyframe first; once is enough."""
        if feed.route.ssrc in self._feeds:
            return
        self._feeds[feed.route.ssrc] = feed
        feed.route.paced = feed.route.video and self._pacer is not None
        feed.track.attach(feed.route, self)
        self.allocate(time.monotonic())

    def feeds(self) -> list[Feed]:
        """Return what is being sent, or would be if it could be afforded."""
        return list(self._feeds.values())

    def remove(self, feed: Feed) -> None:
        """Stop sending a track."""
        self._feeds.pop(feed.route.ssrc, None)
        self._settled_on = None
        feed.route.aim(None)
        feed.track.detach(feed.route)

    def deliver(self, route: Route, packet: Packet, mapped: tuple[int, int, bytes], now: float) -> None:
        """Send a packet (see `media_track.Outlet`)."""
        if self._pacer is not None and route.video:
            size = len(mapped[2]) + PACKET_OVERHEAD
            if not self._pacer.passes(size, now):
                self._pacer.put((route, packet, route.cursor.payload_type, mapped), size)
                return
        sequence, timestamp, payload = mapped
        kind = route.cursor.payload_type
        self.sender.send(kind, packet.marker, sequence, timestamp, route.ssrc, payload, now)
        if route.copies and not route.takes_copies:
            self._send_earlier(route, sequence, now)

    def _send_earlier(self, route: Route, sequence: int, now: float) -> None:
        """Send sound again a little later, to a client that reads no redundant audio."""
        for back in range(1, route.copies + 1):
            found = route.resend(sequence - back & 0xFFFF, now)
            if found is not None:
                self._send_again(route, *found, now)

    def report(self, route: Route, ntp: int, timestamp: int) -> None:
        """Pass on the publisher's clock with the next tick (see `media_track.Outlet`)."""
        self._reports[route.ssrc] = route, ntp, timestamp

    def _send_reports(self, now: float) -> None:
        """Send what there is to say of clocks, in as few packets as hold it."""
        reports, self._reports = self._reports, {}
        times, whole = self._report_times, b""
        for ssrc, (route, ntp, timestamp) in reports.items():
            if ssrc not in self._feeds:
                continue
            times[ntp >> 16 & 0xFFFFFFFF] = now
            if len(times) > MAX_REPORTS_KEPT:
                del times[next(iter(times))]
            sent = route.cursor.packets, route.cursor.octets
            report = rtcp.sender_report(ssrc, ntp, timestamp, *sent, str(ssrc))
            if len(whole) + len(report) > rtcp.MAX_TOGETHER_BYTES:
                self._send_rtcp(whole)
                whole = b""
            whole += report
        if whole:
            self._send_rtcp(whole)

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
            self.line.read(part.body, now)
        if self._again or not self.line.easy:
            self.wake(now)

    def _receiver_report(self, block: rtcp.Block, now: float) -> None:
        feed = self._feeds.get(block.ssrc)
        if feed is None:
            return
        rtt = None
        if block.last_sr and block.last_sr != feed.answered_sr:  # told once: while nothing is sent it stays
            sent = self._report_times.get(block.last_sr)
            rtt = now - sent - block.delay_s if sent is not None else None
            feed.answered_sr = block.last_sr
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
        if self.line.draining:
            return  # it would only make the queue longer
        # browsers ask for lost sound with every packet they get, not once a round trip
        interval_s = RESEND_INTERVAL_S if route.video else max(RESEND_INTERVAL_S, 0.8 * self.line.rtt_s)
        least = 0.0 if route.video else -1.0
        for sequence in part.sequences[:MAX_REPEATS_PER_NACK]:
            found = route.resend(sequence, now, interval_s) if self._spare > least else None
            if found is not None:
                if feed.track.video and self.line.chance_loss(now) > REPEAT_TWICE_LOSS:
                    self._again.append((route, *found))
                self._spare -= 8 * len(found[3]) / (REPEAT_SHARE * self.line.budget_bps * REPEAT_SPAN_S)
                self._send_again(route, *found, now)
            elif not route.knows(sequence):
                feed.track.want_keyframe(route.wanted, now)

    def _send_again(
        self, route: Route, packet: Packet, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        self.repeated += 1
        if route.rtx_ssrc is None or route.rtx_payload_type is None:
            kind = route.repeat_type(sequence)
            self.sender.send(kind, packet.marker, sequence, timestamp, route.ssrc, payload, now)
            return
        route.rtx_sequence += 1
        wrapped = rtp.wrap_rtx(sequence, payload)
        self.sender.send(
            route.rtx_payload_type, packet.marker, route.rtx_sequence, timestamp, route.rtx_ssrc, wrapped, now
        )

    def tick(self, now: float) -> float:
        """Do what is due: feedback, what waited, second repeats, padding, clocks, another choice of layers.

        Returns when to call it again (seconds).
        """
        line = self.line
        if now >= min(self._weigh_at, self._allocate_at) or not line.easy:
            self._weigh_at = now + WEIGHING_INTERVAL_S
            if line.flight.told:
                line.weigh(now)
        if self._reports:
            self._send_reports(now)
        if self._again:
            again, self._again = self._again, []
            for repeat in again:
                self._send_again(*repeat, now)
        if self._pacer is not None:
            self._drain(self._pacer, now)
        if not line.learning and (padding := line.padding(now)):
            self._pad(padding, now)
        if now >= self._allocate_at or self._squeezed():
            if self._settled(now):
                self._allocate_at = (now // EASY_INTERVAL_S + 1) * EASY_INTERVAL_S  # for all at once
            else:
                self.allocate(now)
        if not line.easy:
            return now
        return min(self._weigh_at, self._allocate_at) if self._settled_on is None else self._allocate_at

    def _settled(self, now: float) -> bool:
        """Whether choosing again would change nothing: the same streams, on a line that carries far more."""
        if self._settled_on is None or not self.line.easy:
            return False
        rate_bps = 0.0
        for track, live in self._settled_on:
            if track.live_streams(now) is not live:
                return False
            for stream in live:
                rate_bps += stream.rate.bps(now)
        return PLENTY * rate_bps <= self.line.budget_bps

    def _squeezed(self) -> bool:
        """Whether the line has just shown its limit, and video is still sent as before."""
        return self.line.draining and not self._relieved

    def _drain(self, pacer: Pacer[Queued], now: float) -> None:
        pacer.hold(self.line.draining, now)
        self._relieved = self._relieved and self.line.draining
        for route, packet, kind, (sequence, timestamp, payload) in pacer.due(now):
            self.sender.send(kind, packet.marker, sequence, timestamp, route.ssrc, payload, now)

    def _pad(self, size: int, now: float) -> None:
        """Send packets of nothing, in a stream of repeats, where receivers expect them."""
        route = next((feed.route for feed in self._feeds.values() if feed.route.rtx_payload_type), None)
        if route is None or route.rtx_ssrc is None or route.rtx_payload_type is None:
            return
        kind, ssrc = route.rtx_payload_type, route.rtx_ssrc
        for _ in range(0, size, PADDING + PACKET_OVERHEAD):
            route.rtx_sequence += 1
            extensions = self._sealer.extensions(now, self.line.flight.sent(PADDING + PACKET_OVERHEAD, now))
            self._send_rtp(rtp.padding(kind, route.rtx_sequence, 0, ssrc, extensions, PADDING))
            self.padded += 1

    def allocate(self, now: float) -> None:
        """Choose what to send of every track, and ask for the keyframes that needs."""
        self._allocate_at = now + ALLOCATION_INTERVAL_S
        squeezed = self._squeezed()
        self._pace(now)
        audio = self._protect(now)
        wishes: list[Wish] = []
        for ssrc, feed in self._feeds.items():
            if not feed.track.video:
                self._aim(feed, next(iter(feed.track.streams.values()), None) if feed.enabled else None, now)
            elif not feed.enabled:
                self._aim(feed, None, now)
            else:
                wishes.append(self._wish(ssrc, feed, now))
        repeats = any(feed.route.rtx_payload_type for feed in self._feeds.values())
        self.line.probing = repeats and self._sealer.counts
        self.line.prober.wanted_bps = audio + sum(wish.layers[-1][1] for wish in wishes if wish.layers)
        chosen = allocate(wishes, self.line.budget_bps - audio)
        self._reduced = any(wish.layers and chosen[wish.key] != wish.layers[-1][0] for wish in wishes)
        for key, quality in chosen.items():
            feed = self._feeds[int(key)]
            stream = feed.track.streams.get(quality) if quality is not None else None
            self._aim(feed, stream, now, at_once=squeezed)
            self._note_paused(feed, quality is None)
        if self.line.learning and not self._reduced:
            self._allocate_at = now + EASY_INTERVAL_S
        self._settle(now)
        self.wake(self._allocate_at)

    def _settle(self, now: float) -> None:
        """Note what was chosen from, if there was nothing to weigh against anything else."""
        plenty = PLENTY * self.line.prober.wanted_bps <= self.line.budget_bps and not self._protection.copies
        tracks = [feed.track for feed in self._feeds.values() if feed.enabled]
        full = not self._reduced and self.shortage() is Shortage.NONE
        self._settled_on = [(t, t.live_streams(now)) for t in tracks] if plenty and full else None

    def shortage(self) -> Shortage:
        """Return what the participant does not get of what it asked for, because its line is too thin."""
        if any(feed.paused for feed in self._feeds.values()):
            return Shortage.PAUSED
        return Shortage.REDUCED if self._reduced and not self.line.learning else Shortage.NONE

    def _pace(self, now: float) -> None:
        """Pace video from the first sign of congestion on; what waits of a squeezed line is given up."""
        if self.line.learning:
            return
        rate = PACE * self.line.budget_bps
        if self._pacer is None:
            self._pacer = Pacer(rate, now)
            for feed in self._feeds.values():
                feed.route.paced = feed.route.video
        self._pacer.rate_bps = rate
        if self._squeezed():
            self._pacer.hold(True, now)
            self._relieved = True

    def _protect(self, now: float) -> float:
        """Choose how often sound is sent, and return what all of it takes, in bit/s."""
        sounds = [feed for feed in self._feeds.values() if not feed.track.video and feed.enabled]
        plain = AUDIO_RESERVE_BPS * len(sounds)
        line = self.line
        self._protection.note(line.chance_loss(now), line.queue_s, line.budget_bps, plain, now)
        copies = self._protection.copies
        for feed in sounds:
            feed.route.copies = copies
        return plain * (1 + COPY_COST * copies)

    def _wish(self, ssrc: int, feed: Feed, now: float) -> Wish:
        live = feed.track.live_streams(now)
        fitting = [stream for stream in live if stream.quality <= feed.quality] or live[:1]
        held = feed.route.current.quality if feed.route.current is not None else None
        layers = tuple((s.quality, self._cost(feed, s, held, now, lowest=s is fitting[0])) for s in fitting)
        return Wish(str(ssrc), layers, feed.priority, held)

    def _cost(self, feed: Feed, stream: Stream, held: int | None, now: float, *, lowest: bool) -> float:
        """Return what a layer costs, in bit/s; one not sent yet at least a good part of what it may cost."""
        measured = max(20_000.0, stream.rate.bps(now))
        if held is not None and stream.quality <= held:
            return measured
        likely = max(measured, 0.6 * feed.track.nominal_bps.get(stream.quality, 0))
        return likely * DOUBT if self.line.learning and not lowest else likely

    def _aim(self, feed: Feed, stream: Stream | None, now: float, *, at_once: bool = False) -> None:
        before, current = feed.route.wanted, feed.route.current
        waiting = feed.route.aim(stream, at_once=at_once)
        if stream is not current and (at_once or stream is None):
            self._give_up(feed.route)
        if waiting and before is not stream:
            feed.track.want_keyframe(stream, now)

    def _give_up(self, route: Route) -> None:
        """Drop what waits of a layer that the line cannot carry."""
        if self._pacer is None:
            return
        for queued in self._pacer.clear():
            if queued[0] is route:
                route.withdraw(queued[3][0])
            else:
                self._pacer.put(queued, len(queued[3][2]) + PACKET_OVERHEAD)

    def _note_paused(self, feed: Feed, paused: bool) -> None:
        if feed.paused != paused:
            feed.paused = paused
            self.on_paused(feed.track, paused)

    def close(self) -> None:
        """Stop sending everything."""
        self.line.flight.alarm = None
        for feed in list(self._feeds.values()):
            self.remove(feed)
