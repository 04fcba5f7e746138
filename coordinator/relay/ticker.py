"""Work at a steady pace on the event loop, without a task to wake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Ticker:
    """Calls `work` with the loop's time every `interval_s`, until it is stopped.

    Ticks do not drift; those that come too late to be of use are left out. What `work` raises is logged, and
    costs that one tick.
    """

    def __init__(self, work: Callable[[float], None], interval_s: float) -> None:
        self._work = work
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + interval_s
        self._handle = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        """Call it no more."""
        self._handle.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        late = now - self._due
        self._due = self._due + self._interval_s if late < self._interval_s else now + self._interval_s
        self._handle = self._loop.call_at(self._due, self._tick)
        try:
            self._work(now)
        except Exception:
            logger.exception("a tick failed")
