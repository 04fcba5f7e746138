"""RoomService: the relay's management API, as `livekit-api` and every other LiveKit server SDK call it.

Rule 1: POST /twirp/livekit.RoomService/<Method>, protobuf or JSON by Content-Type; an error is always a Twirp
error: JSON `{code, msg}` with the status of the Twirp specification (twitchtv/twirp `docs/spec_v7.md`).
Rule 2: the token is checked before the body is read, and the grant before anything is looked up. The admin of
one room acts on that room only; making, deleting and listing rooms need grants of their own.
Rule 3: nothing is half done: a call changes what it says, or is refused and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models, room

from .errors import RelayError
from .tokens import SOURCE_NUMBERS, Grants, TokenError, verify

if TYPE_CHECKING:
    from .participant import Participant
    from .rooms import Room, Rooms

MAX_BODY_BYTES = 262_144
BODY_WITHIN_S = 10.0
MAX_ROOM_NAME_CHARS = 256
PATH = "/twirp/livekit.RoomService/{method}"
STATUS = {
    "invalid_argument": 400,
    "malformed": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "deadline_exceeded": 408,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "internal": 500,
    "unavailable": 503,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Method:
    request: type[Message]
    allowed: Callable[[Grants, Any], bool]
    run: Callable[[Rooms, Any], Message]


def add_routes(app: web.Application, rooms: Rooms, keys: dict[str, str]) -> None:
    """Serve RoomService for `rooms` to the bearers of tokens signed with `keys` (API key → secret)."""
    app.router.add_route("*", PATH, handler(rooms, keys))


def handler(rooms: Rooms, keys: dict[str, str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the aiohttp handler of `PATH`."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return await _answer(request, rooms, keys)
        except RelayError as error:
            return _refusal(error.code, error.message)
        except Exception:
            _log.exception("RoomService %s failed", request.match_info["method"])
            return _refusal("internal", "the relay failed to carry this out")

    return handle


async def _answer(request: web.Request, rooms: Rooms, keys: dict[str, str]) -> web.Response:
    method = METHODS.get(request.match_info["method"])
    if method is None or request.method != "POST":
        raise RelayError("bad_route", f"no such call: {request.method} {request.path}")
    grants = _grants(request, keys)
    as_json = _speaks_json(request)
    call = _parse(method.request, await _body(request), as_json)
    if not method.allowed(grants, call):
        raise RelayError("permission_denied", "the token does not grant this")
    answer = method.run(rooms, call)
    if as_json:
        text = json_format.MessageToJson(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
        )
        return web.Response(text=text, content_type="application/json")
    return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")


def _grants(request: web.Request, keys: dict[str, str]) -> Grants:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RelayError("unauthenticated", "send a token: Authorization: Bearer …")
    try:
        return verify(keys, token.strip())
    except TokenError as error:
        raise RelayError("unauthenticated", error.message) from error


def _speaks_json(request: web.Request) -> bool:
    kind = request.content_type
    if kind not in {"application/json", "application/protobuf"}:
        raise RelayError("bad_route", f"unexpected Content-Type: {kind}")
    return kind == "application/json"


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise RelayError("resource_exhausted", f"a request has at most {MAX_BODY_BYTES} bytes")
    except TimeoutError as error:
        raise RelayError("deadline_exceeded", "the request did not arrive in time") from error
    return bytes(body)


def _parse(kind: type[Message], body: bytes, as_json: bool) -> Message:
    try:
        if not as_json:
            return kind.FromString(body)
        fields = json.loads(body)
        if not isinstance(fields, dict):
            raise ValueError("no JSON object")
        return json_format.ParseDict(fields, kind(), ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        raise RelayError("malformed", "the body cannot be read as the request of this call") from error


def _refusal(code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=STATUS.get(code, 500))


def _may_create(grants: Grants, _call: Message) -> bool:
    return grants.room_create


def _may_list(grants: Grants, _call: Message) -> bool:
    return grants.room_list


def _administers(grants: Grants, call: Any) -> bool:
    return grants.room_admin and bool(grants.room) and grants.room == call.room


def _room(rooms: Rooms, name: str) -> Room:
    found = rooms.get(name)
    if found is None:
        raise RelayError("not_found", "no such room")
    return found


def _participant(rooms: Rooms, call: Any) -> Participant:
    found = _room(rooms, call.room).participants.get(call.identity)
    if found is None:
        raise RelayError("not_found", "no such participant in this room")
    return found


def _create_room(rooms: Rooms, call: room.CreateRoomRequest) -> models.Room:
    if not 0 < len(call.name) <= MAX_ROOM_NAME_CHARS:
        raise RelayError("invalid_argument", f"a room's name has 1 to {MAX_ROOM_NAME_CHARS} characters")
    return rooms.create(call).info()


def _list_rooms(rooms: Rooms, call: room.ListRoomsRequest) -> room.ListRoomsResponse:
    return room.ListRoomsResponse(rooms=[found.info() for found in rooms.list(call.names)])


def _delete_room(rooms: Rooms, call: room.DeleteRoomRequest) -> room.DeleteRoomResponse:
    rooms.delete(call.room)
    return room.DeleteRoomResponse()


def _list_participants(rooms: Rooms, call: room.ListParticipantsRequest) -> room.ListParticipantsResponse:
    people = _room(rooms, call.room).participants.values()
    return room.ListParticipantsResponse(participants=[person.info() for person in people])


def _get_participant(rooms: Rooms, call: room.RoomParticipantIdentity) -> models.ParticipantInfo:
    return _participant(rooms, call).info()


def _remove_participant(rooms: Rooms, call: room.RoomParticipantIdentity) -> room.RemoveParticipantResponse:
    _participant(rooms, call).remove(models.DisconnectReason.PARTICIPANT_REMOVED)
    return room.RemoveParticipantResponse()


def _mute_track(rooms: Rooms, call: room.MuteRoomTrackRequest) -> room.MuteRoomTrackResponse:
    return room.MuteRoomTrackResponse(track=_participant(rooms, call).mute_track(call.track_sid, call.muted))


def _update_participant(rooms: Rooms, call: room.UpdateParticipantRequest) -> models.ParticipantInfo:
    permission = call.permission if call.HasField("permission") else None
    if permission and not set(permission.can_publish_sources) <= set(SOURCE_NUMBERS.values()):
        raise RelayError("invalid_argument", "can_publish_sources names an unknown source")
    return _participant(rooms, call).update(
        metadata=call.metadata or None,
        name=call.name or None,
        attributes=dict(call.attributes) or None,
        permission=permission,
    )


def _update_subscriptions(
    rooms: Rooms, call: room.UpdateSubscriptionsRequest
) -> room.UpdateSubscriptionsResponse:
    wanted = [*call.track_sids, *(sid for tracks in call.participant_tracks for sid in tracks.track_sids)]
    _participant(rooms, call).update_subscriptions(wanted, call.subscribe)
    return room.UpdateSubscriptionsResponse()


def _send_data(rooms: Rooms, call: room.SendDataRequest) -> room.SendDataResponse:
    hall = _room(rooms, call.room)
    by_sid = {person.sid: identity for identity, person in hall.participants.items()}
    to = {*call.destination_identities, *(by_sid[sid] for sid in call.destination_sids if sid in by_sid)}
    if to or not call.destination_sids:  # named people who have all left: nobody, never everybody
        hall.send_data(call.data, call.kind, sorted(to), call.topic if call.HasField("topic") else None)
    return room.SendDataResponse()


def _update_metadata(rooms: Rooms, call: room.UpdateRoomMetadataRequest) -> models.Room:
    hall = _room(rooms, call.room)
    hall.update_metadata(call.metadata)
    return hall.info()


METHODS = {
    "CreateRoom": _Method(room.CreateRoomRequest, _may_create, _create_room),
    "ListRooms": _Method(room.ListRoomsRequest, _may_list, _list_rooms),
    "DeleteRoom": _Method(room.DeleteRoomRequest, _may_create, _delete_room),
    "ListParticipants": _Method(room.ListParticipantsRequest, _administers, _list_participants),
    "GetParticipant": _Method(room.RoomParticipantIdentity, _administers, _get_participant),
    "RemoveParticipant": _Method(room.RoomParticipantIdentity, _administers, _remove_participant),
    "MutePublishedTrack": _Method(room.MuteRoomTrackRequest, _administers, _mute_track),
    "UpdateParticipant": _Method(room.UpdateParticipantRequest, _administers, _update_participant),
    "UpdateSubscriptions": _Method(room.UpdateSubscriptionsRequest, _administers, _update_subscriptions),
    "SendData": _Method(room.SendDataRequest, _administers, _send_data),
    "UpdateRoomMetadata": _Method(room.UpdateRoomMetadataRequest, _administers, _update_metadata),
}
