"""The relay's register of rooms, and what RoomService may do to it.

Rule 1: everything here is synchronous and runs on the event loop.
Rule 2: an operation either happens, or raises `RelayError` and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from livekit.protocol import models, rtc
from livekit.protocol import room as proto_room

from .errors import RelayError
from .participant import Participant
from .room import MAX_METADATA_BYTES, Context, EventHook, Room
from .tokens import Grants
from .udp_mux import UdpMux

logger = logging.getLogger(__name__)

MAX_ROOMS = 1000
MAX_PARTICIPANTS = 2000

__all__ = ["Context", "EventHook", "Room", "Rooms", "spawner"]


class Rooms:
    """All rooms of this relay, by name."""

    def __init__(self, on_event: EventHook, context: Context) -> None:
        self._rooms: dict[str, Room] = {}
        self._on_event = on_event
        self._context = context
        self.draining = False
        """Set once no new rooms are taken; rooms that have people go on, and may be joined."""

    @property
    def mux(self) -> UdpMux:
        """The shared UDP port."""
        return self._context.mux

    def get(self, name: str) -> Room | None:
        """Return the room, or None."""
        return self._rooms.get(name)

    def list(self, names: Sequence[str] = ()) -> list[Room]:
        """Return all rooms, or those of `names` that exist."""
        return [room for name, room in self._rooms.items() if not names or name in names]

    def create(self, request: proto_room.CreateRoomRequest) -> Room:
        """Return the room of that name, made now or already there (settings of an existing one stay).

        Raises RelayError invalid_argument or resource_exhausted.
        """
        known = self._rooms.get(request.name)
        if known is not None:
            return known
        if self.draining:
            raise RelayError("unavailable", "this relay takes no new rooms, it will stop")
        if not request.name:
            raise RelayError("invalid_argument", "a room needs a name")
        if len(self._rooms) >= MAX_ROOMS:
            raise RelayError("resource_exhausted", f"at most {MAX_ROOMS} rooms can be open")
        if len(request.metadata.encode()) > MAX_METADATA_BYTES:
            raise RelayError("invalid_argument", f"metadata has at most {MAX_METADATA_BYTES} bytes")
        room = Room(request, self._context, self._on_event)
        self._rooms[request.name] = room
        self._on_event("room_started", room.info(), None, None)
        return room

    def delete(self, name: str) -> None:
        """Send everybody away and forget the room. Raises RelayError not_found."""
        room = self._rooms.pop(name, None)
        if room is None:
            raise RelayError("not_found", "no such room")
        room.clear(models.DisconnectReason.ROOM_DELETED)
        self._on_event("room_finished", room.info(), None, None)

    def join(self, grants: Grants, request: rtc.JoinRequest, *, two_lines: bool = False) -> Participant:
        """Let somebody in (`two_lines`: by v0); the same identity is sent away first. Raises RelayError."""
        if sum(len(room.participants) for room in self._rooms.values()) >= MAX_PARTICIPANTS:
            raise RelayError("resource_exhausted", f"at most {MAX_PARTICIPANTS} participants can be here")
        room = self._rooms.get(grants.room)
        if self.draining and room is not None and not room.participants:
            raise RelayError("unavailable", "this relay takes no new rooms, it will stop")
        room = room or self.create(proto_room.CreateRoomRequest(name=grants.room))
        return room.admit(grants, request, two_lines=two_lines)

    def resumable(self, grants: Grants, participant_sid: str) -> Participant | None:
        """Return whom a resume means, or None when that participant is gone."""
        room = self._rooms.get(grants.room)
        found = room.participants.get(grants.identity) if room else None
        return found if found is not None and found.sid == participant_sid else None

    def everybody(self) -> Iterable[Participant]:
        """Return all participants of all rooms."""
        return [person for room in self._rooms.values() for person in room.participants.values()]

    def tick_rooms(self, now: float) -> None:
        """Do what time brings: speakers, line quality, ends; call it about every 250 ms."""
        for name, room in list(self._rooms.items()):
            try:
                room.tick(now)
                if room.expired(now):
                    self.delete(name)
            except Exception:
                logger.exception("room %s: tick failed", name)

    def shut_down(self) -> None:
        """Send everybody away, to come back to the next relay."""
        for room in self._rooms.values():
            for person in list(room.participants.values()):
                person.remove(
                    models.DisconnectReason.SERVER_SHUTDOWN, action=rtc.LeaveRequest.Action.RECONNECT
                )


def spawner() -> tuple[Callable[[Coroutine[Any, Any, None]], None], set[asyncio.Task[None]]]:
    """Return a function that runs coroutines in the background, and the set of those still running."""
    running: set[asyncio.Task[None]] = set()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        running.add(task)
        task.add_done_callback(running.discard)

    return spawn, running
