"""Who speaks in a room, and how good everybody's line is.

Rule 1: only changes are told, to those who may see the participant they are about.
Rule 2: a participant who sends no voice is not a speaker, whatever else it sends.
Rule 3: a line is judged by its worse direction: by what it loses before anything is repaired, by its round
trip, and by whether it carries what its participant has asked to see. LOST is told only of a participant from
whom nothing comes: a client that hears LOST of itself for long reconnects from scratch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from .feed import Shortage

if TYPE_CHECKING:
    from .participant import Participant

SPEAKER_INTERVAL_S = 0.5
QUALITY_INTERVAL_S = 2.0
SILENT_S = 6.0
EXCELLENT, GOOD, POOR, LOST = (
    models.ConnectionQuality.EXCELLENT,
    models.ConnectionQuality.GOOD,
    models.ConnectionQuality.POOR,
    models.ConnectionQuality.LOST,
)


class Speakers:
    """The speakers of one room, by participant sid, with the level (0..1) told last."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def update(self, participants: Iterable[Participant]) -> list[models.SpeakerInfo]:
        """Return what changed since the last call."""
        now: dict[str, float] = {}
        for participant in participants:
            levels = [
                level
                for publication in participant.publications.values()
                if not publication.media.video and (level := publication.media.take_level()) is not None
            ]
            if levels:
                now[participant.sid] = round(max(levels), 2)
        changed = [
            models.SpeakerInfo(sid=sid, level=level, active=True)
            for sid, level in now.items()
            if abs(self._told.get(sid, -1.0) - level) >= 0.05
        ]
        changed += [models.SpeakerInfo(sid=sid, active=False) for sid in self._told if sid not in now]
        self._told = now
        return changed


def quality_of(
    loss: float, rtt_s: float, silent_s: float, shortage: Shortage = Shortage.NONE
) -> models.ConnectionQuality:
    """Judge a line by its loss (0..1), its round trip and silence in seconds, and what it is too thin for."""
    if silent_s > SILENT_S:
        return LOST
    if loss > 0.08 or rtt_s > 0.8 or shortage is Shortage.PAUSED:
        return POOR
    if loss > 0.03 or rtt_s > 0.35 or shortage is Shortage.REDUCED:
        return GOOD
    return EXCELLENT


def judge(participant: Participant, now: float) -> rtc.ConnectionQualityInfo | None:
    """Return how this participant's line is, when that changed."""
    if not participant.active:
        return None
    plane = participant.plane
    loss = max(participant.uplink.loss, plane.line.loss)
    silent_s = now - participant.transport.last_heard
    quality = quality_of(loss, plane.line.rtt_s, silent_s, plane.shortage())
    if quality == participant.quality:
        return None
    participant.quality = quality
    score = {EXCELLENT: 4.5, GOOD: 3.5, POOR: 2.0, LOST: 1.0}[quality]
    return rtc.ConnectionQualityInfo(participant_sid=participant.sid, quality=quality, score=score)
