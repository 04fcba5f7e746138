"""The second peer connection of a client that speaks v0: there the relay offers and the client answers.

Rule 1: one offer is out at a time; what changes meanwhile goes into the next one.
Rule 2: sections are never removed; a released one is offered inactive once before it carries another track,
so that the browser notices the change.
Rule 3: media flows on a section only after its answer, with the formats that the answer accepts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import rtc

from . import sdp, sdp_offer
from .errors import ProtocolViolation
from .feed import Feed
from .forwarding.route import Route
from .negotiation import Subscription, formats_of
from .transport import MediaTransport

if TYPE_CHECKING:
    from .participant import Participant

MAX_SECTIONS = 256


@dataclass
class Slot:
    """One section: what it carries, if anything; `stale` until its end was answered."""

    mid: str
    kind: str
    subscription: Subscription | None = None
    ssrc: int = 0
    rtx_ssrc: int = 0
    stale: bool = False

    def offered(self) -> sdp_offer.Offered:
        """Return the section as the next offer shows it."""
        if self.subscription is None:
            return sdp_offer.Offered(self.mid, self.kind, None)
        publication = self.subscription.publication
        rtx = self.rtx_ssrc if self.kind == "video" else None
        outgoing = sdp.Outgoing(publication.publisher.sid, publication.sid, self.ssrc, rtx)
        return sdp_offer.Offered(self.mid, self.kind, outgoing)


class _Ear:
    """What comes in on the second connection: control packets only."""

    def __init__(self, participant: Participant, connected: Callable[[], None]) -> None:
        self.on_rtcp = participant.on_rtcp
        self.on_connected = connected

    def on_rtp(self, data: bytes) -> None:
        """Nothing is received here."""

    def on_data(self, label: str, data: bytes) -> None:
        """Data goes over the first connection."""

    def on_closed(self) -> None:
        """The first connection tells whether the participant is there."""


class Offering:
    """The relay's side of one participant's second connection."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        ear = _Ear(participant, self._connected)
        self.transport = MediaTransport(participant.room.mux, participant.room.certificate, ear)
        self._slots: list[Slot] = []
        self._pending_answer = False
        self._number = 0
        self._started = False

    def release(self, subscription: Subscription) -> None:
        """Give up the section of a subscription that ended."""
        slot = next((slot for slot in self._slots if slot.subscription is subscription), None)
        if slot is not None:
            slot.subscription, slot.stale = None, True
        subscription.mid = None

    @property
    def stale(self) -> bool:
        """Whether a section is given up and its end not answered yet."""
        return any(slot.stale for slot in self._slots)

    def update(self) -> None:
        """Offer what has changed, unless an answer is still to come."""
        if self._pending_answer or self._participant.socket is None:
            return
        pending = self._participant.subscriber.pending()
        if pending or self.stale:
            for subscription in pending:
                self._place(subscription)
            self._offer()

    def restart(self) -> None:
        """Offer again with new ICE credentials, after the client has resumed."""
        self._pending_answer = False
        if self._slots:
            self.transport.restart_ice("")
            for subscription in self._participant.subscriber.pending():
                self._place(subscription)
            self._offer()

    def _place(self, subscription: Subscription) -> None:
        free = (s for s in self._slots if s.kind == subscription.kind and not s.stale and not s.subscription)
        slot = next(free, None)
        if slot is None:
            if len(self._slots) >= MAX_SECTIONS:
                return
            slot = Slot(str(len(self._slots)), subscription.kind)
            self._slots.append(slot)
        slot.subscription, subscription.mid = subscription, slot.mid
        slot.ssrc, slot.rtx_ssrc = secrets.randbits(31) + 2, secrets.randbits(31) + 2

    def _offer(self) -> None:
        credentials = self.transport.credentials or self.transport.restart_ice("")
        local = self._participant.room.local(credentials.fragment, credentials.password)
        text = sdp_offer.write_offer(local, [slot.offered() for slot in self._slots], self._number)
        self._number += 1
        self._pending_answer = True
        self._participant.send(offer=rtc.SessionDescription(type="offer", sdp=text, id=self._number))

    def answered(self, description: rtc.SessionDescription) -> None:
        """Take in the client's answer. Raises ProtocolViolation when it cannot be used."""
        if not self._pending_answer:
            raise ProtocolViolation("an answer to no offer", start_over=True)
        answer = sdp.parse_offer(description.sdp)
        self._pending_answer = False
        if not self._started:
            self._started = True
            self.transport.start(answer.fingerprints, None)
        sections = {section.mid: section for section in answer.sections}
        extensions: dict[str, int] = {}
        for slot in self._slots:
            section = sections.get(slot.mid)
            if section is not None:
                extensions.update(section.extensions)
                self._settle(slot, section)
        self._participant.plane.configure(extensions)
        self.update()

    def _settle(self, slot: Slot, section: sdp.Section) -> None:
        slot.stale = slot.stale and slot.subscription is not None
        subscription = slot.subscription
        if subscription is None or subscription.feed is not None or not section.receives:
            return
        route = Route(
            slot.ssrc, slot.rtx_ssrc if slot.kind == "video" else None,
            subscription.publication.media.clock_rate, formats_of(section),
        )  # fmt: skip
        subscription.feed = Feed(
            subscription.publication.media, route, subscription.quality, subscription.enabled,
            subscription.priority,
        )  # fmt: skip
        self._participant.subscriber.begin(subscription)

    def _connected(self) -> None:
        self._participant.on_connected()  # who only subscribes has no other connection
