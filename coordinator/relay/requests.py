"""What a client may ask for, one small function a message.

Rule 1: a request that the grants or limits forbid is answered with `request_response`, and changes nothing.
Rule 2: messages that need nothing of the relay are listed as ignored; unknown ones are ignored too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from .errors import RelayError

if TYPE_CHECKING:
    from .participant import Participant

REASONS = {
    "permission_denied": rtc.RequestResponse.Reason.NOT_ALLOWED,
    "resource_exhausted": rtc.RequestResponse.Reason.LIMIT_EXCEEDED,
    "invalid_argument": rtc.RequestResponse.Reason.INVALID_REQUEST,
    "not_found": rtc.RequestResponse.Reason.NOT_FOUND,
}


def handle_request(participant: Participant, request: rtc.SignalRequest) -> None:
    """Do what one request asks. Raises ProtocolViolation when it cannot be understood."""
    kind = request.WhichOneof("message")
    handler = HANDLERS.get(kind or "")
    if handler is not None and kind is not None:
        handler(participant, getattr(request, kind))


def _offer(participant: Participant, description: rtc.SessionDescription) -> None:
    participant.answer(description)


def _answer(participant: Participant, description: rtc.SessionDescription) -> None:
    if participant.offering is not None:
        participant.offering.answered(description)


def _add_track(participant: Participant, request: rtc.AddTrackRequest) -> None:
    try:
        participant.add_track(request)
    except RelayError as error:
        participant.send(
            request_response=rtc.RequestResponse(
                reason=REASONS.get(error.code, rtc.RequestResponse.Reason.UNCLASSIFIED_ERROR),
                message=error.message,
                add_track=request,
            )
        )


def _mute(participant: Participant, request: rtc.MuteTrackRequest) -> None:
    publication = participant.publications.get(request.sid)
    if publication is not None:
        participant.set_muted(publication, request.muted)


def _subscription(participant: Participant, request: rtc.UpdateSubscription) -> None:
    sids = [*request.track_sids, *(sid for t in request.participant_tracks for sid in t.track_sids)]
    participant.update_subscriptions(dict.fromkeys(sids), request.subscribe)


def _track_setting(participant: Participant, request: rtc.UpdateTrackSettings) -> None:
    participant.subscriber.set(request)


def _update_metadata(participant: Participant, request: rtc.UpdateParticipantMetadata) -> None:
    reason, message = rtc.RequestResponse.Reason.OK, ""
    try:
        if not participant.grants.can_update_own_metadata:
            raise RelayError("permission_denied", "the token does not allow this")
        participant.update(
            metadata=request.metadata or None,
            name=request.name or None,
            attributes=dict(request.attributes) or None,
        )
    except RelayError as error:
        reason = REASONS.get(error.code, rtc.RequestResponse.Reason.UNCLASSIFIED_ERROR)
        if error.code == "invalid_argument":
            reason = rtc.RequestResponse.Reason.LIMIT_EXCEEDED
        message = error.message
    participant.send(
        request_response=rtc.RequestResponse(
            request_id=request.request_id, reason=reason, message=message, update_metadata=request
        )
    )


def _leave(participant: Participant, request: rtc.LeaveRequest) -> None:
    participant.remove(models.DisconnectReason.CLIENT_INITIATED)


def _ping(participant: Participant, timestamp: int) -> None:
    participant.send(pong=int(time.time() * 1000))


def _ping_req(participant: Participant, request: rtc.Ping) -> None:
    pong = rtc.Pong(last_ping_timestamp=request.timestamp, timestamp=int(time.time() * 1000))
    participant.send(pong_resp=pong)


def _update_video(participant: Participant, request: rtc.UpdateLocalVideoTrack) -> None:
    publication = participant.publications.get(request.track_sid)
    if publication is not None:
        publication.info.width, publication.info.height = request.width, request.height


def _simulate(participant: Participant, request: rtc.SimulateScenario) -> None:
    if request.WhichOneof("scenario") == "leave_request_full_reconnect":
        action = rtc.LeaveRequest.Action.RECONNECT
        participant.remove(models.DisconnectReason.CLIENT_INITIATED, action=action)


HANDLERS: dict[str, Callable[[Participant, Any], None]] = {
    "offer": _offer,
    "answer": _answer,
    "add_track": _add_track,
    "mute": _mute,
    "subscription": _subscription,
    "track_setting": _track_setting,
    "update_metadata": _update_metadata,
    "leave": _leave,
    "ping": _ping,
    "ping_req": _ping_req,
    "update_video_track": _update_video,
    "simulate": _simulate,
}
"""Ignored: trickle (client candidates are not used), sync_state (the relay kept its state), update_layers,
subscription_permission, and whatever newer clients send."""
