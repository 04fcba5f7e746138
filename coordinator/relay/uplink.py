"""What one participant sends: packets told apart by track and layer, checked in, and acknowledged.

Rule 1: a packet is placed by its SSRC where that is known; else by its mid and rid, which senders stop
writing once they have heard from us, so that the SSRC is remembered then.
Rule 2: retransmissions and redundant audio are unwrapped here; behind this file a packet is a packet.
Rule 3: nothing is written per packet, except the first NACK of a gap and transport feedback that is due: all
else, and feedback that no packet came to carry, goes out from `tick`.
Rule 4: the door gives packets in their usual course to `fast_path`, which does the same with them as is done
here, and all others come here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from .forwarding import red, rtcp, rtp
from .forwarding.engine import FastPath, Recorder, parse
from .forwarding.rtp import Header
from .forwarding.track import Stream
from .media_track import HIGH, QUALITY_BY_RID, MediaTrack
from .sdp import Section

REPORT_INTERVAL_S = 1.0
"""How often there is a receiver report, and a look at the rest."""
MAX_SOURCES = 256
LOSS_SAMPLE, LOSS_WEIGHT = 50, 0.7
"""The share lost is judged from so many packets, and each time counts so much."""


@dataclass
class Binding:
    """A section on which the client sends a track: `codecs` by payload type, `repairs` RTX -> repaired."""

    track: MediaTrack
    codecs: dict[int, str]
    repairs: dict[int, int]
    rtx_pairs: dict[int, int]
    ssrcs: list[int]
    qualities: dict[str, int] = field(default_factory=dict)


def bind(section: Section, track: MediaTrack, qualities: dict[str, int]) -> Binding:
    """Describe a section of an offer that carries `track`; `qualities` is by rid."""
    usable = section.usable()
    repairs = {c.payload_type: int(c.parameter("apt") or -1) for c in usable if c.name == "rtx"}
    codecs = {c.payload_type: c.name for c in usable if c.name != "rtx"}
    return Binding(track, codecs, repairs, dict(section.rtx_pairs), list(section.ssrcs), qualities)


class Uplink:
    """Reception from one participant. `send_rtcp` reaches it; `rtt_s` is read for NACK timing."""

    def __init__(self, send_rtcp: Callable[[bytes], None]) -> None:
        self._send_rtcp = send_rtcp
        self._bindings: dict[str, Binding] = {}
        self._tracks: tuple[MediaTrack, ...] = ()
        self._sources: dict[int, tuple[Binding, Stream]] = {}
        self._ids: dict[str, int] = {}
        self._recorder = Recorder()
        self.fast_path: FastPath | None = FastPath(self._recorder, send_rtcp)
        """Takes usual packets; without it all are taken here."""
        self._report_at = self._tracks_at = 0.0
        self.wake: Callable[[float], None] = lambda at: None
        """Told when `tick` will have something to do (seconds), where that is earlier than it said itself."""
        self._received = 0
        self.rtt_s = 0.1
        self.loss = 0.0
        """The share lost on the way here, before repairs."""
        self._numbered_loss: float | None = None
        self.copied = 0
        """Lost packets of sound that came as copies inside others, since the start."""
        self._asked_before = (0, 0)
        self.on_media: Callable[[MediaTrack, str], None] = lambda track, codec: None
        """Called with the codec when the first packet of a track's stream comes."""

    def configure(self, extensions: dict[str, int], bindings: dict[str, Binding]) -> None:
        """Take over the outcome of a negotiation: extension numbers, and what is sent on which mid."""
        self._ids = extensions
        if self.fast_path is not None:
            self.fast_path.configure(extensions.get(rtp.TRANSPORT_CC, 0), extensions.get(rtp.AUDIO_LEVEL, 0))
        gone = {id(b.track) for b in self._bindings.values()} - {id(b.track) for b in bindings.values()}
        self._sources = {s: pair for s, pair in self._sources.items() if id(pair[0].track) not in gone}
        self._bind(bindings)
        self._put_all()

    def unbind(self, track: MediaTrack) -> None:
        """Take in nothing more for a track, whatever its publisher goes on to send."""
        nacks, plis = self._asked_before
        self._asked_before = (nacks + track.nacks, plis + track.plis)
        self._bind({mid: b for mid, b in self._bindings.items() if b.track is not track})
        self._sources = {ssrc: pair for ssrc, pair in self._sources.items() if pair[0].track is not track}
        self._put_all()

    def _bind(self, bindings: dict[str, Binding]) -> None:
        self._bindings = bindings
        self._tracks = tuple({id(b.track): b.track for b in bindings.values()}.values())
        for track in self._tracks:
            track.wake = self._wake_tracks
        self._wake_tracks(0.0)

    def _put_all(self) -> None:
        """Let packets of the known streams take the fast path, and no others."""
        if self.fast_path is not None:
            self.fast_path.forget()
            for ssrc, (binding, stream) in self._sources.items():
                self._put(ssrc, binding, stream)

    def _put(self, ssrc: int, binding: Binding, stream: Stream) -> None:
        if self.fast_path is None or ssrc != stream.ssrc:
            return  # repairs are unwrapped here
        track = binding.track
        types = tuple(number for number, codec in binding.codecs.items() if codec == stream.codec)
        forward, forward_left = partial(track.forward, stream), partial(track.forward_left, stream)
        self.fast_path.put(ssrc, types, stream.intake, track.exits, forward, forward_left)

    @property
    def received(self) -> int:
        """Packets that came, since the start."""
        return self._received + (self.fast_path.received if self.fast_path is not None else 0)

    def asked(self, publications: Iterable[MediaTrack]) -> tuple[int, int]:
        """Return how many packets and keyframes the participant was asked for, ended tracks counted."""
        tracks = list(publications)
        nacks, plis = self._asked_before
        return nacks + sum(track.nacks for track in tracks), plis + sum(track.plis for track in tracks)

    def on_rtp(self, data: bytes) -> None:
        """Take in one decrypted RTP packet."""
        now = time.monotonic()
        header = parse(data)
        self._received += 1
        numbered = header.extensions.get(self._ids.get(rtp.TRANSPORT_CC, 0))
        if numbered is not None and len(numbered) >= 2:
            self._recorder.arrived(numbered[0] << 8 | numbered[1], now)
        if now >= self._recorder.due_at and (feedback := self._recorder.packet(header.ssrc, now)):
            self._send_rtcp(feedback)
        source = self._sources.get(header.ssrc) or self._resolve(header)
        if source is None:
            return
        binding, stream = source
        payload = data[header.payload_at : header.payload_end]
        repaired = binding.repairs.get(header.payload_type)
        if repaired is not None:
            if len(payload) < 2:
                return  # a probe
            header.sequence, payload = rtp.unwrap_rtx(payload)
            header.payload_type = repaired
        codec = binding.codecs.get(header.payload_type)
        if codec == "red" and stream.codec == "opus":
            header.payload_type, payload = self._take_copies(binding, stream, header, payload, now)
            codec = binding.codecs.get(header.payload_type)
        if codec != stream.codec:
            return
        self._accept(binding.track, stream, header, payload, now, repaired is not None)

    def _take_copies(
        self, binding: Binding, stream: Stream, header: Header, payload: bytes, now: float
    ) -> tuple[int, bytes]:
        """Take in the earlier frames of redundant audio that are missed; return its own (type, frame)."""
        payload_type, frame, earlier = red.unwrap(payload)
        for back, (offset, copy) in zip(range(len(earlier), 0, -1), earlier, strict=True):
            if copy and stream.misses(header.sequence - back & 0xFFFF):
                lost = Header()
                lost.sequence, lost.timestamp = header.sequence - back & 0xFFFF, header.timestamp - offset
                lost.timestamp &= 0xFFFFFFFF
                lost.marker, lost.extensions = False, header.extensions
                self.copied += 1
                self._accept(binding.track, stream, lost, copy, now, True, copied=True)
        return payload_type, frame

    def _accept(
        self, track: MediaTrack, stream: Stream, header: Header, payload: bytes, now: float, repeated: bool,
        *, copied: bool = False,
    ) -> None:  # fmt: skip
        packet = stream.receive(header, payload, now, repeated=repeated, copied=copied)
        if stream.missing.fresh:
            track.ask_missing(stream, now, self.rtt_s)
        if packet is None:
            return
        if not track.video:
            level = header.extensions.get(self._ids.get(rtp.AUDIO_LEVEL, 0))
            if level:
                stream.intake.note_level(level[0])
        track.forward(stream, packet, now)

    def _resolve(self, header: Header) -> tuple[Binding, Stream] | None:
        if len(self._sources) >= MAX_SOURCES:
            return None
        found = self._binding_for(header)
        if found is None:
            return None
        binding, rid = found
        repairs = header.payload_type in binding.repairs
        stream = self._known_stream(binding, rid, header.ssrc) if repairs else None
        if not repairs:
            codec = binding.codecs.get(header.payload_type)
            if codec is None:
                return None
            codec = "opus" if codec == "red" else codec
            quality = binding.qualities.get(rid, QUALITY_BY_RID.get(rid, HIGH)) if rid else HIGH
            stream = Stream(header.ssrc, codec, binding.track.clock_rate, quality)
            binding.track.put_stream(stream)
            self.on_media(binding.track, codec)
        if stream is None:
            return None
        self._sources[header.ssrc] = (binding, stream)
        self._put(header.ssrc, binding, stream)
        return binding, stream

    def _binding_for(self, header: Header) -> tuple[Binding, str] | None:
        mid = header.extensions.get(self._ids.get(rtp.MID, 0), b"").decode("ascii", "replace")
        rid = header.extensions.get(self._ids.get(rtp.RID, 0), b"").decode("ascii", "replace")
        if not rid:
            rid = header.extensions.get(self._ids.get(rtp.REPAIRED_RID, 0), b"").decode("ascii", "replace")
        binding = self._bindings.get(mid)
        if binding is None and not mid:
            binding = next((b for b in self._bindings.values() if header.ssrc in b.ssrcs), None)
        if binding is None or (binding.qualities and not rid and not binding.ssrcs):
            return None
        return binding, rid

    def _known_stream(self, binding: Binding, rid: str, ssrc: int) -> Stream | None:
        main = binding.rtx_pairs.get(ssrc)
        if main is not None and main in self._sources:
            return self._sources[main][1]
        if rid:
            return binding.track.streams.get(binding.qualities.get(rid, QUALITY_BY_RID.get(rid, HIGH)))
        streams = list(binding.track.streams.values())
        return streams[0] if len(streams) == 1 else None

    def sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        """Take in the clock of one of the participant's streams."""
        source = self._sources.get(report.ssrc)
        if source is not None and source[1].ssrc == report.ssrc:
            source[0].track.sender_report(source[1], report.ntp, report.timestamp, now)

    def _wake_tracks(self, at: float) -> None:
        self._tracks_at = min(self._tracks_at, at)
        self.wake(at)

    def tick(self, now: float) -> float:
        """Send what is due: NACKs, keyframe requests, receiver reports, transport feedback that is left.

        Returns when to call it again (seconds).
        """
        if not self._tracks:
            return math.inf
        if now >= self._tracks_at:
            self._tracks_at = min(track.tick(now, self.rtt_s) for track in self._tracks)
        if now >= self._report_at:
            self._report_at = (now // REPORT_INTERVAL_S + 1) * REPORT_INTERVAL_S  # for all at once
            self._report(now)
        return min(self._tracks_at, self._report_at)

    def _report(self, now: float) -> None:
        """Send a receiver report, and the feedback that is left."""
        recorder = self._recorder
        report, feedback = self._reception(now), recorder.packet(next(iter(self._sources), 0), now)
        if report and len(report) + len(feedback) > rtcp.MAX_TOGETHER_BYTES:
            self._send_rtcp(report)
            report = b""
        if report or feedback:
            self._send_rtcp(report + feedback)
        if recorder.reported >= LOSS_SAMPLE:
            fresh = recorder.take_loss()
            before = fresh if self._numbered_loss is None else self._numbered_loss
            self._numbered_loss = before + (fresh - before) * LOSS_WEIGHT

    def _reception(self, now: float) -> bytes:
        """Return a receiver report, empty if nothing came."""
        blocks = [block for track in self._tracks for block in track.reports(now)]
        reported = max((block.lost for block in blocks), default=0.0)
        self.loss = reported if self._numbered_loss is None else self._numbered_loss
        return rtcp.receiver_report(blocks) if blocks else b""
