"""Which section of the client's one peer connection carries what, both ways.

Rule 1: the client offers, we answer; a section once given to a subscription keeps it until it is released.
Rule 2: a released section is answered inactive once before it is used again, so that the browser notices the
change of track.
Rule 3: sections that lack are asked for with `media_sections_requirement`, one request at a time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from .feed import Feed
from .forwarding.route import Formats, Route
from .media_track import HIGH
from .publication import Publication
from .sdp import Offer, Outgoing, Section
from .uplink import Binding, bind

REASK_S = 3.0


@dataclass
class Subscription:
    """A track that a participant wants or gets. `feed` and `mid` are set while a section carries it."""

    publication: Publication
    quality: int = HIGH
    enabled: bool = True
    priority: int = 0
    mid: str | None = None
    feed: Feed | None = None

    @property
    def kind(self) -> str:
        """audio or video."""
        return "video" if self.publication.video else "audio"


@dataclass
class Plan:
    """The outcome of one offer."""

    outgoing: dict[str, Outgoing] = field(default_factory=dict)
    started: list[Subscription] = field(default_factory=list)
    bindings: dict[str, Binding] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    unpublished: list[Publication] = field(default_factory=list)
    no_dtx: list[str] = field(default_factory=list)


class Negotiation:
    """The sections of one participant."""

    def __init__(self) -> None:
        self._carried: dict[str, Subscription] = {}
        self._stale: dict[str, str] = {}
        self._free: dict[str, int] = {}
        self._asked_at: float | None = None

    def release(self, subscription: Subscription) -> None:
        """Give up the section of a subscription that ended."""
        if subscription.mid is not None:
            self._carried.pop(subscription.mid, None)
            self._stale[subscription.mid] = subscription.kind
            subscription.mid = None

    @property
    def stale(self) -> bool:
        """Whether a section is given up and not answered inactive yet."""
        return bool(self._stale)

    def mids(self) -> dict[str, str]:
        """Return track sids by mid, for the client to know what comes on which section."""
        return {mid: subscription.publication.sid for mid, subscription in self._carried.items()}

    def needs(self, pending: list[Subscription], now: float) -> dict[str, int] | None:
        """Return how many more sections to ask for now, by kind; None = nothing to ask."""
        if not pending and not self._stale:
            return None
        if self._asked_at is not None and now - self._asked_at < REASK_S:
            return None
        self._asked_at = now
        counts = {kind: sum(1 for s in pending if s.kind == kind) for kind in ("audio", "video")}
        coming = list(self._stale.values())  # free after the next offer: better than ever more sections
        return {
            kind: max(0, count - self._free.get(kind, 0) - coming.count(kind))
            for kind, count in counts.items()
        }

    def plan(self, offer: Offer, publications: list[Publication], pending: list[Subscription]) -> Plan:
        """Decide on every section of an offer; `pending` are subscriptions without a section."""
        self._asked_at = None
        plan = Plan()
        waiting = list(pending)
        self._free = {}
        for section in offer.sections:
            if section.kind == "application" or not section.usable():
                continue
            plan.extensions.update(section.extensions)
            self._plan_incoming(section, publications, plan)
            if section.receives:
                self._plan_outgoing(section, waiting, plan)
        self._drop_unsent(offer, publications, plan)
        return plan

    def _plan_incoming(self, section: Section, publications: list[Publication], plan: Plan) -> None:
        if not section.sends:
            return
        publication = _carried_by(section, publications)
        if publication is None:
            return
        codecs = [codec.name for codec in section.usable() if codec.name not in ("rtx", "red")]
        if not codecs:
            return
        section.preferred = publication.codec if publication.codec in codecs else codecs[0]
        if not publication.video and not publication.info.disable_red:
            section.preferred = "red"  # where it is offered: each frame of sound then comes twice
        publication.offered(section.mid, codecs, len(section.send_rids) > 1)
        qualities = publication.qualities(section.send_rids)
        plan.bindings[section.mid] = bind(section, publication.media, qualities)
        if publication.info.disable_dtx:
            plan.no_dtx.append(section.mid)

    def _plan_outgoing(self, section: Section, waiting: list[Subscription], plan: Plan) -> None:
        if section.mid in self._stale:
            del self._stale[section.mid]
            self._free[section.kind] = self._free.get(section.kind, 0) + 1
            return
        subscription = self._carried.get(section.mid)
        if subscription is None:
            subscription = next((s for s in waiting if s.kind == section.kind), None)
            if subscription is None:
                self._free[section.kind] = self._free.get(section.kind, 0) + 1
                return
            waiting.remove(subscription)
            subscription.mid = section.mid
            subscription.feed = _feed(subscription, section)
            self._carried[section.mid] = subscription
            plan.started.append(subscription)
        assert subscription.feed is not None
        route = subscription.feed.route
        publication = subscription.publication
        plan.outgoing[section.mid] = Outgoing(
            publication.publisher.sid, publication.sid, route.ssrc, route.rtx_ssrc
        )

    def _drop_unsent(self, offer: Offer, publications: list[Publication], plan: Plan) -> None:
        sent = {id(binding.track) for binding in plan.bindings.values()}
        plan.unpublished = [p for p in publications if p.mid is not None and id(p.media) not in sent]


def _carried_by(section: Section, publications: list[Publication]) -> Publication | None:
    """Find what a sending section carries: by the client's track id, else what was there, else a new one."""
    kind = section.kind == "video"
    same_kind = [p for p in publications if p.video == kind]
    for publication in same_kind:
        if publication.matches(section.cid) and publication.mid in (None, section.mid):
            return publication
    for publication in same_kind:
        if publication.mid == section.mid:
            return publication
    return next((p for p in same_kind if p.mid is None), None)


def _feed(subscription: Subscription, section: Section) -> Feed:
    media = subscription.publication.media
    formats = formats_of(section)
    repairs = any(repair is not None for _, repair in formats.values())
    ssrc = secrets.randbits(31) + 2
    route = Route(ssrc, secrets.randbits(31) + 2 if repairs else None, media.clock_rate, formats)
    return Feed(media, route, subscription.quality, subscription.enabled, subscription.priority)


def formats_of(section: Section) -> Formats:
    """Return the payload types to use on a section, by codec; H.264 in its non-interleaved mode first."""
    formats: Formats = {}
    usable = [codec for codec in section.usable() if codec.name != "rtx"]
    usable.sort(key=lambda codec: codec.name == "h264" and codec.parameter("packetization-mode") != "1")
    for codec in usable:
        formats.setdefault(codec.name, (codec.payload_type, section.rtx_for(codec.payload_type)))
    return formats
