"""The light client: one participant of a LiveKit room that replays recorded media.

Rule 1: what the owner asked for (tracks to publish, tracks to receive) is kept, and done again after every
return: a socket that broke is resumed with an ICE restart; where the relay has forgotten us, we join afresh.
Rule 2: it never gives up by itself; only `close`, `kill` and a `leave` with DISCONNECT end it. Pauses between
tries grow and are jittered, so that a district does not return in one instant; `hurry` cuts them short.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Any

from livekit.protocol.models import DisconnectReason, TrackInfo, VideoQuality
from livekit.protocol.rtc import (
    ConnectionSettings,
    JoinRequest,
    LeaveRequest,
    SessionDescription,
    SignalResponse,
    SyncState,
    UpdateSubscription,
)

from .conversation import Chooser, ClientError, Conversation
from .player import Pacer
from .recording import RecordedMedia
from .signalling import Signal, SignalError

CONNECT_WITHIN_S = 12.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 6.0
SILENT_MEDIA_S = 12.0
"""Without one datagram for so long the path is dead: consent checks are answered every 5 s."""
RESUME_TRIES = 3

Action = LeaveRequest.Action
_log = logging.getLogger(__name__)


class LightClient(Conversation):
    """A participant. `state` is new, joining, online, returning, left or closed.

    `choose(participant, track)` says which tracks to receive, pictures in the layer of `quality`; without it,
    `auto_subscribe` leaves that to the relay. `on_change(client)` is called, on the loop, whenever
    participants, permission or state change; call `changed()` when `choose` would answer differently.
    """

    def __init__(
        self,
        url: str,
        token: str,
        media: RecordedMedia,
        *,
        auto_subscribe: bool = True,
        choose: Chooser | None = None,
        quality: "VideoQuality | None" = None,
        on_change: Callable[["LightClient"], None] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(token, media, choose, quality)
        self.url = url
        self.left_reason = ""
        self.resumes = self.rejoins = 0
        self._auto_subscribe = auto_subscribe and choose is None
        self._on_change = on_change
        self._dice = random.Random(seed)
        self._ping_every_s, self._ping_within_s = 5.0, 15.0
        self._heard_at = self._pinged_at = 0.0
        self._before = {"audio": 0, "video": 0}
        self._hurry = asyncio.Event()

    @property
    def identity(self) -> str:
        """Who the token says we are."""
        return self.me.identity

    async def connect(self) -> None:
        """Join and wait until there is a media path.

        Raises:
            ClientError: refused or unreachable. Nothing is left open.
        """
        self.state = "joining"
        try:
            await self._join()
            self.spawn(self._live())
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await self._media_up.wait()
        except TimeoutError as error:
            self.kill()
            raise ClientError("no_media", "no media path to the relay") from error
        except ClientError:
            self.kill()
            raise
        if self.state == "left":
            raise ClientError("left", self.left_reason)
        Pacer.here().add(self._tick)

    async def publish_camera(self, *, simulcast: bool = False) -> TrackInfo:
        """Publish the camera, in one layer or three. Raises ClientError when it is not permitted."""
        return await self.publish("camera", simulcast=simulcast)

    async def publish_microphone(self) -> TrackInfo:
        """Publish the microphone. Raises ClientError when it is not permitted."""
        return await self.publish("microphone")

    async def publish_screen(self) -> TrackInfo:
        """Publish the screen. Raises ClientError when it is not permitted."""
        return await self.publish("screen_share")

    def hurry(self, token: str) -> None:
        """The relay is there, and takes this token: one who is on the way back joins at once."""
        self.token = token
        if self.state == "returning":
            self._hurry.set()

    def stats(self) -> dict[str, Any]:
        """Return what happened so far, all true figures.

        `tracks` is by track sid; bytes are of decrypted RTP; `audio_bytes` and `video_bytes` count everything
        received since `connect`, over all returns; `lost` counts numbered packets that never arrived.
        """
        players = [player for one in self.publications() for player in one.players.values()]
        sending = {
            one.source: {rid: player.packets for rid, player in one.players.items()}
            for one in self.publications()
        }
        return {
            "state": self.state,
            "tracks": {sid: track.figures() for sid, track in self._media.tracks.items()},
            "audio_bytes": self._bytes("audio"),
            "video_bytes": self._bytes("video"),
            "sending": sending,
            "sent_packets": sum(player.packets for player in players),
            "sent_bytes": sum(player.octets for player in players),
            "keyframe_requests": self._media.keyframe_requests,
            "rtt_ms": self.rtt_ms,
            "resumes": self.resumes,
            "rejoins": self.rejoins,
        }

    async def wait_for(self, true: Callable[["LightClient"], bool], timeout_s: float = 10.0) -> None:
        """Wait until `true(self)`, looking every 20 ms. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true(self):  # noqa: ASYNC110 (figures change with packets, which notify nobody)
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Leave in good order."""
        if self.state in ("closed", "left"):
            return
        self._end("closed")
        try:
            await self.send(leave=LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED))
        except SignalError:
            _log.debug("%s: the relay was gone before the goodbye", self.identity)
        if self._signal is not None:
            await self._signal.close()
        await self._media.link.close()

    def kill(self) -> None:
        """Vanish without a word, as in a power cut."""
        self._end("closed")
        self._media.link.kill()
        self.spawn(self.break_signalling())

    def changed(self) -> None:
        super().changed()
        if self._on_change is not None:
            self._on_change(self)

    # --- joining and coming back ---

    async def _join(self) -> None:
        await self._media.link.close()
        self._before = {kind: self._bytes(kind) for kind in self._before}
        self._media = self._new_media()
        self._media_up.clear()
        self._media_failed = False
        self._subscribed.clear()
        self._media.add_receivers(1, 1)
        self._offer_id += 1
        offer = SessionDescription(type="offer", sdp=await self._media.offer(), id=self._offer_id)
        first = await self._open(JoinRequest(publisher_offer=offer))
        if not first.HasField("join"):
            raise ClientError("refused", "the relay did not answer with join")
        join = first.join
        self.me = join.participant
        self.participants = {person.identity: person for person in join.other_participants}
        self._ping_every_s, self._ping_within_s = join.ping_interval or 5.0, join.ping_timeout or 15.0
        self.state = "online"
        self.changed()

    async def _resume(self) -> None:
        first = await self._open(JoinRequest(reconnect=True, participant_sid=self.me.sid))
        if not first.HasField("reconnect"):
            raise ClientError("left", "the relay has forgotten this participant")
        self.resumes += 1
        self.state = "online"
        kept = UpdateSubscription(track_sids=self._subscribed, subscribe=True)
        await self.send(sync_state=SyncState(subscription=kept))
        await self._negotiate(restart=True)
        self.changed()

    async def _open(self, request: JoinRequest) -> SignalResponse:
        await self.break_signalling()
        request.connection_settings.MergeFrom(ConnectionSettings(auto_subscribe=self._auto_subscribe))
        try:
            self._signal, first = await Signal.open(self.url, self.token, request)
        except SignalError as error:
            unreachable = error.status == 0 or error.status >= 500
            code = "unauthenticated" if error.status in (401, 403) else "refused"
            raise ClientError("unreachable" if unreachable else code, str(error)) from error
        self._heard_at = self._pinged_at = self._loop.time()
        if first.HasField("leave"):
            raise ClientError("left", DisconnectReason.Name(first.leave.reason))
        return first

    async def _live(self) -> None:
        while self.state not in ("closed", "left"):
            action = await self._listen()
            if action == Action.DISCONNECT:
                self._end("left")
                await self._media.link.close()
            elif self.state not in ("closed", "left"):
                await self._come_back(resume=action == Action.RESUME)

    async def _listen(self) -> int:
        """Handle messages until the socket ends; return what to do then."""
        signal = self._signal
        try:
            while signal is not None and (message := await signal.receive()) is not None:
                self._heard_at = self._loop.time()
                if message.HasField("leave"):
                    self.left_reason = DisconnectReason.Name(message.leave.reason)
                    await signal.close()
                    return message.leave.action
                await self.handle(message)
        except SignalError as error:
            _log.debug("%s: %s", self.identity, error)
        return Action.RESUME

    async def _come_back(self, *, resume: bool) -> None:
        self.state = "returning"
        self.changed()
        pause_s = FIRST_PAUSE_S
        self._hurry.clear()
        tries = RESUME_TRIES if resume and not self._media_failed and self._media.link.connected else 0
        while self.state == "returning":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s * self._dice.uniform(0.5, 1.5)):
                    await self._hurry.wait()
                tries = 0  # another relay: it knows nothing of us
            self._hurry.clear()
            pause_s = min(pause_s * 1.7, LONGEST_PAUSE_S)
            tries = await self._try_to_return(tries)

    async def _try_to_return(self, resume_tries: int) -> int:
        """Try once, by resuming while such tries are left; return how many are left then."""
        try:
            if resume_tries > 0:
                await self._resume()
            else:
                await self._join()
                self.rejoins += 1
        except (ClientError, SignalError) as error:
            _log.debug("%s: not back yet: %s", self.identity, error)
            if self.state == "online":
                self.state = "returning"
            forgotten = isinstance(error, ClientError) and error.code == "left"
            return 0 if forgotten else max(0, resume_tries - 1)
        return 0

    # --- housekeeping ---

    def _tick(self, now: float) -> None:
        self._media.tick(now)
        if self.state != "online":
            return
        if now - self._pinged_at >= self._ping_every_s:
            self._pinged_at = now
            self.spawn(self.ping())
        link = self._media.link
        silent = link.connected and now - link.last_datagram_at > SILENT_MEDIA_S
        if silent or now - self._heard_at > self._ping_within_s + self._ping_every_s:
            link.last_datagram_at = self._heard_at = now
            self.spawn(self.break_signalling())

    def _bytes(self, kind: str) -> int:
        return self._before[kind] + sum(t.octets for t in self._media.tracks.values() if t.kind == kind)

    def _end(self, state: str) -> None:
        self.state = state
        Pacer.here().remove(self._tick)
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._media_up.set()
        self.changed()
