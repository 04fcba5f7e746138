"""What is said to LiveKit, against a RoomService over real HTTP, and what is made of its trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from livekit.protocol import models, room

from coordinator.domain.errors import MediaError
from coordinator.domain.grants import HUB_SOURCES, Grants
from coordinator.media import Media, Participant, browser_url

KEY, SECRET = "APItest", "a-secret-of-more-than-thirty-two-bytes"
_REQUESTS: dict[str, Any] = {
    "CreateRoom": room.CreateRoomRequest,
    "DeleteRoom": room.DeleteRoomRequest,
    "ListParticipants": room.ListParticipantsRequest,
    "RemoveParticipant": room.RoomParticipantIdentity,
    "UpdateParticipant": room.UpdateParticipantRequest,
}


@dataclass
class RoomService:
    """Keeps what it is asked; answers with `answer`, or with the Twirp error `error`, or not at all."""

    asked: list[tuple[str, Any, dict[str, Any]]] = field(default_factory=list)
    answer: Any = None
    error: tuple[int, str] | None = None
    silent: bool = False
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        self.asked.append((method, _REQUESTS[method].FromString(await request.read()), claims["video"]))
        if self.silent:
            await asyncio.sleep(3)
        if self.error is not None:
            return web.json_response({"code": self.error[1], "msg": "no"}, status=self.error[0])
        body = self.answer.SerializeToString() if self.answer is not None else b""
        return web.Response(body=body, content_type="application/protobuf")


@pytest.fixture
async def server() -> AsyncIterator[RoomService]:
    service = RoomService()
    app = web.Application()
    app.router.add_post("/twirp/livekit.RoomService/{method}", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    service.url = f"ws://{host}:{port}"
    yield service
    await runner.cleanup()


@pytest.fixture
async def media(server: RoomService) -> AsyncIterator[Media]:
    made = Media(KEY, SECRET)
    made.move(server.url)
    yield made
    await made.close()


async def test_grants_name_the_sources_that_may_be_published(server: RoomService, media: Media) -> None:
    await media.apply("b1", "alfa:x", Grants(frozenset({"camera", "microphone"}), True))

    method, asked, video = server.asked[0]
    assert (method, asked.room, asked.identity) == ("UpdateParticipant", "b1", "alfa:x")
    assert asked.permission.can_publish
    assert set(asked.permission.can_publish_sources) == {
        models.TrackSource.CAMERA,
        models.TrackSource.MICROPHONE,
    }
    assert not asked.permission.can_publish_data
    assert video["roomAdmin"] and video["room"] == "b1"


async def test_no_sources_mean_no_publishing_at_all(server: RoomService, media: Media) -> None:
    await media.apply("b1", "alfa:x", Grants(frozenset(), False))

    permission = server.asked[0][1].permission
    assert not permission.can_publish  # an empty list of sources alone would allow every one
    assert not permission.can_subscribe


async def test_participants_tell_what_they_may_and_do_send(server: RoomService, media: Media) -> None:
    camera = models.TrackInfo(source=models.TrackSource.CAMERA)
    muted = models.TrackInfo(source=models.TrackSource.MICROPHONE, muted=True)
    permission = models.ParticipantPermission(
        can_publish=True, can_subscribe=True, can_publish_sources=[models.TrackSource.CAMERA]
    )
    free = models.ParticipantPermission(can_publish=True, can_subscribe=True)
    server.answer = room.ListParticipantsResponse(
        participants=[
            models.ParticipantInfo(identity="alfa:x", tracks=[camera, muted], permission=permission),
            models.ParticipantInfo(identity="hub:y", permission=free),
        ]
    )

    assert await media.participants("b1") == [
        Participant("alfa:x", frozenset({"camera"}), audio=False, video=True),
        Participant("hub:y", HUB_SOURCES),
    ]


async def test_a_room_that_is_not_there_is_empty_and_closed_already(
    server: RoomService, media: Media
) -> None:
    server.error = (404, "not_found")

    assert await media.participants("b1") == []
    await media.close_room("b1")
    await media.remove("b1", "alfa:x")
    with pytest.raises(MediaError, match="not_in_room"):
        await media.apply("b1", "alfa:x", Grants(frozenset(), True))
    assert media.state == "ok"


async def test_the_rooms_outlive_the_wait_for_the_first_site(server: RoomService, media: Media) -> None:
    await media.ensure_room("b1")

    assert server.asked[0][1].name == "b1"
    assert server.asked[0][1].empty_timeout >= 3_600


async def test_a_failing_server_is_a_media_error_and_shows_in_the_state(
    server: RoomService, media: Media
) -> None:
    server.error = (500, "internal")
    with pytest.raises(MediaError, match="media_failed"):
        await media.ensure_room("b1")
    assert media.state == "failed"

    server.error = None
    await media.ensure_room("b1")
    assert media.state == "ok"


async def test_no_call_takes_longer_than_a_second(server: RoomService, media: Media) -> None:
    server.silent = True
    began = asyncio.get_running_loop().time()
    with pytest.raises(MediaError, match="media_timeout"):
        await media.ensure_room("b1")

    assert asyncio.get_running_loop().time() - began < 1.5


async def test_without_an_address_every_call_fails_at_once() -> None:
    media = Media(KEY, SECRET)
    assert media.state == "starting"
    with pytest.raises(MediaError, match="media_down"):
        await media.ensure_room("b1")


async def test_a_closed_port_is_a_media_error(unused_tcp_port: int) -> None:
    media = Media(KEY, SECRET, f"ws://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(MediaError, match="media_failed"):
        await media.ensure_room("b1")
    await media.close()


async def test_a_token_is_for_one_room_and_ten_minutes() -> None:
    token = Media(KEY, SECRET).token("b1", "alfa:x", Grants(frozenset({"camera"}), True), "Xã Alfa")

    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert (claims["iss"], claims["sub"], claims["name"]) == (KEY, "alfa:x", "Xã Alfa")
    assert claims["exp"] - claims["nbf"] == 600
    video = claims["video"]
    assert (video["roomJoin"], video["room"]) == (True, "b1")
    assert video["canPublishSources"] == ["camera"]
    assert not video["canPublishData"]
    assert not video.get("roomAdmin")


@pytest.mark.parametrize(
    ("outside", "public", "origin", "expected"),
    [
        (None, None, "http://127.0.0.1:8080", "ws://127.0.0.1:8080"),
        (None, None, "https://hop.example.vn", "wss://hop.example.vn"),
        (None, "https://hop.example.vn", "http://hop.example.vn", "wss://hop.example.vn"),
        (None, "https://hop.example.vn", "http://10.0.0.5:8080", "ws://10.0.0.5:8080"),
        ("https://livekit.example.vn/", None, "http://127.0.0.1:8080", "wss://livekit.example.vn"),
    ],
)
def test_the_media_address_is_the_one_this_browser_can_call(
    outside: str | None, public: str | None, origin: str, expected: str
) -> None:
    assert browser_url(outside, public, origin) == expected
