"""The only place that reads the system's clocks."""

from __future__ import annotations

import time
from pathlib import Path

from coordinator.domain.moments import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The kernel's boot id, or "unknown" where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


_BOOT = boot_id()


def now() -> Moment:
    """The present moment: UTC and CLOCK_BOOTTIME in milliseconds, with the boot id."""
    return Moment(time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000, _BOOT)
