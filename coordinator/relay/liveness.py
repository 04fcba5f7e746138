"""When a participant counts as gone, and how a broken line is set up again before that.

Rule 1: a participant whose signalling is cut stays for its grace time, and longer while its media flows.
Rule 2: media that stops while signalling goes on is set up again by the client, asked with `leave` (resume),
within 4 s: browsers alone take a quarter of a minute to notice. A client that sends nothing but the checks
that every ICE agent makes (RFC 7675 §5.1: every 4 to 6 s) gets as long as its own pauses need.
Rule 3: who was heard a moment ago, and lacks nothing, is not looked at again for `WELL_S`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

if TYPE_CHECKING:
    from .participant import Participant

GRACE_S = 15.0
MAX_CUT_S = 120.0
SIGNAL_TIMEOUT_S = 20.0
SILENT_S, LONGEST_SILENCE_S = 3.5, 7.0
MORE_THAN_USUAL_S = 1.0
FORGET = 0.95
CLOSED_S = 2.0
WELL_S = 1.0
RESUME_INTERVAL_S = 10.0


class Pulse:
    """How long the pauses of a peer usually are, from when it was heard (monotonic seconds)."""

    def __init__(self) -> None:
        self._heard_at = 0.0
        self._usual_s = 0.0

    def notice(self, heard_at: float) -> None:
        """Note when the peer was heard last; call it often, with the same value too."""
        if heard_at > self._heard_at:
            pause_s = heard_at - self._heard_at if self._heard_at else 0.0
            self._usual_s = max(min(pause_s, LONGEST_SILENCE_S), self._usual_s * FORGET)
            self._heard_at = heard_at

    @property
    def patience_s(self) -> float:
        """How long a silence may last before the path is taken for dead."""
        return min(LONGEST_SILENCE_S, max(SILENT_S, self._usual_s + MORE_THAN_USUAL_S))


def tick_participant(person: Participant, now: float) -> float:
    """Do what time brings to one participant; returns from when on to call it again, a few times a second."""
    heard_at = _heard_at(person)
    person.pulse.notice(heard_at)
    silent = now - heard_at
    if person.socket is None:
        cut = now - person.cut_at if person.cut_at is not None else 0.0
        if (cut > GRACE_S and (silent > GRACE_S or person.transport.closed)) or cut > MAX_CUT_S:
            person.remove(models.DisconnectReason.SIGNAL_CLOSE)
        return now
    if now - person.socket.last_heard > SIGNAL_TIMEOUT_S:
        person.socket.abort()
        person.detach(person.socket)
        return now
    troubled = silent > CLOSED_S or person.transport.closed or person.line.closed
    if troubled and now - person.resume_asked_at > RESUME_INTERVAL_S:
        _watch_media(person, silent, now)
    if person.lacks_sections:
        person.want_sections()
    return now if silent > WELL_S or person.lacks_sections else now + WELL_S


def _heard_at(person: Participant) -> float:
    """Return when the line that has been silent for longest was heard last."""
    if person.line is person.transport:
        return person.transport.last_heard
    lines = [line for line in (person.transport, person.line) if line.connected] or [person.transport]
    return min(line.last_heard for line in lines)


def _watch_media(person: Participant, silent: float, now: float) -> None:
    actions = rtc.LeaveRequest.Action
    ended = [line for line in (person.transport, person.line) if line.closed]
    if any(now - line.last_heard > CLOSED_S for line in ended):
        person.resume_asked_at = now
        person.send(leave=rtc.LeaveRequest(action=actions.RECONNECT, can_reconnect=True))
    elif person.active and silent > person.pulse.patience_s:
        person.resume_asked_at = now
        if person.offering is None:
            person.send(leave=rtc.LeaveRequest(action=actions.RESUME))
        elif person.socket is not None:
            person.socket.close()  # old clients take every `leave` for an end; a cut they resume from
