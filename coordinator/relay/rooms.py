"""Rooms and who is in them: the relay's register, and what RoomService may do to it.

Rule 1: everything here is synchronous and runs on the event loop; slow consequences (closing a transport,
sending a message) are queued by the participant.
Rule 2: an operation either happens, or raises `RelayError` and changes nothing.
Rule 3: every change that the outside may want to know goes through the one `on_event` hook, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from livekit.protocol import models
from livekit.protocol import room as proto_room

if TYPE_CHECKING:
    from .participant import Participant

EventHook = Callable[[str, models.Room, models.ParticipantInfo | None, models.TrackInfo | None], None]
"""`on_event(name, room, participant or None, track or None)`: must not block and must not raise."""


class Rooms:
    """All rooms of this relay, by name."""

    def __init__(self, on_event: EventHook) -> None: ...

    def get(self, name: str) -> Room | None:
        """Return the room, or None."""

    def list(self, names: Sequence[str] = ()) -> list[Room]:
        """Return all rooms, or those of `names` that exist."""

    def create(self, request: proto_room.CreateRoomRequest) -> Room:
        """Return the room of that name, made now or already there (settings of an existing one stay)."""

    def delete(self, name: str) -> None:
        """Send everybody away and forget the room. Raises RelayError not_found."""


class Room:
    """One room: its participants and its settings."""

    participants: dict[str, Participant]
    """By identity."""

    def info(self) -> models.Room: ...

    def send_data(
        self, payload: bytes, kind: int, destination_identities: Iterable[str], topic: str | None
    ) -> None:
        """Send a user packet from the server; kind is models.DataPacket.Kind; no destinations = everybody."""

    def update_metadata(self, metadata: str) -> None:
        """Change the room's metadata and tell everybody. Raises RelayError invalid_argument when too long."""


# participant.py, same conventions:
#   class Participant:
#     room: Room;  identity: str;  sid: str;  grants: tokens.Grants
#     def info(self) -> models.ParticipantInfo
#     def remove(self, reason: int) -> None                       # models.DisconnectReason
#     def mute_track(self, sid: str, muted: bool) -> models.TrackInfo      # RelayError not_found
#     def update(self, *, metadata: str | None, name: str | None, attributes: Mapping[str, str] | None,
#                permission: models.ParticipantPermission | None) -> models.ParticipantInfo
#     def update_subscriptions(self, track_sids: Iterable[str], subscribe: bool) -> None
#
# tokens.py (what the signalling needs of it):
#   @dataclass(frozen=True) class Grants: identity, name, metadata, attributes: dict[str, str], kind: str,
#     room: str, room_join: bool, room_admin: bool, room_create: bool, room_list: bool,
#     can_publish: bool, can_subscribe: bool, can_publish_data: bool,
#     can_publish_sources: frozenset[int] | None   (models.TrackSource; None = no restriction),
#     can_update_own_metadata: bool, hidden: bool, api_key: str, expires_at: float (unix seconds)
#     def permission(self) -> models.ParticipantPermission
#   verify(api_keys: dict[str, str], jwt: str) -> Grants          raises TokenError
#   issue_refresh(api_keys: dict[str, str], grants: Grants, ttl_s: float = 600) -> str
#     (same identity, name, kind, room; the permission fields of `grants` as they are now)
#
# service.py: add_routes(app: web.Application, rooms: Rooms, keys: dict[str, str]) -> None
# webhooks.py: class Webhooks: __init__(url, key, secret); on_event (= EventHook); async start(); async close()
