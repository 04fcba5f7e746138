"""What one participant wants to see and hear.

Rule 1: a subscription exists from the wish on; media comes when a section carries it (see `negotiation`), and
with it the first keyframe is asked for, never earlier.
Rule 2: what the client set for a track is kept, so that it holds when the track comes later or again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from .media_track import HIGH, MediaTrack
from .negotiation import Subscription
from .publication import Publication

if TYPE_CHECKING:
    from .participant import Participant

MAX_KEPT = 1024
"""So many refusals and settings are kept of one client."""


class Subscriber:
    """The subscriptions of `participant`, by track sid."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self.subscriptions: dict[str, Subscription] = {}
        self._refused: set[str] = set()
        self._settings: dict[str, rtc.UpdateTrackSettings] = {}

    def pending(self) -> list[Subscription]:
        """Return the subscriptions that no section carries yet."""
        return [s for s in self.subscriptions.values() if s.mid is None]

    def may_see(self, publication: Publication) -> bool:
        """Whether the participant may subscribe to a track."""
        publisher = publication.publisher
        shown = publication.announced and publisher is not self._participant and not publisher.grants.hidden
        return self._participant.grants.can_subscribe and shown

    def offer(self, publication: Publication) -> None:
        """Subscribe to a track unasked, if the participant wants everything and has not refused this one."""
        if self._participant.auto_subscribe and publication.sid not in self._refused:
            self.subscribe(publication)

    def subscribe(self, publication: Publication) -> None:
        """Want a track; it comes as soon as a section is there for it."""
        if publication.sid in self.subscriptions or not self.may_see(publication):
            return
        subscription = Subscription(publication)
        self.subscriptions[publication.sid] = subscription
        self._apply(subscription)
        self._participant.want_sections()

    def begin(self, subscription: Subscription) -> None:
        """Let the media of a subscription flow, once a section carries it and the transport is up."""
        participant, publication = self._participant, subscription.publication
        if not participant.line.connected or subscription.feed is None:
            return  # a keyframe now would be lost
        participant.plane.add(subscription.feed)
        if not publication.seen:
            publication.seen = True
            publication.publisher.send(track_subscribed=rtc.TrackSubscribed(track_sid=publication.sid))

    def unsubscribe(self, sid: str) -> None:
        """Want a track no longer."""
        subscription = self.subscriptions.pop(sid, None)
        if subscription is None:
            return
        participant = self._participant
        if subscription.feed is not None:
            participant.plane.remove(subscription.feed)
        participant.release(subscription)
        subscription.publication.demand.set(participant.sid, None)
        participant.room.tell_demand(subscription.publication)
        participant.want_sections()

    def update(self, track_sids: Iterable[str], subscribe: bool) -> None:
        """Subscribe to or unsubscribe from tracks, as the client or the server wants."""
        for sid in track_sids:
            if not subscribe:
                if len(self._refused) < MAX_KEPT:
                    self._refused.add(sid)
                self.unsubscribe(sid)
                continue
            self._refused.discard(sid)
            publication = self._participant.room.publication(sid)
            if publication is None or not self.may_see(publication):
                error = models.SubscriptionError.SE_TRACK_NOTFOUND
                self._participant.send(
                    subscription_response=rtc.SubscriptionResponse(track_sid=sid, err=error)
                )
            else:
                self.subscribe(publication)

    def set(self, setting: rtc.UpdateTrackSettings) -> None:
        """Take over what the client set for some tracks: quality or size, disabled, priority."""
        for sid in setting.track_sids:
            if len(self._settings) < MAX_KEPT or sid in self._settings:
                self._settings[sid] = setting
            subscription = self.subscriptions.get(sid)
            if subscription is not None:
                self._apply(subscription)

    def _apply(self, subscription: Subscription) -> None:
        publication, participant = subscription.publication, self._participant
        setting = self._settings.get(publication.sid)
        if setting is not None:
            off = setting.quality == models.VideoQuality.OFF
            subscription.enabled = not setting.disabled and not off
            subscription.priority = setting.priority
            subscription.quality = min(setting.quality, HIGH)
            if setting.width and setting.height:
                subscription.quality = publication.quality_for(setting.width, setting.height)
        feed = subscription.feed
        if feed is not None:
            feed.quality, feed.enabled = subscription.quality, subscription.enabled
            feed.priority = subscription.priority
            participant.plane.allocate(time.monotonic())
        publication.demand.set(participant.sid, subscription.quality if subscription.enabled else None)
        participant.room.tell_demand(publication)

    def told_paused(self, track: MediaTrack, paused: bool) -> None:
        """Tell the client that a track is paused for lack of bandwidth, or goes on."""
        subscription = self.subscriptions.get(track.sid)
        if subscription is None:
            return
        state = rtc.StreamState.PAUSED if paused else rtc.StreamState.ACTIVE
        publisher = subscription.publication.publisher
        info = rtc.StreamStateInfo(participant_sid=publisher.sid, track_sid=track.sid, state=state)
        self._participant.send(stream_state_update=rtc.StreamStateUpdate(stream_states=[info]))
