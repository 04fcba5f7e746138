"""Talks to LiveKit: rooms, tokens, permissions and who is there; through `livekit-api` and nothing else.

Rule 1: the built-in relay and an outside LiveKit are the same to this file: an address and a pair of keys.
Rule 2: a call takes at most 1 s, then it is a MediaError; nobody waits for media longer.
Rule 3: a token lives 10 minutes and carries what its holder may publish when it comes in. The floor's
microphone is never in a token: it is granted to those in the room, and taken back, by `apply`.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp
from livekit.api.access_token import AccessToken, VideoGrants
from livekit.api.room_service import RoomService
from livekit.api.twirp_client import ServerError
from livekit.protocol import models, room

from coordinator.domain.errors import MediaError
from coordinator.domain.grants import Grants

CALL_WITHIN_S = 1.0
TOKEN_TTL = datetime.timedelta(minutes=10)
EMPTY_ROOM_S = 3_600  # between the opening and the first site nobody closes the room

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Participant:
    """One participant of a room. `granted`: the sources it may publish; the rest: what it sends, unmuted."""

    identity: str
    granted: frozenset[str]
    subscribe: bool = True
    audio: bool = False
    video: bool = False
    screen: bool = False


class MediaServer(Protocol):
    """What the sessions need of the media server; every call raises MediaError where it fails."""

    @property
    def url(self) -> str | None: ...

    async def ensure_room(self, briefing: str) -> None: ...

    def token(self, briefing: str, identity: str, grants: Grants, name: str = "") -> str: ...

    async def apply(self, briefing: str, identity: str, grants: Grants) -> None: ...

    async def remove(self, briefing: str, identity: str) -> None: ...

    async def participants(self, briefing: str) -> list[Participant]: ...

    async def close_room(self, briefing: str) -> None: ...


class Media:
    """A LiveKit server at an address that may change (the built-in relay takes a new port at each start)."""

    def __init__(self, key: str, secret: str, outside_url: str | None = None) -> None:
        """`outside_url`: ws(s):// or http(s)://; None: the built-in relay, whose address `move` brings."""
        self.outside_url = outside_url
        self._key = key
        self._secret = secret
        self._url = outside_url
        self._session: aiohttp.ClientSession | None = None
        self._failed = False

    @property
    def url(self) -> str | None:
        """The address this process calls, None while the server is down."""
        return self._url

    @property
    def state(self) -> str:
        """ok | starting (no address yet) | failed (the last call failed)."""
        if self._url is None:
            return "starting"
        return "failed" if self._failed else "ok"

    def move(self, url: str | None) -> None:
        """The server is now at this address (None: it is down)."""
        self._url = url
        self._failed = False

    async def close(self) -> None:
        """Closes the connections kept to the server."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ensure_room(self, briefing: str) -> None:
        """Makes the briefing's room unless it is there.

        Raises:
            MediaError: media_failed, media_down, media_timeout.
        """
        request = room.CreateRoomRequest(name=briefing, empty_timeout=EMPTY_ROOM_S)
        await self._call(self._rooms().create_room(request))

    def token(self, briefing: str, identity: str, grants: Grants, name: str = "") -> str:
        """A signed token for one participant of the briefing's room; made here, without asking the server."""
        video = VideoGrants(
            room_join=True, room=briefing, can_publish=bool(grants.sources), can_subscribe=grants.subscribe,
            can_publish_data=False, can_publish_sources=sorted(grants.sources) or None,
        )  # fmt: skip
        token = AccessToken(self._key, self._secret).with_identity(identity).with_name(name)
        return str(token.with_ttl(TOKEN_TTL).with_grants(video).to_jwt())

    async def apply(self, briefing: str, identity: str, grants: Grants) -> None:
        """Sets what a participant may publish; tracks it no longer may publish are stopped by the server.

        Raises:
            MediaError: not_in_room, media_failed, media_down, media_timeout.
        """
        sources: Any = [models.TrackSource.Value(source.upper()) for source in sorted(grants.sources)]
        permission = models.ParticipantPermission(
            can_subscribe=grants.subscribe, can_publish=bool(grants.sources), can_publish_data=False,
            can_publish_sources=sources,
        )  # fmt: skip
        request = room.UpdateParticipantRequest(room=briefing, identity=identity, permission=permission)
        await self._call(self._rooms().update_participant(request))

    async def remove(self, briefing: str, identity: str) -> None:
        """Sends a participant out; one that is not there is no error. Raises MediaError."""
        request = room.RoomParticipantIdentity(room=briefing, identity=identity)
        await self._unless_missing(self._rooms().remove_participant(request))

    async def participants(self, briefing: str) -> list[Participant]:
        """Who is in the room now; nobody where there is no room. Raises MediaError."""
        request = room.ListParticipantsRequest(room=briefing)
        answer = await self._unless_missing(self._rooms().list_participants(request))
        return [_participant(info) for info in answer.participants] if answer is not None else []

    async def close_room(self, briefing: str) -> None:
        """Sends everybody out and forgets the room; no room is no error. Raises MediaError."""
        await self._unless_missing(self._rooms().delete_room(room.DeleteRoomRequest(room=briefing)))

    def _rooms(self) -> RoomService:
        if self._url is None:
            raise MediaError("media_down")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_WITHIN_S))
        return RoomService(self._session, self._url, self._key, self._secret, failover=False)

    async def _unless_missing(self, call: Awaitable[T]) -> T | None:
        try:
            return await self._call(call)
        except MediaError as problem:
            if problem.code == "not_in_room":
                return None
            raise

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                answer = await call
        except ServerError as problem:
            if problem.code == "not_found":
                raise MediaError("not_in_room") from problem
            self._failed = True
            raise MediaError("media_failed", problem=str(problem)) from problem
        except TimeoutError as problem:
            self._failed = True
            raise MediaError("media_timeout") from problem
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            self._failed = True
            raise MediaError("media_failed", problem=str(problem)) from problem
        self._failed = False
        return answer


def _participant(info: Any) -> Participant:
    sending = {track.source for track in info.tracks if not track.muted}
    permission = info.permission
    named = {models.TrackSource.Name(source).lower() for source in permission.can_publish_sources}
    everything = {"camera", "microphone", "screen_share", "screen_share_audio"}
    granted = (named or everything) if permission.can_publish else set()
    return Participant(
        info.identity, frozenset(granted), permission.can_subscribe,
        audio=bool(sending & {models.TrackSource.MICROPHONE, models.TrackSource.SCREEN_SHARE_AUDIO}),
        video=models.TrackSource.CAMERA in sending,
        screen=models.TrackSource.SCREEN_SHARE in sending,
    )  # fmt: skip


def browser_url(outside: str | None, public_url: str | None, origin: str) -> str:
    """The media address as a browser must call it, ws:// or wss://.

    An outside LiveKit has its own. The built-in relay is behind the address the page came from; where a proxy
    in front ends TLS, `public_url` names the scheme for its host.
    """
    chosen = outside or origin
    if not outside and public_url and _host(public_url) == _host(origin):
        chosen = public_url
    scheme, _, rest = chosen.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    return f"{scheme}://{rest.rstrip('/')}"


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()
