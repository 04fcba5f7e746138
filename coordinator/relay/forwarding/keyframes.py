"""When to ask a publisher for a keyframe, over all its subscribers.

Rule: at most one request per `INTERVAL_S` and stream. A request that comes too early is not lost; it becomes
due when the interval is over, unless a keyframe came meanwhile.
"""

from __future__ import annotations

import math

INTERVAL_S = 0.5
RETRY_S = 0.5


class KeyframeRequests:
    """Requests by SSRC; times in seconds."""

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}
        self.pending: dict[int, float] = {}
        """When each that is awaited is to be asked again."""

    def want(self, ssrc: int, now: float) -> bool:
        """Note that somebody needs a keyframe; True when the request should be sent at once."""
        if now - self._asked.get(ssrc, -1e9) < INTERVAL_S:
            self.pending.setdefault(ssrc, self._asked[ssrc] + INTERVAL_S)
            return False
        self._asked[ssrc] = now
        self.pending[ssrc] = now + RETRY_S
        return True

    def arrived(self, ssrc: int) -> None:
        """Note that a keyframe came: nothing is pending any more."""
        self.pending.pop(ssrc, None)

    def due(self, now: float) -> list[int]:
        """Return the streams to ask now; each is asked again every `RETRY_S` until its keyframe comes."""
        ready = [ssrc for ssrc, when in self.pending.items() if when <= now]
        for ssrc in ready:
            self._asked[ssrc] = now
            self.pending[ssrc] = now + RETRY_S
        return ready

    @property
    def next_at(self) -> float:
        """When the next one is due; infinite when none is awaited."""
        return min(self.pending.values(), default=math.inf)

    def forget(self, ssrc: int) -> None:
        """Drop a stream that ended or that nobody waits for."""
        self._asked.pop(ssrc, None)
        self.pending.pop(ssrc, None)
