"""How much of something one participant may do: a burst, and then so much a second.

Rule: taking costs a subtraction; the clock is looked at only when the burst is used up.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """A bucket of `burst` that fills by `per_s` every second."""

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._filled_at = clock()
        self.refused = 0
        """How often there was nothing left, since the start."""

    def take(self, amount: float = 1.0) -> bool:
        """Whether so much is allowed now; then it is used."""
        if self._left < amount:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._filled_at) * self._per_s)
            self._filled_at = now
            if self._left < amount:
                self.refused += 1
                return False
        self._left -= amount
        return True
