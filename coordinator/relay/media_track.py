"""The media of one published track: its streams, and the routes on which they go out.

Rule 1: streams are known by quality (models.VideoQuality); a rid only tells which quality it is.
Rule 2: a keyframe is asked for here and nowhere else, so that many subscribers cost one request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from livekit.protocol import models

from .forwarding import rtcp
from .forwarding.engine import Cursor, Sender, fan_out
from .forwarding.history import Packet
from .forwarding.keyframes import KeyframeRequests
from .forwarding.route import Route
from .forwarding.track import Stream

LOW, MEDIUM, HIGH = models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH
QUALITY_BY_RID = {"q": LOW, "h": MEDIUM, "f": HIGH, "2": HIGH, "1": MEDIUM, "0": LOW}
SPEECH_SHARE = 0.2
"""The share of loud packets that makes a speaker: a word may be shorter than the time it is measured over."""


class Outlet(Protocol):
    """Who sends what comes out of a route; what may go straight out does so through `sender`."""

    sender: Sender

    def deliver(self, route: Route, packet: Packet, mapped: tuple[int, int, bytes], now: float) -> None: ...
    def report(self, route: Route, ntp: int, timestamp: int) -> None: ...


class MediaTrack:
    """The streams and routes of one track. `send_rtcp` reaches the publisher."""

    def __init__(self, sid: str, video: bool, send_rtcp: Callable[[bytes], None]) -> None:
        self.sid = sid
        self.video = video
        self.clock_rate = 90000 if video else 48000
        self.streams: dict[int, Stream] = {}
        self.nominal_bps: dict[int, int] = {}
        """What the publisher announced for each quality."""
        self.nacks = self.plis = 0
        """Packets and keyframes that the publisher was asked for, since the start."""
        self._send_rtcp = send_rtcp
        self._outlets: list[tuple[Route, Outlet]] = []
        self._silenced = False
        self.exits: list[tuple[Cursor, Sender]] = []
        """Where packets may go straight to (see `sender.fan_out`): one list for ever, empty if silenced."""
        self._keyframes = KeyframeRequests()
        self._live: list[Stream] = []
        self._live_at = -1.0
        self.wake: Callable[[float], None] = lambda at: None
        """Told when `tick` will have something to do, earlier than it said itself."""
        self.changed: Callable[[], None] = lambda: None
        """Called when a stream appears: subscribers may want to choose again."""

    def put_stream(self, stream: Stream) -> None:
        """Take a stream in, in place of an older one of its quality."""
        old = self.streams.get(stream.quality)
        if old is not None:
            self._keyframes.forget(old.ssrc)
        self.streams[stream.quality] = stream
        self._live_at = -1.0
        self.changed()

    def attach(self, route: Route, outlet: Outlet) -> None:
        """Forward on this route from now on, what and when `Route.aim` says."""
        self._connect([*self._outlets, (route, outlet)])

    def detach(self, route: Route) -> None:
        """Forward on this route no longer."""
        self._connect([pair for pair in self._outlets if pair[0] is not route])

    def _connect(self, outlets: list[tuple[Route, Outlet]]) -> None:
        self._outlets = outlets
        self.exits[:] = [] if self._silenced else [(route.cursor, outlet.sender) for route, outlet in outlets]

    @property
    def silenced(self) -> bool:
        """Whether the server has muted the track: then nothing is forwarded."""
        return self._silenced

    @silenced.setter
    def silenced(self, silenced: bool) -> None:
        self._silenced = silenced
        self._connect(self._outlets)

    def forward(self, stream: Stream, packet: Packet, now: float) -> None:
        """Send a packet that came in to everybody whose route carries it."""
        if packet.keyframe:
            self._keyframes.arrived(stream.ssrc)
        self.forward_left(stream, packet, fan_out(self.exits, stream.ssrc, packet, now), now)

    def forward_left(self, stream: Stream, packet: Packet, places: list[int], now: float) -> None:
        """Send a packet to those of `exits` where it may not go straight."""
        outlets = self._outlets
        for place in places:
            route, outlet = outlets[place]
            mapped = route.forward(stream, packet, now)
            if mapped is not None:
                outlet.deliver(route, packet, mapped, now)

    def sender_report(self, stream: Stream, ntp: int, timestamp: int, now: float) -> None:
        """Note the publisher's clock and pass it on."""
        stream.last_report = (ntp, timestamp, now)
        for route, outlet in self._outlets:
            translated = route.report_timestamp(stream, timestamp)
            if translated is not None:
                outlet.report(route, ntp, translated)

    def want_keyframe(self, stream: Stream | None, now: float) -> None:
        """Ask the publisher for a keyframe of this stream, soon if not now."""
        if not self.video or stream is None:
            return
        if self._keyframes.want(stream.ssrc, now):
            self._ask_keyframe(stream.ssrc)
        self.wake(self._keyframes.next_at)

    def _ask_keyframe(self, ssrc: int) -> None:
        self.plis += 1
        self._send_rtcp(rtcp.pli(ssrc))

    def tick(self, now: float, rtt_s: float) -> float:
        """Send the NACKs and keyframe requests that are due; return when to call it again (seconds)."""
        if self._keyframes.pending:
            for ssrc in self._keyframes.due(now):
                if self._awaited(ssrc):
                    self._ask_keyframe(ssrc)
                else:
                    self._keyframes.forget(ssrc)
        for stream in self.streams.values():
            if stream.missing.unsettled:
                self.ask_missing(stream, now, rtt_s)
        missing = any(stream.missing.unsettled for stream in self.streams.values())
        return now if missing else self._keyframes.next_at

    def _awaited(self, ssrc: int) -> bool:
        return any(route.wanted is not None and route.wanted.ssrc == ssrc for route, _ in self._outlets)

    def ask_missing(self, stream: Stream, now: float, rtt_s: float) -> None:
        """NACK what is missing of a stream, and ask for a keyframe when something was given up."""
        due = stream.missing.due(now, rtt_s)
        if due:
            self.nacks += len(due)
            self._send_rtcp(rtcp.nack(stream.ssrc, [number & 0xFFFF for number in due]))
        if stream.missing.take_lost() and self._awaited(stream.ssrc):
            self.want_keyframe(stream, now)
        if stream.missing.unsettled:
            self.wake(now)

    def reports(self, now: float) -> list[rtcp.Block]:
        """Return the report blocks for the publisher."""
        blocks = [stream.report(now) for stream in self.streams.values() if stream.live(now, 5.0)]
        return [block for block in blocks if block is not None]

    def live_streams(self, now: float) -> list[Stream]:
        """Return the streams on which media comes now, lowest quality first; all of them if none does.

        The same list, not to be changed, as long as these are the same; found out once for each `now`.
        """
        if now != self._live_at:
            self._live_at = now
            live = list(self.streams.values()) if len(self.streams) == 1 else self._find_live(now)
            if live != self._live:
                self._live = live
        return self._live

    def _find_live(self, now: float) -> list[Stream]:
        streams = sorted(self.streams.values(), key=lambda stream: stream.quality)
        live = [stream for stream in streams if stream.live(now)]
        going = [s for s in live if not any(s.outrun_by(other) for other in live if other is not s)]
        return going or live or streams

    def take_level(self) -> float | None:
        """Return the loudness (0..1) since the last call where it was speech, else None."""
        levels = loud = loudness = 0
        for stream in self.streams.values():
            intake = stream.intake
            levels, loud, loudness = levels + intake.levels, loud + intake.loud, loudness + intake.loudness
            intake.levels = intake.loud = intake.loudness = 0
        if not loud or loud < SPEECH_SHARE * levels:
            return None
        return float(10 ** (-loudness / loud / 20))
