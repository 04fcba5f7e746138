"""Missing packets on one received stream, and when to ask for them.

Rule 1: a gap is asked for at once, then again every round-trip (at least 20 ms), at most `TRIES` times.
Rule 2: what is older than `max_age_s`, or more than `MAX_MISSING` numbers, is given up: `lost` says so once,
and the caller asks for a keyframe instead.
"""

from __future__ import annotations

TRIES = 10
MAX_MISSING = 256
MIN_INTERVAL_S = 0.02


class NackTracker:
    """Which numbers of a stream are missing. Numbers are unwrapped."""

    def __init__(self, max_age_s: float) -> None:
        self._max_age_s = max_age_s
        self._missing: dict[int, list[float]] = {}  # number -> [first seen, next ask, tries]
        self.lost = False
        self.fresh = False
        """Whether there is a gap that `due` was not asked about yet."""

    def __len__(self) -> int:
        return len(self._missing)

    @property
    def unsettled(self) -> bool:
        """Whether something is missing, or was given up and not said yet."""
        return bool(self._missing) or self.lost

    def gap(self, first: int, last: int, now: float) -> None:
        """Note that the numbers first..last did not come before a later one did."""
        self.fresh = True
        if last - first + 1 > MAX_MISSING or len(self._missing) > MAX_MISSING:
            self._missing.clear()
            self.lost = True
            return
        for number in range(first, last + 1):
            self._missing[number] = [now, now, 0]

    def arrived(self, number: int) -> bool:
        """Note that a number came after all; True when it was being missed."""
        return self._missing.pop(number, None) is not None

    def due(self, now: float, rtt_s: float) -> list[int]:
        """Return the numbers to ask for now, oldest first."""
        self.fresh = False
        if not self._missing:
            return []
        ask: list[int] = []
        interval = max(MIN_INTERVAL_S, rtt_s)
        for number, state in list(self._missing.items()):
            if now - state[0] > self._max_age_s or state[2] >= TRIES:
                del self._missing[number]
                self.lost = True
            elif now >= state[1]:
                state[1] = now + interval
                state[2] += 1
                ask.append(number)
        return ask

    def take_lost(self) -> bool:
        """Whether something was given up since the last call."""
        lost, self.lost = self.lost, False
        return lost
