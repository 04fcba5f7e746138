"""A leaky bucket for video to one subscriber, so that a keyframe does not fill a thin line at once.

Rule 1: sound never waits here. Video goes out at `rate_bps`; what is too much waits, in order.
Rule 2: nothing waits longer than `MAX_WAIT_S` by rate alone: with more waiting than that, it goes out faster.
Rule 3: while the line's own queue drains (`hold`), nothing goes out at all, for `MAX_HOLD_S` at most.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

BURST_S, BURST_BYTES = 0.02, 1300
MAX_WAIT_S = 0.4
MAX_HOLD_S = 1.5
MAX_WAITING = 512

Item = TypeVar("Item")


class Pacer(Generic[Item]):
    """What waits, and when it may go; `rate_bps` may be changed at any time."""

    def __init__(self, rate_bps: float, now: float) -> None:
        self.rate_bps = rate_bps
        self._waiting: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._credit, self._credited_at = float(BURST_BYTES), now
        self._held_at: float | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def held(self) -> bool:
        """Whether the line is being let drain."""
        return self._held_at is not None

    def hold(self, held: bool, now: float) -> None:
        """Let nothing out while the line drains, or go on."""
        if not held:
            self._held_at = None
        elif self._held_at is None:
            self._held_at = now

    def passes(self, size: int, now: float) -> bool:
        """Whether a packet may go out at once; it is counted then."""
        if self._waiting or not self._may_go(now):
            return False
        self._credit -= size
        return True

    def put(self, item: Item, size: int) -> None:
        """Let a packet wait; what is too much pushes out the oldest."""
        self._waiting.append((item, size))
        self._bytes += size
        if len(self._waiting) > MAX_WAITING:
            self._bytes -= self._waiting.popleft()[1]

    def due(self, now: float) -> list[Item]:
        """Return what may go out now, in order."""
        ready: list[Item] = []
        while self._waiting and self._may_go(now):
            item, size = self._waiting.popleft()
            self._bytes -= size
            self._credit -= size
            ready.append(item)
        return ready

    def clear(self) -> list[Item]:
        """Give up everything that waits, and return it."""
        given_up = [item for item, _ in self._waiting]
        self._waiting.clear()
        self._bytes = 0
        return given_up

    def _may_go(self, now: float) -> bool:
        if self._held_at is not None and now - self._held_at < MAX_HOLD_S:
            self._credited_at = now
            return False
        rate = max(self.rate_bps / 8, self._bytes / MAX_WAIT_S)
        most = max(BURST_BYTES, rate * BURST_S)
        self._credit = min(most, self._credit + rate * (now - self._credited_at))
        self._credited_at = now
        return self._credit > 0
