"""A published track as others see it, and the wish that made it.

Rule: what a client asks for (AddTrackRequest) is checked against its grants before anything is made of it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from .demand import Demand
from .errors import RelayError
from .media_track import HIGH, LOW, MEDIUM, QUALITY_BY_RID, MediaTrack

if TYPE_CHECKING:
    from .participant import Participant

AUDIO_SOURCES = (models.TrackSource.MICROPHONE, models.TrackSource.SCREEN_SHARE_AUDIO)
VIDEO_SOURCES = (models.TrackSource.CAMERA, models.TrackSource.SCREEN_SHARE)
MAX_NAME = 256
MIME = {"vp8": "video/VP8", "h264": "video/H264", "opus": "audio/opus"}


def new_sid(prefix: str) -> str:
    """Return a fresh sid: PA_… for participants, TR_… tracks, RM_… rooms."""
    return f"{prefix}_{secrets.token_hex(8)}"


class Publication:
    """One track of `publisher`. `mid` is the section that carries it, None until it was offered."""

    def __init__(
        self, publisher: Participant, request: rtc.AddTrackRequest, send_rtcp: Callable[[bytes], None]
    ) -> None:
        self.publisher = publisher
        self.cid = request.cid
        self.extra_cids = {codec.cid for codec in request.simulcast_codecs if codec.cid}
        self.info = _track_info(request)
        self.media = MediaTrack(self.info.sid, self.video, send_rtcp)
        self.media.nominal_bps = {layer.quality: layer.bitrate for layer in self.info.layers}
        self.demand = Demand()
        self.mid: str | None = None
        self.announced = False
        self.seen = False
        """Whether a subscriber has been reported to the publisher."""

    @property
    def sid(self) -> str:
        """The track's sid."""
        return self.info.sid

    @property
    def video(self) -> bool:
        """Whether this is a video track."""
        return self.info.type == models.TrackType.VIDEO

    @property
    def codec(self) -> str:
        """The track's codec: vp8, h264 or opus."""
        return next((name for name, mime in MIME.items() if mime == self.info.mime_type), "")

    def matches(self, cid: str) -> bool:
        """Whether the client calls this track `cid`."""
        return cid == self.cid or cid in self.extra_cids

    def qualities(self, rids: list[str]) -> dict[str, int]:
        """Return the quality of each rid, from the layers announced or the usual names."""
        announced = {layer.rid: layer.quality for layer in self.info.layers if layer.rid}
        known = {**QUALITY_BY_RID, **announced}
        in_order = (LOW, MEDIUM, HIGH)
        return {rid: known.get(rid, in_order[min(index, 2)]) for index, rid in enumerate(rids)}

    def quality_for(self, width: int, height: int) -> int:
        """Return the lowest quality whose picture fills `width` x `height` pixels."""
        layers = sorted(self.info.layers, key=lambda layer: layer.width * layer.height)
        for layer in layers:
            if layer.width * layer.height >= 0.8 * width * height:
                return layer.quality
        return HIGH

    def subscribed_quality(self) -> rtc.SubscribedQualityUpdate:
        """Return the message that tells the publisher what is needed."""
        told = self.demand.told
        wanted = [
            rtc.SubscribedQuality(quality=quality, enabled=told is not None and quality <= told)
            for quality in (LOW, MEDIUM, HIGH)
        ]
        codec = self.info.mime_type.partition("/")[2].lower()
        return rtc.SubscribedQualityUpdate(
            track_sid=self.sid,
            subscribed_qualities=wanted,
            subscribed_codecs=[rtc.SubscribedCodec(codec=codec, qualities=wanted)],
        )

    def offered(self, mid: str, codecs: list[str], simulcast: bool) -> None:
        """Note the section that carries the track; it will use the codec announced, or the first offered."""
        self.mid = self.info.mid = mid
        self.info.simulcast = simulcast
        for entry in self.info.codecs:
            entry.mid = mid
        if self.info.mime_type not in [MIME.get(codec) for codec in codecs]:
            self.uses(codecs[0])

    def uses(self, codec: str) -> bool:
        """Note the codec the track really has; True when that is news."""
        mime = MIME.get(codec, self.info.mime_type)
        news = self.info.mime_type != mime
        self.info.mime_type = mime
        for entry in self.info.codecs:
            entry.mime_type = mime
        return news


def _track_info(request: rtc.AddTrackRequest) -> models.TrackInfo:
    video = request.type == models.TrackType.VIDEO
    mime = "audio/opus"
    if video:
        asked = request.simulcast_codecs[0].codec.lower() if request.simulcast_codecs else "vp8"
        mime = MIME["h264"] if asked.endswith("h264") else MIME["vp8"]
    layers = list(request.layers)
    if not layers and request.simulcast_codecs:
        layers = list(request.simulcast_codecs[0].layers)
    info = models.TrackInfo(
        sid=new_sid("TR"), type=request.type, name=request.name, muted=request.muted, width=request.width,
        height=request.height, simulcast=video and len(layers) > 1, disable_dtx=request.disable_dtx,
        source=request.source, layers=layers, mime_type=mime, stereo=request.stereo,
        disable_red=request.disable_red, encryption=request.encryption, stream=request.stream,
        audio_features=request.audio_features,
    )  # fmt: skip
    info.codecs.add(mime_type=mime, cid=request.cid, layers=layers)
    now = time.time()
    info.version.unix_micro = int(now * 1_000_000)
    return info


def check_request(request: rtc.AddTrackRequest, allowed: Callable[[int], bool]) -> None:
    """Raise RelayError (permission_denied, invalid_argument) unless this track may be published."""
    if request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO):
        raise RelayError("invalid_argument", "only audio and video tracks can be published")
    if not request.cid or len(request.cid) > MAX_NAME or len(request.name) > MAX_NAME:
        raise RelayError("invalid_argument", "a track needs a client id and a short name")
    if len(request.layers) > 3 or len(request.simulcast_codecs) > 4:
        raise RelayError("invalid_argument", "too many layers or codecs")
    wrong = VIDEO_SOURCES if request.type == models.TrackType.AUDIO else AUDIO_SOURCES
    if request.source in wrong:
        raise RelayError("invalid_argument", "the source does not fit the kind of track")
    if not allowed(request.source):
        raise RelayError("permission_denied", "the token does not allow this source")
