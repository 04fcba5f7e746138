"""A moment: one reading of the wall clock and of the monotonic clock, taken together.

Rule 1: the domain never reads a clock; moments come in as arguments.
Rule 2: durations come from the monotonic clock within one boot, from UTC across boots (ATTENDANCE.md rule 4).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """`utc_ms`: ms since the Unix epoch; `mono_ms`: CLOCK_BOOTTIME in ms; `boot`: the kernel's boot id."""

    utc_ms: int
    mono_ms: int
    boot: str

    def ms_since(self, earlier: Moment) -> int:
        """Milliseconds from `earlier` to here; monotonic where both are of one boot, else by UTC."""
        if self.boot == earlier.boot:
            return self.mono_ms - earlier.mono_ms
        return self.utc_ms - earlier.utc_ms

    def before(self, ms: int) -> Moment:
        """The moment `ms` milliseconds earlier, in the same boot."""
        return Moment(self.utc_ms - ms, self.mono_ms - ms, self.boot)
