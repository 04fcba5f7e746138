"""One participant: what its client asks for, what it is told, what it sends and gets.

Rule 1: everything here runs on the event loop and finishes at once; nothing awaits.
Rule 2: the grants are enforced here, at the request and again whenever they change.
Rule 3: a participant outlives its signalling socket: media goes on, and a new socket may resume it. It ends
by `remove`, once, from whatever cause, and every step of that happens even if another one fails.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from . import sdp
from .errors import ProtocolViolation, RelayError
from .forwarding import rtcp
from .ice import Credentials
from .liveness import Pulse
from .media_track import MediaTrack
from .negotiation import Negotiation, Plan, Subscription
from .offering import Offering
from .plane import Plane
from .profile import check_limits, first_info
from .publication import Publication, check_request, new_sid
from .requests import handle_request
from .signalling import SignalSocket
from .subscriber import Subscriber
from .tokens import Grants, TokenError, issue_refresh
from .transport import MediaTransport
from .uplink import Uplink

if TYPE_CHECKING:
    from .rooms import Room

logger = logging.getLogger(__name__)

MAX_PUBLICATIONS = 16
REFRESH_BEFORE_S = 300.0
REFRESH_TTL_S = 600.0


class Participant:
    """One identity in one room. `grants` are as they are now, `socket` is None while signalling is cut."""

    def __init__(self, room: Room, grants: Grants, join: rtc.JoinRequest, *, two_lines: bool = False) -> None:
        self.room = room
        self.grants = grants
        self.identity = grants.identity
        self.sid = new_sid("PA")
        self.socket: SignalSocket | None = None
        self.auto_subscribe = join.connection_settings.auto_subscribe
        self.publications: dict[str, Publication] = {}
        self.subscriber = Subscriber(self)
        self.missed: dict[str, models.ParticipantInfo] = {}
        """Who left while signalling was cut."""
        self.cut_at: float | None = time.monotonic()
        self.resume_asked_at = 0.0
        self.pulse = Pulse()
        self.quality = models.ConnectionQuality.EXCELLENT
        self.negotiation = Negotiation()
        self.transport = MediaTransport(room.mux, room.certificate, self)
        self.uplink = Uplink(self.transport.send_rtcp)
        self.offering = Offering(self) if two_lines else None
        self.line = self.offering.transport if self.offering is not None else self.transport
        """The transport on which this participant gets media."""
        self.plane = Plane(self.line.send_rtp, self.line.send_rtcp)
        self.line.lend(self.plane.sender, self.plane.line.flight)
        self.transport.door.fast_path = self.uplink.fast_path
        self._duties = [room.duties.add(self.uplink.tick), room.duties.add(self._tick_line)]
        self.uplink.wake, self.plane.wake = (duty.wake for duty in self._duties)
        self.uplink.on_media = self._media_began
        self.plane.on_paused = self.subscriber.told_paused
        self._info = first_info(self.sid, grants, join)
        self._offer: sdp.Offer | None = None
        self.lacks_sections = True
        """Whether `want_sections` may have something to ask for: it is called again until nothing is left."""
        self.look_at = 0.0
        """From when on `liveness` looks at it again (monotonic seconds)."""
        self.removed = False
        self.active = False

    # what others see

    def info(self) -> models.ParticipantInfo:
        """Return a copy of how this participant is shown, with its announced tracks."""
        info = models.ParticipantInfo()
        info.CopyFrom(self._info)
        info.tracks.extend(p.info for p in self.publications.values() if p.announced)
        info.is_publisher = bool(info.tracks)
        return info

    def changed(self) -> None:
        """Tell everybody who may see this participant how it is now."""
        self._info.version += 1
        self.room.show(self)

    # signalling

    def send(self, **message: object) -> None:
        """Send one SignalResponse, or nothing while signalling is cut."""
        if self.socket is not None:
            self.socket.send(rtc.SignalResponse(**message))  # type: ignore[arg-type]

    def attach(self, socket: SignalSocket) -> None:
        """Take a new signalling socket in place of the old one."""
        old, self.socket = self.socket, socket
        self.cut_at = None
        if old is not None:
            old.close()

    def detach(self, socket: SignalSocket) -> None:
        """Note that this socket is gone; a newer one stays."""
        if self.socket is socket:
            self.socket = None
            self.cut_at = time.monotonic()

    def handle(self, request: rtc.SignalRequest) -> None:
        """Do what a client asks. Raises ProtocolViolation when that cannot be understood."""
        handle_request(self, request)

    def greet_again(self) -> None:
        """After a resume: tell everything that may have been missed."""
        people = [other.info() for other in self.room.visible_to(self)]
        gone, self.missed = list(self.missed.values()), {}
        self.send(room_update=rtc.RoomUpdate(room=self.room.info()))
        self.send(update=rtc.ParticipantUpdate(participants=[self.info(), *people, *gone]))
        for publication in self.publications.values():
            publication.demand.forget_told()
        if self.offering is not None:
            self.offering.restart()
        self.refresh_token(time.time(), always=True)

    def refresh_token(self, now_unix: float, *, always: bool = False) -> None:
        """Send a fresh token when the one in use ends soon, with the grants as they are now."""
        if self.socket is None or not (always or self.grants.expires_at - now_unix < REFRESH_BEFORE_S):
            return
        try:
            token = issue_refresh(self.room.keys, self.grants, REFRESH_TTL_S)
        except TokenError as error:
            logger.warning("%s: no fresh token: %s", self.identity, error.message)
            return
        self.grants = self.room.with_expiry(self.grants, now_unix + REFRESH_TTL_S)
        self.send(refresh_token=token)

    # negotiation

    def answer(self, description: rtc.SessionDescription) -> None:
        """Answer an offer. Raises ProtocolViolation; nothing has changed then."""
        offer = sdp.parse_offer(description.sdp)
        credentials = self._prepare_transport(offer)
        pending = self.subscriber.pending() if self.offering is None else []
        plan = self.negotiation.plan(offer, list(self.publications.values()), pending)
        self.uplink.configure(plan.extensions, plan.bindings)
        if self.offering is None:
            self.plane.configure(plan.extensions)
        local = self.room.local(credentials.fragment, credentials.password)
        text = sdp.write_answer(offer, local, plan.outgoing, plan.no_dtx)
        answer = rtc.SessionDescription(
            type="answer", sdp=text, id=description.id, mid_to_track_id=self.negotiation.mids()
        )
        self.send(answer=answer)
        self._after_answer(plan)

    def _prepare_transport(self, offer: sdp.Offer) -> Credentials:
        known = self.transport.credentials
        if self._offer is not None and offer.fingerprints != self._offer.fingerprints:
            raise ProtocolViolation("the offer is of another peer connection", start_over=True)
        if known is None or known.remote_fragment != offer.fragment:
            known = self.transport.restart_ice(offer.fragment)
        if self._offer is None:
            self.transport.start(offer.fingerprints, offer.data_port)
        elif offer.data_port is not None:
            self.transport.ensure_data(offer.data_port)
        self._offer = offer
        return known

    def _after_answer(self, plan: Plan) -> None:
        for publication in plan.unpublished:
            self.unpublish(publication)
        self._announce()
        for subscription in plan.started:
            self.subscriber.begin(subscription)
        self.want_sections()

    def _announce(self) -> None:
        if not self.active:
            return  # nothing could be seen yet: `on_connected` announces
        for publication in list(self.publications.values()):
            if publication.mid is not None and not publication.announced:
                self.room.publish(publication)

    def want_sections(self) -> None:
        """Ask the client for another offer when subscriptions wait for a section."""
        pending = self.subscriber.pending()
        self.lacks_sections = bool(pending) or (self.offering or self.negotiation).stale
        if self.lacks_sections:
            self.look_at = 0.0
        if self.offering is not None:
            self.offering.update()
            return
        if self.socket is None or self._offer is None:
            return
        counts = self.negotiation.needs(pending, time.monotonic())
        if counts is not None:
            self.send(
                media_sections_requirement=rtc.MediaSectionsRequirement(
                    num_audios=counts["audio"], num_videos=counts["video"]
                )
            )

    # publishing

    def add_track(self, request: rtc.AddTrackRequest) -> None:
        """Make a publication of a request. Raises RelayError when the grants or limits forbid it."""
        check_request(request, self.grants.may_publish)
        if len(self.publications) >= MAX_PUBLICATIONS:
            raise RelayError("resource_exhausted", f"at most {MAX_PUBLICATIONS} tracks can be published")
        waiting = [p for p in self.publications.values() if p.mid is None and p.cid == request.cid]
        publication = waiting[0] if waiting else Publication(self, request, self.transport.send_rtcp)
        self.publications[publication.sid] = publication
        self.send(track_published=rtc.TrackPublishedResponse(cid=request.cid, track=publication.info))

    def unpublish(self, publication: Publication, *, tell: bool = False) -> None:
        """End a publication; `tell` the client when it was not its own wish."""
        if self.publications.pop(publication.sid, None) is None:
            return
        if tell:
            self.send(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=publication.sid))
        self.uplink.unbind(publication.media)
        self.room.unpublish(publication)

    def _media_began(self, track: MediaTrack, codec: str) -> None:
        publication = self.publications.get(track.sid)
        if publication is not None and publication.uses(codec) and publication.announced:
            self.changed()

    def mute_track(self, sid: str, muted: bool) -> models.TrackInfo:
        """Mute or unmute a track on the server's behalf. Raises RelayError not_found."""
        publication = self.publications.get(sid)
        if publication is None:
            raise RelayError("not_found", "no such track of this participant")
        publication.media.silenced = muted
        self.set_muted(publication, muted)
        self.send(mute=rtc.MuteTrackRequest(sid=sid, muted=muted))
        return publication.info

    def set_muted(self, publication: Publication, muted: bool) -> None:
        """Note that a track is muted or not, and tell everybody."""
        if publication.info.muted == muted:
            return
        publication.info.muted = muted
        if not muted:
            publication.media.silenced = False
            for stream in publication.media.streams.values():
                publication.media.want_keyframe(stream, time.monotonic())
        if publication.announced:
            self.changed()

    # subscribing

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """The tracks this participant gets or waits for, by sid."""
        return self.subscriber.subscriptions

    def release(self, subscription: Subscription) -> None:
        """Give up the section of a subscription that ended."""
        (self.offering or self.negotiation).release(subscription)

    def update_subscriptions(self, track_sids: Iterable[str], subscribe: bool) -> None:
        """Subscribe to or unsubscribe from tracks, as the client or the server wants."""
        self.subscriber.update(track_sids, subscribe)

    # changes by the client or the server

    def update(
        self,
        *,
        metadata: str | None = None,
        name: str | None = None,
        attributes: Mapping[str, str] | None = None,
        permission: models.ParticipantPermission | None = None,
    ) -> models.ParticipantInfo:
        """Change what is not None; an attribute with an empty value is removed.

        Raises RelayError invalid_argument when something is too long; nothing has changed then.
        """
        merged = {**self._info.attributes, **(attributes or {})}
        merged = {key: value for key, value in merged.items() if value}
        check_limits(metadata or "", name or "", merged)
        if metadata is not None:
            self._info.metadata = metadata
        if name is not None:
            self._info.name = name
        if attributes is not None:
            self._info.attributes.clear()
            self._info.attributes.update(merged)
        if permission is not None:
            self._change_permission(permission)
        self.changed()
        return self.info()

    def _change_permission(self, permission: models.ParticipantPermission) -> None:
        was_hidden = self.grants.hidden
        self.grants = self.grants.with_permission(permission)
        self._info.permission.CopyFrom(self.grants.permission())
        for publication in list(self.publications.values()):
            if not self.grants.may_publish(publication.info.source):
                self.unpublish(publication, tell=True)
        if not self.grants.can_subscribe:
            for sid in list(self.subscriptions):
                self.subscriber.unsubscribe(sid)
        elif self.auto_subscribe:
            self.room.offer_all_to(self)
        if self.grants.hidden and not was_hidden:
            self.room.hide(self)
        self.refresh_token(time.time(), always=True)

    # media (see `transport.MediaHandler`)

    def on_rtp(self, data: bytes) -> None:
        """Take in a media packet."""
        self.uplink.on_rtp(data)

    def on_rtcp(self, data: bytes) -> None:
        """Take in a control packet, after those that wait."""
        self._take_waiting()
        self._take_control(data, time.monotonic())

    def _take_waiting(self) -> None:
        for data, came_at in self.line.door.take_later():
            self._take_control(data, came_at)

    def _take_control(self, data: bytes, now: float) -> None:
        for part in rtcp.parse(data):
            if isinstance(part, rtcp.SenderReport):
                self.uplink.sender_report(part, now)
            else:
                self.plane.on_part(part, now)
        self.uplink.rtt_s = self.plane.line.rtt_s

    def _tick_line(self, now: float) -> float:
        self._take_waiting()
        return self.plane.tick(now)

    def on_data(self, label: str, data: bytes) -> None:
        """Take in a data packet."""
        self.room.relay_data(self, label, data)

    def on_connected(self) -> None:
        """Note that media can flow, on the first connection or another one."""
        for subscription in self.subscriptions.values():
            self.subscriber.begin(subscription)
        if self.active:
            return
        self.active = True
        self._info.state = models.ParticipantInfo.State.ACTIVE
        self.changed()
        self.room.tell("participant_joined", self)
        self._announce()

    def on_closed(self) -> None:
        """Note that the client ended its peer connection, or that it never came up."""
        if not self.removed and self.socket is None:
            self.remove(models.DisconnectReason.CLIENT_INITIATED)

    # the end

    def remove(self, reason: int, *, action: int = rtc.LeaveRequest.Action.DISCONNECT) -> None:
        """End this participant; the client is told why (models.DisconnectReason) and what to do next."""
        if self.removed:
            return
        self.removed = True
        self._info.state = models.ParticipantInfo.State.DISCONNECTED
        self._info.disconnect_reason = reason  # type: ignore[assignment]
        self._info.version += 1
        again = action == rtc.LeaveRequest.Action.RECONNECT
        leave = rtc.LeaveRequest(reason=reason, action=action, can_reconnect=again)  # type: ignore[arg-type]
        steps: list[Callable[[], object]] = [
            lambda: self.send(leave=leave),
            lambda: self.socket.close() if self.socket is not None else None,
            *(partial(self.unpublish, publication) for publication in self.publications.values()),
            *(partial(self.subscriber.unsubscribe, sid) for sid in self.subscriptions),
            self.plane.close,
            *(duty.cancel for duty in self._duties),
            lambda: self.room.forget(self),
            lambda: self.room.spawn(self.transport.close()),
            lambda: self.room.spawn(self.line.close()) if self.offering is not None else None,
        ]
        for step in steps:
            try:
                step()
            except Exception:
                logger.exception("%s: a step of leaving failed", self.identity)
