"""How fast one socket may send.

Rule 1: no clock here: `at` is a monotonic time in seconds and comes in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Bucket:
    """A token bucket: `burst` at once, then `rate` a second."""

    rate: float
    burst: float
    _tokens: float = -1.0
    _at: float = 0.0

    def take(self, at: float) -> bool:
        """Whether one more is allowed now."""
        if self._tokens < 0:
            self._tokens = self.burst
        else:
            self._tokens = min(self.burst, self._tokens + max(0.0, at - self._at) * self.rate)
        self._at = at
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
