"""What a light client says on an open signalling socket: offers, tracks, subscriptions; and what it hears.

Rule 1: one offer at a time. What changes while an answer is awaited goes into the next offer.
Rule 2: what the owner asked for is in `wanted` and `subscribed`; what the relay permits decides which of the
wanted tracks run, now and whenever the permission changes.
Rule 3: messages are handled in order by the one who reads; whatever takes long is a task of its own.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from livekit.protocol.models import ParticipantInfo, TrackInfo, TrackSource, TrackType, VideoQuality
from livekit.protocol.rtc import (
    MuteTrackRequest,
    Ping,
    SessionDescription,
    SignalRequest,
    SignalResponse,
    UpdateSubscription,
    UpdateTrackSettings,
)

from .link import LinkError, RemoteEnd
from .media import Media, Publication
from .recording import RecordedMedia
from .sdp import SdpError
from .signalling import Signal, SignalError

PUBLISH_WITHIN_S = 8.0
RIDS = {VideoQuality.LOW: "q", VideoQuality.MEDIUM: "h", VideoQuality.HIGH: "f"}

Chooser = Callable[[ParticipantInfo, TrackInfo], bool]
_log = logging.getLogger(__name__)


class ClientError(Exception):
    """What was asked cannot be done; `code` is unauthenticated, refused, unreachable, left or no_media."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Conversation:
    """The state of one participant, and the messages that change it; `LightClient` comes and goes."""

    def __init__(
        self, token: str, recorded: RecordedMedia, choose: Chooser | None, quality: "VideoQuality | None"
    ) -> None:
        self.token = token
        self.state = "new"
        self.participants: dict[str, ParticipantInfo] = {}
        self.me = ParticipantInfo()
        self.rtt_ms: float | None = None
        self._recorded, self._choose, self._quality = recorded, choose, quality
        self._loop = asyncio.get_running_loop()
        self._media = self._new_media()
        self._media_up = asyncio.Event()
        self._media_failed = False
        self._signal: Signal | None = None
        self._wanted: dict[str, bool] = {}
        self._publishing: set[str] = set()
        self._subscribed: set[str] = set()
        self._pending: dict[str, asyncio.Future[TrackInfo]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._offer_id = self._answered_id = 0
        self._offer_again = False

    def changed(self) -> None:
        """Called whenever participants, permission or state are no longer what they were."""
        if self._choose is not None and self.state == "online":
            self.spawn(self._choose_tracks())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as a task that ends with this client."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    async def break_signalling(self) -> None:
        """Reset the signalling socket, as a bad line does; the client comes back by itself."""
        if self._signal is not None:
            await self._signal.abort()

    # --- publishing ---

    @property
    def wanted(self) -> frozenset[str]:
        """The sources that run whenever they are permitted."""
        return frozenset(self._wanted)

    async def publish(self, source: str, *, simulcast: bool = False) -> TrackInfo:
        """Publish `source` ("camera", "microphone", "screen_share"); return the track as the relay knows it.

        Raises:
            ClientError: refused, it is not permitted or the relay does not answer.
        """
        self._wanted[source] = simulcast
        if not self._permitted(source):
            raise ClientError("refused", f"publishing {source} is not permitted")
        return await self._publish(source, simulcast)

    def want(self, source: str, *, simulcast: bool = False) -> None:
        """Publish `source` whenever it is permitted, now or later, until `unpublish`."""
        self._wanted[source] = simulcast
        self._follow_permission()

    async def unpublish(self, source: str) -> None:
        """Publish `source` no more."""
        self._wanted.pop(source, None)
        await self._withdraw(source)

    async def mute(self, source: str, muted: bool) -> None:
        """Mute a published track, or go on."""
        publication = self._media.publications[source]
        publication.muted = muted
        publication.settle()
        await self.send(mute=MuteTrackRequest(sid=publication.sid, muted=muted))

    def publications(self) -> list[Publication]:
        """Return what is published now."""
        return list(self._media.publications.values())

    async def _publish(self, source: str, simulcast: bool) -> TrackInfo:
        self._publishing.add(source)
        publication = self._media.publish(source, simulcast=simulcast)
        cid = publication.request.cid
        waiting = self._pending[cid] = self._loop.create_future()
        try:
            await self.send(add_track=publication.request)
            await self._negotiate()
            async with asyncio.timeout(PUBLISH_WITHIN_S):
                track: TrackInfo = await waiting
        except (SignalError, TimeoutError) as error:
            self._media.unpublish(source)
            raise ClientError("refused", f"publishing {source} failed: {error!r}") from error
        finally:
            self._pending.pop(cid, None)
            self._publishing.discard(source)
        return track

    async def _publish_quietly(self, source: str, simulcast: bool) -> None:
        try:
            await self._publish(source, simulcast)
        except ClientError as error:
            _log.info("%s: %s", self.me.identity, error)

    async def _withdraw(self, source: str) -> None:
        if source in self._media.publications:
            self._media.unpublish(source)
            await self._negotiate()

    def _permitted(self, source: str) -> bool:
        permission = self.me.permission
        sources = permission.can_publish_sources
        return permission.can_publish and (not sources or TrackSource.Value(source.upper()) in sources)

    def _follow_permission(self) -> None:
        """Publish what is wanted and permitted; withdraw what is no longer permitted."""
        if not self._media_up.is_set() or self.state != "online":
            return
        running = self._media.publications.keys() | self._publishing
        for source, simulcast in self._wanted.items():
            if self._permitted(source) and source not in running:
                self._publishing.add(source)
                self.spawn(self._publish_quietly(source, simulcast))
        for source in [s for s in self._media.publications if not self._permitted(s)]:
            self.spawn(self._withdraw(source))

    # --- subscribing ---

    async def subscribe(self, *sids: str, quality: "VideoQuality | None" = None) -> None:
        """Receive these tracks; `quality` asks for a layer of a video."""
        self._subscribed.update(sids)
        await self.send(subscription=UpdateSubscription(track_sids=sids, subscribe=True))
        if quality is not None:
            await self.set_quality(*sids, quality=quality)

    async def unsubscribe(self, *sids: str) -> None:
        """Receive these tracks no more."""
        self._subscribed.difference_update(sids)
        await self.send(subscription=UpdateSubscription(track_sids=sids, subscribe=False))

    async def set_quality(self, *sids: str, quality: "VideoQuality", disabled: bool = False) -> None:
        """Ask for a layer, or for no picture at all, of subscribed videos."""
        settings = UpdateTrackSettings(track_sids=sids, quality=quality, disabled=disabled)
        await self.send(track_setting=settings)

    async def _choose_tracks(self) -> None:
        choose = self._choose
        if choose is None or not self._media_up.is_set():
            return
        wanted = {
            track.sid: track.type
            for person in self.participants.values()
            for track in person.tracks
            if choose(person, track)
        }
        gone, new = self._subscribed - wanted.keys(), wanted.keys() - self._subscribed
        self._subscribed ^= gone | new
        pictures = [sid for sid in new if wanted[sid] == TrackType.VIDEO]
        if pictures and self._quality is not None:  # first, or the highest layer would be sent for a moment
            await self.set_quality(*pictures, quality=self._quality)
        if gone:
            await self.unsubscribe(*gone)
        if new:
            await self.subscribe(*new)

    # --- negotiating ---

    async def _negotiate(self, *, restart: bool = False) -> None:
        """Offer everything as it is now; while an answer is awaited, once more after it."""
        if self._answered_id < self._offer_id and not restart:
            self._offer_again = True
            return
        self._offer_again = False
        self._offer_id += 1
        offer = SessionDescription(type="offer", id=self._offer_id)
        offer.sdp = await self._media.offer(restart=restart)
        await self.send(offer=offer)

    async def _connect_media(self, media: Media, remote: RemoteEnd) -> None:
        try:
            await media.link.connect(remote)
        except LinkError as error:
            _log.info("%s: %s", self.me.identity, error)
            self._media_failed = True
            await self.break_signalling()
            return
        if media is self._media:
            self._media_up.set()
            self._follow_permission()
            self.changed()

    # --- messages ---

    async def send(self, **message: Any) -> None:
        """Send one SignalRequest. Raises SignalError when the socket is gone."""
        if self._signal is None:
            raise SignalError("not connected")
        await self._signal.send(SignalRequest(**message))

    async def ping(self) -> None:
        """Ask the relay for a sign of life; its answer sets `rtt_ms`."""
        await self.send(ping_req=Ping(timestamp=int(time.time() * 1000), rtt=int(self.rtt_ms or 0)))

    async def handle(self, message: SignalResponse) -> None:
        """Act on one message of the relay; kinds that do not matter here are passed over."""
        kind = message.WhichOneof("message") or ""
        handler = self._handlers().get(kind)
        if handler is not None:
            work = handler(getattr(message, kind))
            if work is not None:
                await work

    def _handlers(self) -> dict[str, Callable[[Any], Awaitable[None] | None]]:
        return {
            "answer": self._on_answer,
            "update": self._on_update,
            "track_published": self._on_published,
            "track_unpublished": self._on_unpublished,
            "media_sections_requirement": self._on_sections,
            "subscribed_quality_update": self._on_quality,
            "mute": self._on_mute,
            "refresh_token": self._on_token,
            "pong_resp": self._on_pong,
        }

    async def _on_answer(self, answer: SessionDescription) -> None:
        try:
            remote = self._media.take_answer(answer.sdp, dict(answer.mid_to_track_id))
        except SdpError as error:
            raise SignalError(f"unusable answer: {error}") from error
        self._answered_id = answer.id or self._offer_id
        if self._media.link.waits_for_answer:
            self.spawn(self._connect_media(self._media, remote))
        if self._offer_again:
            await self._negotiate()

    def _on_update(self, update: Any) -> None:
        for person in update.participants:
            if person.sid == self.me.sid:
                self.me = person
                self._follow_permission()
            elif person.state == ParticipantInfo.State.DISCONNECTED:
                known = self.participants.get(person.identity)
                if known is not None and known.sid == person.sid:  # else news of one who has been replaced
                    del self.participants[person.identity]
            else:
                self.participants[person.identity] = person
        self.changed()

    def _on_published(self, published: Any) -> None:
        for publication in self.publications():
            if publication.request.cid == published.cid:
                publication.sid = published.track.sid  # at once: what the relay wants of it may come next
        waiting = self._pending.pop(published.cid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(published.track)

    async def _on_unpublished(self, gone: Any) -> None:
        for publication in self.publications():
            if publication.sid == gone.track_sid:
                await self._withdraw(publication.source)

    async def _on_sections(self, wanted: Any) -> None:
        self._media.add_receivers(wanted.num_audios, wanted.num_videos)
        await self._negotiate()

    def _on_quality(self, update: Any) -> None:
        qualities = [quality for codec in update.subscribed_codecs for quality in codec.qualities]
        qualities = qualities or list(update.subscribed_qualities)
        wanted = {RIDS[q.quality] for q in qualities if q.enabled and q.quality in RIDS}
        for publication in self.publications():
            if publication.sid == update.track_sid:
                layered = "" not in publication.players
                publication.unwanted = (
                    set(RIDS.values()) - wanted if layered else {""} if not wanted else set()
                )
                publication.settle()

    def _on_mute(self, mute: MuteTrackRequest) -> None:
        for publication in self.publications():
            if publication.sid == mute.sid:
                publication.muted = mute.muted
                publication.settle()

    def _on_token(self, token: str) -> None:
        self.token = token

    def _on_pong(self, pong: Any) -> None:
        self.rtt_ms = max(0.0, time.time() * 1000 - pong.last_ping_timestamp)

    # --- inside ---

    def _new_media(self) -> Media:
        return Media(self._recorded, self._loop.time, lambda: self.spawn(self.break_signalling()))

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, SignalError):
                _log.debug("%s: %s", self.me.identity, error)
            else:
                _log.error("%s: a task of a simulated client failed", self.me.identity, exc_info=error)
