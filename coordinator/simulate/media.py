"""The media half of a light client: sections, players, what arrives, and the reports both ways.

Rule 1: no signalling here: it makes offers and takes answers as values, and is told what to send.
Rule 2: everything is driven by `tick`, once every `player.TICK_S`, and by the packets that arrive.
Rule 3: what a real receiver would say is said: receiver reports, NACK, PLI while there is no keyframe.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from livekit.protocol.models import TrackType, VideoLayer, VideoQuality
from livekit.protocol.rtc import AddTrackRequest, SimulcastCodec

from . import rtp, sdp
from .link import Link, LocalEnd, RemoteEnd
from .player import Player, middle_of, ntp_of
from .recording import RecordedMedia, Recording
from .rtp import Inbound

REPORT_EVERY_S = 1.0
REPAIR_EVERY_S = 0.05
LAYERS = (("q", "low", VideoQuality.LOW), ("h", "mid", VideoQuality.MEDIUM), ("f", "high", VideoQuality.HIGH))


@dataclass
class Publication:
    """One published track. `players` are its layers by rid; a track without layers has one, under ""."""

    source: str
    section: sdp.Section
    players: dict[str, Player]
    request: AddTrackRequest
    sid: str = ""
    answered: bool = False
    muted: bool = False
    unwanted: set[str] = field(default_factory=set)

    def settle(self) -> None:
        """Let each layer run as muting and the relay's wishes (dynacast) have it."""
        for rid, player in self.players.items():
            player.pause(self.muted or rid in self.unwanted)


class Media:
    """The media of one session with a relay."""

    def __init__(
        self, recorded: RecordedMedia, now: Callable[[], float], on_lost: Callable[[], None]
    ) -> None:
        self.link = Link(self._on_rtp, self._on_rtcp, on_lost)
        self.publications: dict[str, Publication] = {}
        self.tracks: dict[str, Inbound] = {}
        self.keyframe_requests = 0
        self.transport_cc = False
        """Whether packets are numbered for transport-cc; numbers and feedback are the link owner's work."""
        self._recorded, self._now = recorded, now
        self._sections: list[sdp.Section] = []
        self._local: LocalEnd | None = None
        self._session_id, self._version = secrets.randbits(62), 0
        self._ssrc = secrets.randbits(31) | 1
        self._by_ssrc: dict[int, Inbound] = {}
        self._by_mid: dict[str, Inbound] = {}
        self._senders: dict[int, Player] = {}
        self._heard: dict[int, tuple[int, float]] = {}
        self._next_report = self._next_repair = 0.0

    def add_receivers(self, audios: int, videos: int) -> None:
        """Add sections on which the relay may send."""
        for kind in ["audio"] * audios + ["video"] * videos:
            self._add_section(kind, "recvonly")

    async def offer(self, *, restart: bool = False) -> str:
        """Return an offer of everything as it is now, with new ICE credentials if `restart`."""
        if self._local is None or restart:
            self._local = await self.link.gather()
        self._version += 1
        return sdp.write_offer(
            self._local, self._sections, self._session_id, self._version, transport_cc=self.transport_cc
        )

    def take_answer(self, text: str, tracks: dict[str, str]) -> RemoteEnd:
        """Learn from an answer which track comes on which section (`tracks`: mid → track sid).

        Raises:
            SdpError: the answer cannot be used.
        """
        answer = sdp.read_answer(text)
        self._by_ssrc.clear()
        self._by_mid.clear()
        for mid, section in answer.sections.items():
            sid = tracks.get(mid)
            if sid and section.direction in ("sendonly", "sendrecv"):
                track = self.tracks.setdefault(sid, Inbound(section.kind))
                self._by_mid[mid] = track
                self._by_ssrc.update(dict.fromkeys(section.ssrcs, track))
        for publication in self.publications.values():
            section_of_it = answer.sections.get(publication.section.mid)
            if section_of_it and section_of_it.direction in ("recvonly", "sendrecv"):
                publication.answered = True
        return answer.remote

    async def answer(self, text: str) -> tuple[str, RemoteEnd]:
        """Answer an offer by receiving everything in it; tracks are known by their mid.

        Raises:
            SdpError: the offer cannot be used.
        """
        offered = sdp.read_answer(text)
        for mid, section in offered.sections.items():
            track = self.tracks.setdefault(mid, Inbound(section.kind))
            self._by_mid[mid] = track
            self._by_ssrc.update(dict.fromkeys(section.ssrcs, track))
        local = await self.link.gather()
        return sdp.write_answer(local, offered, self._session_id), offered.remote

    def publish(self, source: str, *, simulcast: bool = False) -> Publication:
        """Prepare a track of `source` ("camera", "microphone", "screen_share"); it is sent once answered."""
        cid = f"{source}-{secrets.token_hex(6)}"
        section = self._add_section("audio" if source == "microphone" else "video", "sendonly")
        section.cid = cid
        recordings = self._recordings(source, simulcast)
        players = {rid: self._player(recording, section, rid) for rid, recording in recordings.items()}
        if simulcast:
            section.rids = tuple(players)
        else:
            section.ssrc = players[""].ssrc
        request = _add_track(source, cid, recordings)
        publication = self.publications[source] = Publication(source, section, players, request)
        self._senders.update({player.ssrc: player for player in players.values()})
        return publication

    def unpublish(self, source: str) -> None:
        """Stop sending a track; the next offer says so."""
        publication = self.publications.pop(source, None)
        if publication is not None:
            publication.section.direction = "inactive"
            for player in publication.players.values():
                del self._senders[player.ssrc]

    def tick(self, now: float) -> None:
        """Send what is due at `now` (the loop's time, in seconds)."""
        if not self.link.connected:
            return
        for publication in self.publications.values():
            if publication.answered:
                for player in publication.players.values():
                    for packet in player.due(now):
                        self.link.send(packet)
        if now >= self._next_repair:
            self._next_repair = now + REPAIR_EVERY_S
            self._ask_again(now)
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY_S
            self._report(now)

    def _add_section(self, kind: str, direction: str) -> sdp.Section:
        section = sdp.Section(str(len(self._sections)), kind, direction)
        self._sections.append(section)
        return section

    def _recordings(self, source: str, simulcast: bool) -> dict[str, Recording]:
        if source == "microphone":
            return {"": self._recorded.sound}
        if source == "screen_share":
            return {"": self._recorded.screen}
        if not simulcast:
            return {"": self._recorded.low}
        return {rid: getattr(self._recorded, name) for rid, name, _ in LAYERS}

    def _player(self, recording: Recording, section: sdp.Section, rid: str) -> Player:
        always = {rtp.LEVEL_ID: rtp.SPEAKING} if section.kind == "audio" else {}
        if self.transport_cc:
            always[rtp.TRANSPORT_CC_ID] = bytes(2)
        names = {rtp.MID_ID: section.mid.encode()} | ({rtp.RID_ID: rid.encode()} if rid else {})
        return Player(
            recording,
            payload_type=sdp.OPUS if section.kind == "audio" else sdp.VP8,
            ssrc=secrets.randbits(32) | 1,
            names=names,
            always=always,
            now=self._now(),
        )

    def _on_rtp(self, data: bytes) -> None:
        ssrc = int.from_bytes(data[8:12], "big")
        track = self._by_ssrc.get(ssrc)
        if track is None:
            mid = rtp.read_extensions(data).get(rtp.MID_ID, b"").decode("ascii", "replace")
            track = self._by_mid.get(mid)
            if track is None:
                return
            self._by_ssrc[ssrc] = track
        track.take(data, self._now())

    def _on_rtcp(self, data: bytes) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except ValueError:
            return
        for packet in packets:
            if isinstance(packet, RtcpPsfbPacket | RtcpRtpfbPacket):
                self._on_feedback(packet)
            elif isinstance(packet, RtcpSrPacket):
                self._heard[packet.ssrc] = (middle_of(packet.sender_info.ntp_timestamp), self._now())
            if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                for report in packet.reports:
                    if player := self._senders.get(report.ssrc):
                        player.acknowledge()

    def _on_feedback(self, packet: RtcpPsfbPacket | RtcpRtpfbPacket) -> None:
        ssrc = packet.media_ssrc
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_FIR:
            ssrc = int.from_bytes(packet.fci[:4], "big")  # FIR names its stream inside (RFC 5104 §4.3.1)
        player = self._senders.get(ssrc)
        if player is None:
            return
        player.acknowledge()
        if isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK:
                for again in player.again(packet.lost):
                    self.link.send(again)
        elif packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self.keyframe_requests += 1
            player.restart()

    def _ask_again(self, now: float) -> None:
        for track in self._by_mid.values():
            if lost := track.missing(now):
                nack = RtcpRtpfbPacket(RTCP_RTPFB_NACK, self._ssrc, track.ssrc, lost=sorted(lost))
                self.link.send_rtcp(bytes(nack))

    def _report(self, now: float) -> None:
        ntp = ntp_of(time.time())
        name = bytes(RtcpSdesPacket([RtcpSourceInfo(self._ssrc, [(1, b"simulated")])]))
        for ssrc, player in self._senders.items():
            if player.packets and not player.paused:
                self.link.send_rtcp(bytes(RtcpSrPacket(ssrc, player.report(now, ntp), [])) + name)
        tracks = [track for track in self._by_mid.values() if track.packets]
        reports = [self._reception(track, now) for track in tracks]
        for at in range(0, len(reports), 20):
            self.link.send_rtcp(bytes(RtcpRrPacket(self._ssrc, reports[at : at + 20])) + name)
        for track in tracks:
            if track.kind == "video" and not track.keyframes and track.first_at and now - track.first_at > 1:
                self.link.send_rtcp(bytes(RtcpPsfbPacket(RTCP_PSFB_PLI, self._ssrc, track.ssrc)))

    def _reception(self, track: Inbound, now: float) -> RtcpReceiverInfo:
        middle, heard_at = self._heard.get(track.ssrc, (0, now))
        return RtcpReceiverInfo(
            ssrc=track.ssrc,
            fraction_lost=track.interval_loss(),
            packets_lost=track.lost,
            highest_sequence=track.highest,
            jitter=0,
            lsr=middle,
            dlsr=int((now - heard_at) * 65536) if middle else 0,
        )


def _add_track(source: str, cid: str, recordings: dict[str, Recording]) -> AddTrackRequest:
    """Return the request that announces the track, in the words of a browser's client."""
    request = AddTrackRequest(cid=cid, name=source, source=source.upper())
    if source == "microphone":
        request.type = TrackType.AUDIO
        request.disable_dtx = request.disable_red = True
        return request
    request.type = TrackType.VIDEO
    qualities = {rid: quality for rid, _, quality in LAYERS}
    for rid, recording in recordings.items():
        picture = recording.picture
        assert picture is not None  # a video recording
        request.width, request.height = picture.width, picture.height
        quality = qualities.get(rid, VideoQuality.HIGH)
        request.layers.append(
            VideoLayer(
                quality=quality,
                width=picture.width,
                height=picture.height,
                bitrate=picture.bitrate_bps,
                rid=rid,
            )
        )
    request.simulcast_codecs.append(SimulcastCodec(codec="vp8", cid=cid, layers=request.layers))
    return request
