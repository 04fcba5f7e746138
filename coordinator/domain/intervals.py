"""Intervals on one line of milliseconds, and the line itself.

Rule 1: a span is (start, end) with start < end; lists of spans that come out are sorted and apart.
Rule 2: places on the timeline come from the monotonic clock within a boot and from UTC between boots
(ATTENDANCE.md rule 4), so a step of the wall clock moves nothing, and nothing is sorted by wall time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from coordinator.domain.moments import Moment

Span = tuple[int, int]
Spans = list[Span]


def union(spans: Iterable[Span]) -> Spans:
    """All that lies in at least one; empty and backward spans are dropped."""
    merged: Spans = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def within(spans: Iterable[Span], limits: Iterable[Span]) -> Spans:
    """All that lies in one of `spans` and in one of `limits`."""
    bounds = union(limits)
    return [
        (max(start, low), min(end, high))
        for start, end in union(spans)
        for low, high in bounds
        if max(start, low) < min(end, high)
    ]


def without(spans: Iterable[Span], holes: Iterable[Span]) -> Spans:
    """All that lies in one of `spans` and in none of `holes`."""
    left = union(spans)
    for low, high in union(holes):
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, low)), (max(start, high), end))
            if piece[0] < piece[1]
        ]
    return left


def gaps(spans: Iterable[Span]) -> Spans:
    """What lies between the first start and the last end, and in none of them."""
    apart = union(spans)
    return [(before[1], after[0]) for before, after in pairwise(apart)]


def total(spans: Iterable[Span]) -> int:
    """Milliseconds of their union."""
    return sum(end - start for start, end in union(spans))


class Timeline:
    """Gives every moment of a log its place, in ms since the log's first event."""

    def __init__(self) -> None:
        self._anchors: dict[str, Span] = {}  # boot -> (mono_ms, place) of its first event
        self._last: Moment | None = None

    def note(self, moment: Moment) -> int:
        """Places the next event of the log, in the log's order; a new boot is joined on by UTC."""
        if moment.boot not in self._anchors:
            self._anchors[moment.boot] = (moment.mono_ms, self._next_boot(moment))
        self._last = moment
        return self.place(moment)

    def place(self, moment: Moment) -> int:
        """The place of any moment of a boot that is on the timeline, be it an event's own or not."""
        if moment.boot not in self._anchors:
            return self._next_boot(moment)
        mono_ms, place = self._anchors[moment.boot]
        return place + moment.mono_ms - mono_ms

    def _next_boot(self, moment: Moment) -> int:
        if self._last is None:
            return 0
        return self.place(self._last) + max(0, moment.utc_ms - self._last.utc_ms)
