"""One room: who is in it, what everybody there is told, and what time brings.

Rule 1: everything here is synchronous and runs on the event loop; slow consequences (closing a transport,
sending a message) are queued by the participant.
Rule 2: every change that the outside may want to know goes through the one `on_event` hook, in order.
Rule 3: what goes to everybody in a room is serialised once.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from aiortc import RTCCertificate
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc
from livekit.protocol import room as proto_room

from . import sdp
from .conditions import QUALITY_INTERVAL_S, SPEAKER_INTERVAL_S, Speakers, judge
from .duties import Duties
from .errors import RelayError
from .liveness import tick_participant
from .participant import Participant
from .publication import Publication, new_sid
from .tokens import Grants
from .transport import fingerprint
from .turn import Turn
from .udp_mux import UdpMux

logger = logging.getLogger(__name__)

EventHook = Callable[[str, models.Room, models.ParticipantInfo | None, models.TrackInfo | None], None]
"""`on_event(name, room, participant or None, track or None)`: must not block and must not raise."""

EMPTY_TIMEOUT_S = 300
DEPARTURE_TIMEOUT_S = 20
MAX_METADATA_BYTES = 16_384
LABELS = {models.DataPacket.Kind.RELIABLE: "_reliable", models.DataPacket.Kind.LOSSY: "_lossy"}
RELAYED = frozenset(LABELS.values())


@dataclasses.dataclass(frozen=True)
class Context:
    """What all rooms share. `addresses` are announced to clients; `spawn` runs a coroutine to its end."""

    mux: UdpMux
    certificate: RTCCertificate
    keys: dict[str, str]
    addresses: Sequence[str]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    turn: Turn | None = None
    duties: Duties = dataclasses.field(default_factory=Duties)


class Room:
    """One room: its participants by identity, and its settings."""

    def __init__(self, request: proto_room.CreateRoomRequest, context: Context, on_event: EventHook) -> None:
        now = time.time()
        self.participants: dict[str, Participant] = {}
        self._context = context
        self._on_event = on_event
        self._info = models.Room(
            sid=new_sid("RM"), name=request.name, empty_timeout=request.empty_timeout or EMPTY_TIMEOUT_S,
            departure_timeout=request.departure_timeout or DEPARTURE_TIMEOUT_S,
            max_participants=request.max_participants, creation_time=int(now),
            creation_time_ms=int(now * 1000), metadata=request.metadata,
        )  # fmt: skip
        self._empty_since = time.monotonic()
        self._was_used = False
        self._speakers = Speakers()
        self._speakers_at = self._quality_at = 0.0

    @property
    def mux(self) -> UdpMux:
        """The shared UDP port."""
        return self._context.mux

    @property
    def duties(self) -> Duties:
        """Where it is said when something of media is due."""
        return self._context.duties

    @property
    def certificate(self) -> RTCCertificate:
        """The relay's DTLS certificate."""
        return self._context.certificate

    @property
    def keys(self) -> dict[str, str]:
        """The API keys with their secrets."""
        return self._context.keys

    def local(self, fragment: str, password: str) -> sdp.Local:
        """Return the relay's side of an answer with these ICE credentials."""
        context = self._context
        return sdp.Local(
            fragment, password, fingerprint(context.certificate), context.addresses, context.mux.port
        )

    def ice_servers(self, participant: Participant) -> list[rtc.ICEServer]:
        """Return the TURN servers that a participant is told."""
        turn = self._context.turn
        return turn.servers(participant.identity) if turn is not None else []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something to its end in the background."""
        self._context.spawn(work)

    @staticmethod
    def with_expiry(grants: Grants, expires_at: float) -> Grants:
        """Return the grants with another end (Unix seconds)."""
        return dataclasses.replace(grants, expires_at=expires_at)

    def info(self) -> models.Room:
        """Return a copy of how the room is shown."""
        info = models.Room()
        info.CopyFrom(self._info)
        shown = [person for person in self.participants.values() if not person.grants.hidden]
        info.num_participants = len(shown)
        info.num_publishers = sum(
            1 for person in shown if any(p.announced for p in person.publications.values())
        )
        return info

    # coming and going

    def admit(self, grants: Grants, request: rtc.JoinRequest, *, two_lines: bool = False) -> Participant:
        """Let somebody in (`two_lines`: by v0). Raises RelayError resource_exhausted or invalid_argument."""
        limit = self._info.max_participants
        if limit and grants.identity not in self.participants and len(self.participants) >= limit:
            raise RelayError("resource_exhausted", "the room is full")
        participant = Participant(self, grants, request, two_lines=two_lines)
        old = self.participants.get(grants.identity)
        if old is not None:
            old.remove(models.DisconnectReason.DUPLICATE_IDENTITY)
        self.participants[grants.identity] = participant
        self._was_used = True
        self.show(participant)
        self.offer_all_to(participant)
        return participant

    def forget(self, participant: Participant) -> None:
        """Take note that somebody ended."""
        if self.participants.get(participant.identity) is participant:
            del self.participants[participant.identity]
        if not self.participants:
            self._empty_since = time.monotonic()
        self.show(participant)
        if participant.active:
            self.tell("participant_left", participant)

    def clear(self, reason: int) -> None:
        """Send everybody away."""
        for person in list(self.participants.values()):
            person.remove(reason)

    def expired(self, now: float) -> bool:
        """Whether the room has been empty for as long as its settings allow."""
        limit = self._info.departure_timeout if self._was_used else self._info.empty_timeout
        return not self.participants and now - self._empty_since > limit

    def visible_to(self, participant: Participant) -> list[Participant]:
        """Return the others whom a participant may see."""
        return [p for p in self.participants.values() if p is not participant and not p.grants.hidden]

    # telling

    def tell(self, name: str, participant: Participant, track: models.TrackInfo | None = None) -> None:
        """Pass an event to the hook."""
        self._on_event(name, self.info(), participant.info(), track)

    def broadcast(self, response: rtc.SignalResponse, but: Participant | None = None) -> None:
        """Send one message to everybody, or to everybody but one."""
        data = response.SerializeToString()
        for person in self.participants.values():
            if person is not but and person.socket is not None:
                person.socket.send(data)

    def show(self, participant: Participant) -> None:
        """Tell everybody how a participant is now; a hidden one only itself."""
        info = participant.info()
        message = rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[info]))
        if participant.grants.hidden:
            participant.send(update=message.update)
            return
        self.broadcast(message)
        if info.state == models.ParticipantInfo.State.DISCONNECTED:
            for person in self.participants.values():
                if person.socket is None:
                    person.missed[info.sid] = info

    def hide(self, participant: Participant) -> None:
        """Tell the others that a participant is gone although it stays, now hidden."""
        info = participant.info()
        info.state = models.ParticipantInfo.State.DISCONNECTED
        self.broadcast(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[info])), but=participant)

    # tracks

    def publication(self, sid: str) -> Publication | None:
        """Return a track of this room by sid, or None."""
        for person in self.participants.values():
            if sid in person.publications:
                return person.publications[sid]
        return None

    def publish(self, publication: Publication) -> None:
        """Announce a track to everybody."""
        publication.announced = True
        publisher = publication.publisher
        publication.media.changed = lambda: self._stream_appeared(publication)
        publisher.changed()
        self.tell("track_published", publisher, publication.info)
        for person in self.participants.values():
            person.subscriber.offer(publication)
        self.tell_demand(publication)

    def unpublish(self, publication: Publication) -> None:
        """Take a track from everybody."""
        if not publication.announced:
            return
        for person in self.participants.values():
            person.subscriber.unsubscribe(publication.sid)
        publication.announced = False
        if not publication.publisher.removed:
            publication.publisher.changed()
        self.tell("track_unpublished", publication.publisher, publication.info)

    def offer_all_to(self, participant: Participant) -> None:
        """Subscribe somebody who wants everything to every track there is."""
        for person in self.visible_to(participant):
            for publication in person.publications.values():
                participant.subscriber.offer(publication)

    def _stream_appeared(self, publication: Publication) -> None:
        now = time.monotonic()
        for person in self.participants.values():
            if publication.sid in person.subscriptions:
                person.plane.allocate(now)

    def tell_demand(self, publication: Publication) -> None:
        """Tell the publisher which layers are needed, when that changed."""
        demand = publication.demand
        if publication.media.video and publication.announced and demand.due(time.monotonic()):
            publication.publisher.send(subscribed_quality_update=publication.subscribed_quality())

    # data

    def relay_data(self, sender: Participant, label: str, data: bytes) -> None:
        """Pass a client's data packet on, signed with who sent it."""
        if label not in RELAYED or not sender.grants.can_publish_data:
            return
        try:
            packet = models.DataPacket.FromString(data)
        except DecodeError:
            return
        if packet.WhichOneof("value") in (None, "speaker", "metrics"):
            return
        packet.participant_identity, packet.participant_sid = sender.identity, sender.sid
        to = set(packet.destination_identities)
        if packet.HasField("user"):
            to |= set(packet.user.destination_identities)
            packet.user.participant_identity, packet.user.participant_sid = sender.identity, sender.sid
        self._deliver(packet, label, to, sender)

    def send_data(
        self, payload: bytes, kind: int, destination_identities: Iterable[str], topic: str | None
    ) -> None:
        """Send a user packet from the server; kind is models.DataPacket.Kind; no destinations = everybody."""
        to = list(destination_identities)
        user = models.UserPacket(payload=payload, topic=topic, destination_identities=to)
        packet = models.DataPacket(kind=kind, user=user, destination_identities=to)  # type: ignore[arg-type]
        self._deliver(packet, LABELS.get(kind, "_reliable"), set(to), None)  # type: ignore[call-overload]

    def _deliver(
        self, packet: models.DataPacket, label: str, to: set[str], sender: Participant | None
    ) -> None:
        data = packet.SerializeToString()
        for person in self.participants.values():
            if person is not sender and (not to or person.identity in to):
                person.transport.send_data(label, data)

    def update_metadata(self, metadata: str) -> None:
        """Change the room's metadata and tell everybody. Raises RelayError invalid_argument when too long."""
        if len(metadata.encode()) > MAX_METADATA_BYTES:
            raise RelayError("invalid_argument", f"metadata has at most {MAX_METADATA_BYTES} bytes")
        self._info.metadata = metadata
        self.broadcast(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info())))

    # time

    def tick(self, now: float) -> None:
        """Do what time brings to this room."""
        for person in list(self.participants.values()):
            try:
                if now >= person.look_at:
                    person.look_at = tick_participant(person, now)
                for publication in person.publications.values():
                    if publication.demand.unsettled and publication.media.video:
                        self.tell_demand(publication)
            except Exception:
                logger.exception("%s: tick failed", person.identity)
        if now - self._speakers_at >= SPEAKER_INTERVAL_S:
            self._speakers_at = now
            speakers = self._speakers.update(p for p in self.participants.values() if not p.grants.hidden)
            if speakers:
                self.broadcast(rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=speakers)))
        if now - self._quality_at >= QUALITY_INTERVAL_S:
            self._quality_at = now
            for person in self.participants.values():
                person.refresh_token(time.time())
            updates = [u for p in self.participants.values() if (u := judge(p, now)) is not None]
            if updates:
                update = rtc.ConnectionQualityUpdate(updates=updates)
                self.broadcast(rtc.SignalResponse(connection_quality=update))
