"""RoomService, called as its users call it: by `livekit-api`, and by hand where a client would not go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api
from livekit.protocol import models, room

from coordinator.relay import service
from coordinator.relay.errors import RelayError

KEY, SECRET = "key", "a secret of at least thirty-two bytes"
MIC = "TR_mic"


@dataclass
class FakeParticipant:
    """Keeps what it was told; mirrors `participant.Participant` as far as RoomService uses it."""

    identity: str
    tape: list[Any]
    name: str = ""

    @property
    def sid(self) -> str:
        return f"PA_{self.identity}"

    def info(self) -> models.ParticipantInfo:
        return models.ParticipantInfo(identity=self.identity, sid=self.sid, name=self.name)

    def remove(self, reason: int) -> None:
        self.tape.append(("remove", self.identity, reason))

    def mute_track(self, sid: str, muted: bool) -> models.TrackInfo:
        if sid != MIC:
            raise RelayError("not_found", "no such track")
        return models.TrackInfo(sid=sid, muted=muted)

    def update(
        self,
        *,
        metadata: str | None,
        name: str | None,
        attributes: Mapping[str, str] | None,
        permission: models.ParticipantPermission | None,
    ) -> models.ParticipantInfo:
        self.tape.append(("update", self.identity, metadata, name, attributes, permission))
        return self.info()

    def update_subscriptions(self, track_sids: Iterable[str], subscribe: bool) -> None:
        self.tape.append(("subscriptions", self.identity, list(track_sids), subscribe))


@dataclass
class FakeRoom:
    name: str
    tape: list[Any]
    participants: dict[str, FakeParticipant] = field(default_factory=dict)
    metadata: str = ""

    def info(self) -> models.Room:
        return models.Room(name=self.name, metadata=self.metadata, num_participants=len(self.participants))

    def send_data(
        self, payload: bytes, kind: int, destination_identities: Iterable[str], topic: str | None
    ) -> None:
        self.tape.append(("data", payload, kind, list(destination_identities), topic))

    def update_metadata(self, metadata: str) -> None:
        if len(metadata) > 100:
            raise RelayError("invalid_argument", "too long")
        self.metadata = metadata


@dataclass
class FakeRooms:
    tape: list[Any] = field(default_factory=list)
    rooms: dict[str, FakeRoom] = field(default_factory=dict)

    def get(self, name: str) -> FakeRoom | None:
        return self.rooms.get(name)

    def list(self, names: Sequence[str] = ()) -> Iterable[FakeRoom]:
        return [found for name, found in self.rooms.items() if not names or name in names]

    def create(self, request: room.CreateRoomRequest) -> FakeRoom:
        return self.rooms.setdefault(request.name, FakeRoom(request.name, self.tape, {}, request.metadata))

    def delete(self, name: str) -> None:
        if self.rooms.pop(name, None) is None:
            raise RelayError("not_found", "no such room")


@dataclass
class Stage:
    """A server with a room "hall" where alfa and bravo are, and the official client."""

    rooms: FakeRooms
    url: str
    client: api.LiveKitAPI
    http: aiohttp.ClientSession

    @property
    def tape(self) -> list[Any]:
        return self.rooms.tape

    async def post(self, method: str, body: bytes | dict[str, Any], **headers: str) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": bearer(room_admin=True)} | headers
        url = f"{self.url}/twirp/livekit.RoomService/{method}"
        async with self.http.post(url, data=raw, headers=headers) as answer:
            return answer.status, await answer.json()


def bearer(secret: str = SECRET, **grants: Any) -> str:
    video = api.VideoGrants(room=grants.pop("room", "hall"), **grants)
    return "Bearer " + api.AccessToken(KEY, secret).with_identity("x").with_grants(video).to_jwt()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    rooms = FakeRooms()
    hall = rooms.create(room.CreateRoomRequest(name="hall"))
    for identity in ("alfa", "bravo"):
        hall.participants[identity] = FakeParticipant(identity, rooms.tape)
    app = web.Application()
    service.add_routes(app, rooms, {KEY: SECRET})  # type: ignore[arg-type]  # as much of Rooms as is called
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        url = str(server.make_url("")).rstrip("/")
        async with api.LiveKitAPI(url, KEY, SECRET) as client:
            yield Stage(rooms, url, client, http)


async def refused(call: Any) -> tuple[str, int]:
    with pytest.raises(api.TwirpError) as refusal:
        await call
    return refusal.value.code, refusal.value.status


async def test_rooms_are_made_listed_and_deleted(stage: Stage) -> None:
    made = await stage.client.room.create_room(api.CreateRoomRequest(name="annex", metadata="m"))
    every = await stage.client.room.list_rooms(api.ListRoomsRequest())
    some = await stage.client.room.list_rooms(api.ListRoomsRequest(names=["annex", "nowhere"]))
    await stage.client.room.delete_room(api.DeleteRoomRequest(room="annex"))

    assert made == models.Room(name="annex", metadata="m")
    assert [found.name for found in every.rooms] == ["hall", "annex"]
    assert [found.name for found in some.rooms] == ["annex"]
    assert list(stage.rooms.rooms) == ["hall"]


async def test_participants_are_listed_found_and_removed(stage: Stage) -> None:
    people = await stage.client.room.list_participants(api.ListParticipantsRequest(room="hall"))
    alfa = await stage.client.room.get_participant(api.RoomParticipantIdentity(room="hall", identity="alfa"))
    await stage.client.room.remove_participant(api.RoomParticipantIdentity(room="hall", identity="alfa"))

    assert [person.identity for person in people.participants] == ["alfa", "bravo"]
    assert alfa.sid == "PA_alfa"
    assert stage.tape == [("remove", "alfa", models.DisconnectReason.PARTICIPANT_REMOVED)]


async def test_a_track_is_muted_and_an_unknown_one_is_not_found(stage: Stage) -> None:
    mute = api.MuteRoomTrackRequest(room="hall", identity="alfa", track_sid=MIC, muted=True)
    assert (await stage.client.room.mute_published_track(mute)).track.muted
    mute.track_sid = "TR_other"
    assert await refused(stage.client.room.mute_published_track(mute)) == ("not_found", 404)


async def test_an_update_changes_only_what_it_names(stage: Stage) -> None:
    permission = models.ParticipantPermission(
        can_publish=True, can_publish_sources=[models.TrackSource.MICROPHONE]
    )
    given = api.UpdateParticipantRequest(room="hall", identity="alfa", permission=permission)
    named = api.UpdateParticipantRequest(room="hall", identity="alfa", name="Alfa", attributes={"k": ""})

    await stage.client.room.update_participant(given)
    await stage.client.room.update_participant(named)

    assert stage.tape == [
        ("update", "alfa", None, None, None, permission),
        ("update", "alfa", None, "Alfa", {"k": ""}, None),
    ]


async def test_a_permission_for_an_unknown_source_is_refused(stage: Stage) -> None:
    status, answer = await stage.post(
        "UpdateParticipant", {"room": "hall", "identity": "alfa", "permission": {"can_publish_sources": [77]}}
    )

    assert (status, answer["code"]) == (400, "invalid_argument")
    assert stage.tape == []


async def test_subscriptions_are_changed_for_all_the_tracks_named(stage: Stage) -> None:
    tracks = [models.ParticipantTracks(participant_sid="PA_bravo", track_sids=["TR_2", "TR_3"])]
    await stage.client.room.update_subscriptions(
        api.UpdateSubscriptionsRequest(
            room="hall", identity="alfa", track_sids=["TR_1"], participant_tracks=tracks, subscribe=True
        )
    )

    assert stage.tape == [("subscriptions", "alfa", ["TR_1", "TR_2", "TR_3"], True)]


async def test_data_goes_to_everybody_or_to_those_named(stage: Stage) -> None:
    send = stage.client.room.send_data
    kind = models.DataPacket.Kind.LOSSY
    await send(api.SendDataRequest(room="hall", data=b"1", kind=kind, topic="t"))
    await send(api.SendDataRequest(room="hall", data=b"2", destination_identities=["alfa"]))
    await send(api.SendDataRequest(room="hall", data=b"3", destination_sids=["PA_bravo", "PA_gone"]))

    assert stage.tape == [
        ("data", b"1", kind, [], "t"),
        ("data", b"2", 0, ["alfa"], None),
        ("data", b"3", 0, ["bravo"], None),
    ]


async def test_data_for_people_who_have_left_goes_to_nobody(stage: Stage) -> None:
    await stage.client.room.send_data(
        api.SendDataRequest(room="hall", data=b"secret", destination_sids=["PA_gone"])
    )

    assert stage.tape == []


async def test_room_metadata_is_changed_or_refused_as_the_room_says(stage: Stage) -> None:
    change = stage.client.room.update_room_metadata
    assert (await change(api.UpdateRoomMetadataRequest(room="hall", metadata="m"))).metadata == "m"
    too_long = api.UpdateRoomMetadataRequest(room="hall", metadata="m" * 101)
    assert await refused(change(too_long)) == ("invalid_argument", 400)


async def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    client = stage.client.room
    nobody = api.RoomParticipantIdentity(room="hall", identity="nobody")
    nowhere = api.RoomParticipantIdentity(room="nowhere", identity="alfa")
    for call in (
        client.get_participant(nobody),
        client.remove_participant(nobody),
        client.get_participant(nowhere),
        client.list_participants(api.ListParticipantsRequest(room="nowhere")),
        client.send_data(api.SendDataRequest(room="nowhere")),
        client.delete_room(api.DeleteRoomRequest(room="nowhere")),
    ):
        assert await refused(call) == ("not_found", 404)


@pytest.mark.parametrize("name", ["", "x" * 257])
async def test_a_room_needs_a_name_of_reasonable_length(stage: Stage, name: str) -> None:
    call = stage.client.room.create_room(api.CreateRoomRequest(name=name))
    assert await refused(call) == ("invalid_argument", 400)


async def test_json_is_answered_in_json_with_the_names_of_the_protocol(stage: Stage) -> None:
    status, answer = await stage.post("ListParticipants", {"room": "hall", "a_field_of_the_future": 1})

    assert status == 200
    assert [person["identity"] for person in answer["participants"]] == ["alfa", "bravo"]
    assert answer["participants"][0]["is_publisher"] is False


GRANTED = {
    "CreateRoom": {"room_create": True},
    "DeleteRoom": {"room_create": True},
    "ListRooms": {"room_list": True},
}
OTHER_GRANTS: list[dict[str, Any]] = [
    {},
    {"room_join": True},
    {"room_admin": True, "room": "another"},
    {"room_admin": True, "room": ""},
    {"room_create": True},
    {"room_list": True},
    {"room_admin": True},
]


@pytest.mark.parametrize("method", sorted(service.METHODS))
async def test_each_call_needs_its_own_grant_and_no_other_will_do(stage: Stage, method: str) -> None:
    right = GRANTED.get(method, {"room_admin": True})
    body = {"room": "hall", "identity": "alfa", "track_sid": MIC, "name": "hall"}
    for grants in OTHER_GRANTS:
        status, answer = await stage.post(method, body, Authorization=bearer(**grants))
        if grants == right:
            assert status == 200
        else:
            assert (status, answer["code"]) == (403, "permission_denied")


async def test_an_admin_of_no_room_is_no_admin_of_a_room_without_a_name(stage: Stage) -> None:
    status, answer = await stage.post("SendData", {}, Authorization=bearer(room_admin=True, room=""))
    assert (status, answer["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    "credentials",
    ["", "Bearer", "Basic a2V5OnNlY3JldA==", "Bearer junk", bearer(SECRET[::-1], room_admin=True)],
)
async def test_without_a_valid_token_nothing_is_looked_at(stage: Stage, credentials: str) -> None:
    status, answer = await stage.post("GetParticipant", b"{", Authorization=credentials)
    assert (status, answer["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"[1]"),
        ("application/json", b'{"room": "hall", "identity": [1]}'),
        ("application/json", b"\xff"),
        ("application/json", b'{"room": {}}'),
        ("application/json", b'{"room":' * 5000),
        ("application/protobuf", b"\xff\xff\xff"),
    ],
)
async def test_an_unreadable_body_is_malformed(stage: Stage, kind: str, body: bytes) -> None:
    status, answer = await stage.post("GetParticipant", body, **{"Content-Type": kind})
    assert (status, answer["code"]) == (400, "malformed")


async def test_a_body_without_end_is_cut_off(stage: Stage) -> None:
    status, answer = await stage.post("SendData", b"x" * (service.MAX_BODY_BYTES + 1))
    assert (status, answer["code"]) == (429, "resource_exhausted")


async def test_a_body_that_does_not_come_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BODY_WITHIN_S", 0.02)

    async def silence() -> AsyncIterator[bytes]:
        yield b"{"
        await stage_is_over.wait()

    stage_is_over = asyncio.Event()
    headers = {"Content-Type": "application/json", "Authorization": bearer(room_admin=True)}
    url = f"{stage.url}/twirp/livekit.RoomService/SendData"
    async with stage.http.post(url, data=silence(), headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (408, "deadline_exceeded")


async def test_what_is_no_call_is_a_bad_route(stage: Stage) -> None:
    assert (await stage.post("Reboot", {}))[1]["code"] == "bad_route"
    assert (await stage.post("SendData", b"", **{"Content-Type": "text/plain"}))[1]["code"] == "bad_route"
    async with stage.http.get(f"{stage.url}/twirp/livekit.RoomService/ListRooms") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "bad_route")


async def test_a_fault_of_the_relay_tells_nothing_of_its_inside(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: FakeRooms, name: str) -> None:
        raise KeyError("inside")

    monkeypatch.setattr(FakeRooms, "get", fail)
    status, answer = await stage.post("ListParticipants", {"room": "hall"})

    assert (status, answer["code"]) == (500, "internal")
    assert "inside" not in answer["msg"]
