"""RoomService and webhooks in a running relay, with a participant who speaks the whole protocol."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api
from livekit.protocol.models import DataPacket, ParticipantPermission, TrackSource
from livekit.protocol.webhook import WebhookEvent

from coordinator.relay.main import relay
from coordinator.relay.options import RelayOptions
from coordinator.relay.rooms import MAX_METADATA_BYTES
from coordinator.simulate import LightClient, RecordedMedia
from tests.relay.sdk import joined

KEY, SECRET = "key", "a secret of at least thirty-two bytes"


class Hooks:
    """Takes the relay's webhooks as an application does."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []
        self._official = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def take(self, request: web.Request) -> web.Response:
        self.events.append(self._official.receive(await request.text(), request.headers["Authorization"]))
        return web.Response()

    async def until(self, name: str) -> WebhookEvent:
        async with asyncio.timeout(10):
            while not any(event.event == name for event in self.events):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return next(event for event in self.events if event.event == name)


@pytest.fixture(scope="session")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordedMedia:
    cache = getattr(request.config, "cache", None)
    folder: Path = cache.mkdir("recorded") if cache is not None else tmp_path_factory.mktemp("recorded")
    return RecordedMedia.load(folder)


@pytest.fixture
async def hooks() -> AsyncIterator[tuple[Hooks, str]]:
    hooks = Hooks()
    app = web.Application()
    app.router.add_post("/hook", hooks.take)
    async with TestServer(app) as server:
        yield hooks, str(server.make_url("/hook"))


@pytest.fixture
async def url(hooks: tuple[Hooks, str]) -> AsyncIterator[str]:
    options = RelayOptions(port=0, udp_port=0, webhook=hooks[1], keys={KEY: SECRET})
    async with relay(options) as running:
        yield f"ws://127.0.0.1:{running.port}"


@pytest.fixture
async def service(url: str) -> AsyncIterator[Any]:
    async with api.LiveKitAPI(url, KEY, SECRET) as client:
        yield client.room


@pytest.fixture
async def alfa(url: str, recorded: RecordedMedia) -> AsyncIterator[LightClient]:
    video = api.VideoGrants(room="hall", room_join=True)
    token = api.AccessToken(KEY, SECRET).with_identity("alfa").with_grants(video).to_jwt()
    client = LightClient(url, token, recorded)
    await client.connect()
    yield client
    await client.close()


ALFA = {"room": "hall", "identity": "alfa"}


async def test_a_room_is_made_kept_and_deleted(service: Any) -> None:
    made = await service.create_room(api.CreateRoomRequest(name="annex", metadata="m"))
    again = await service.create_room(api.CreateRoomRequest(name="annex", metadata="other"))
    assert (made.metadata, again.metadata, made.sid) == ("m", "m", again.sid)

    changed = await service.update_room_metadata(api.UpdateRoomMetadataRequest(room="annex", metadata="n"))
    listed = (await service.list_rooms(api.ListRoomsRequest())).rooms
    assert (changed.metadata, [room.name for room in listed]) == ("n", ["annex"])

    await service.delete_room(api.DeleteRoomRequest(room="annex"))
    assert not (await service.list_rooms(api.ListRoomsRequest())).rooms


async def test_a_participant_is_shown_changed_and_muted(service: Any, alfa: LightClient) -> None:
    track = await alfa.publish_microphone()
    update = api.UpdateParticipantRequest(**ALFA, metadata="m", name="Alfa", attributes={"k": "v"})
    changed = await service.update_participant(update)
    assert (changed.metadata, changed.name, dict(changed.attributes)) == ("m", "Alfa", {"k": "v"})
    assert (await service.get_participant(api.RoomParticipantIdentity(**ALFA))).name == "Alfa"

    muted = await service.mute_published_track(
        api.MuteRoomTrackRequest(**ALFA, track_sid=track.sid, muted=True)
    )
    assert muted.track.muted
    await alfa.wait_for(lambda c: c.publications()[0].muted)

    people = (await service.list_participants(api.ListParticipantsRequest(room="hall"))).participants
    assert [[t.muted for t in person.tracks] for person in people] == [[True]]


async def test_a_permission_that_is_taken_away_ends_the_track(service: Any, alfa: LightClient) -> None:
    await alfa.publish_microphone()
    none = ParticipantPermission(
        can_subscribe=True, can_publish=True, can_publish_sources=[TrackSource.CAMERA]
    )
    shown = await service.update_participant(api.UpdateParticipantRequest(**ALFA, permission=none))

    assert not shown.tracks and list(shown.permission.can_publish_sources) == [TrackSource.CAMERA]
    await alfa.wait_for(lambda c: not c.publications())


async def test_what_is_too_long_or_unknown_changes_nothing(service: Any, alfa: LightClient) -> None:
    too_long = api.UpdateParticipantRequest(**ALFA, name="New", metadata="m" * (MAX_METADATA_BYTES + 1))
    for call, code in (
        (service.update_participant(too_long), "invalid_argument"),
        (service.mute_published_track(api.MuteRoomTrackRequest(**ALFA, track_sid="TR_no")), "not_found"),
        (service.delete_room(api.DeleteRoomRequest(room="nowhere")), "not_found"),
    ):
        with pytest.raises(api.TwirpError) as refusal:
            await call
        assert refusal.value.code == code

    shown = await service.get_participant(api.RoomParticipantIdentity(**ALFA))
    assert (shown.name, shown.metadata) == ("", "")


async def test_the_course_of_a_room_is_told_in_order(
    hooks: tuple[Hooks, str], service: Any, alfa: LightClient
) -> None:
    track = await alfa.publish_camera()
    await hooks[0].until("track_published")
    await service.remove_participant(api.RoomParticipantIdentity(**ALFA))
    await hooks[0].until("participant_left")
    await service.delete_room(api.DeleteRoomRequest(room="hall"))
    await hooks[0].until("room_finished")

    events = hooks[0].events
    assert [event.event for event in events] == [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    assert {event.room.name for event in events} == {"hall"}
    assert {event.participant.identity for event in events[1:5]} == {"alfa"}
    assert (events[2].track.sid, events[3].track.sid) == (track.sid, track.sid)


async def test_an_sdk_s_subscriptions_are_changed_it_gets_data_and_is_removed(
    url: str, service: Any, alfa: LightClient
) -> None:
    video = api.VideoGrants(room="hall", room_join=True)
    token = api.AccessToken(KEY, SECRET).with_identity("bravo").with_grants(video).to_jwt()
    bravo = {"room": "hall", "identity": "bravo"}
    async with joined(url, token, "--subscribe-nothing") as sdk:
        sid = (await alfa.publish_microphone()).sid
        for wanted in (True, False):
            change = api.UpdateSubscriptionsRequest(**bravo, track_sids=[sid], subscribe=wanted)
            await service.update_subscriptions(change)
            await sdk.until(lambda told: sid in told["frames"])
            async with (
                aiohttp.ClientSession() as http,
                http.get(url.replace("ws:", "http:") + "/metrics") as told,
            ):
                assert f"relay_subscriptions {int(wanted)}\n" in await told.text()

        kind = DataPacket.Kind.RELIABLE
        for to, topic in ((["bravo"], "named"), (["alfa"], "not for bravo"), ([], "everybody")):
            data = api.SendDataRequest(
                room="hall", data=b"x", kind=kind, topic=topic, destination_identities=to
            )
            await service.send_data(data)
        await sdk.until(lambda told: told["data"] == [["named", "x"], ["everybody", "x"]])

        await service.remove_participant(api.RoomParticipantIdentity(**bravo))
        await sdk.until(lambda told: told["disconnected"] == ["PARTICIPANT_REMOVED"])
    people = (await service.list_participants(api.ListParticipantsRequest(room="hall"))).participants
    assert [person.identity for person in people] == ["alfa"]
