"""One subscription's media, and what a subscriber does not get of what it asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .forwarding.route import Route
from .media_track import HIGH, MediaTrack


@dataclass
class Feed:
    """One subscription's media: the route, and what the subscriber asked for."""

    track: MediaTrack
    route: Route
    quality: int = HIGH
    enabled: bool = True
    priority: int = 0
    paused: bool = False
    answered_sr: int = 0
    """The last of our sender reports that the subscriber has answered."""


class Shortage(enum.Enum):
    """What the line is too thin for: nothing, the layers asked for, or some pictures altogether."""

    NONE = 0
    REDUCED = 1
    PAUSED = 2
