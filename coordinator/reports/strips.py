"""Each site's time as stretches, for the timeline: what it did from the start to the end.

Rule 1: stretches of one site follow each other without gap or overlap from the start to the end (or now).
Rule 2: break and outage come before everything (that time counts for nobody), then absence, then attended
time (by sound alone, or whole), then signal alone; the rest is unknown. What is drawn as attended counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.domain import attendance_log
from coordinator.domain.attendance_log import Log
from coordinator.domain.attendance_presence import Frame, Presence, frame_of, presence_of
from coordinator.domain.events import Recorded
from coordinator.domain.intervals import Spans, within, without
from coordinator.domain.moments import Moment

KINDS = ("following", "sound_only", "signal_only", "unknown", "absent", "outage", "break")


@dataclass(frozen=True, slots=True)
class Stretch:
    """`kind`: one of KINDS. Places in ms since the start."""

    kind: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Strip:
    """One site's stretches, in order."""

    code: str
    name: str
    stretches: tuple[Stretch, ...]

    def words(self) -> str:
        """For those who cannot see the picture: how often and how long it was away."""
        if not self.stretches:
            return "chưa bắt đầu"
        away = [stretch.end_ms - stretch.start_ms for stretch in self.stretches if stretch.kind == "absent"]
        if not away:
            return "có mặt suốt hội nghị"
        return f"{len(away)} lần không kết nối, tổng {sum(away) // 60_000} phút"


@dataclass(frozen=True, slots=True)
class Strips:
    """All sites. `started_ms` UTC, None before the start; `length_ms` from start to end, or to now."""

    started_ms: int | None
    length_ms: int
    sites: tuple[Strip, ...]


def read(recorded: Iterable[Recorded], until: Moment) -> Strips:
    """The strips of one briefing; arguments as for `attendance.fold`."""
    log = attendance_log.read(recorded, until)
    frame = frame_of(log)
    if log.started is None:
        return Strips(None, 0, tuple(Strip(site.code, site.name, ()) for site in log.sites.values()))
    start, end = frame.whole
    sites = tuple(
        Strip(site.code, site.name, _stretches(log, frame, site.code)) for site in log.sites.values()
    )
    return Strips(log.started.moment.utc_ms, end - start, sites)


def _stretches(log: Log, frame: Frame, code: str) -> tuple[Stretch, ...]:
    lines = [line for line in log.lines.values() if line.event.site == code]
    zero = frame.whole[0]
    found = [
        Stretch(kind, start - zero, end - zero)
        for kind, spans in _layers(log, frame, presence_of(log, frame, lines))
        for start, end in spans
    ]
    return tuple(sorted(found, key=lambda stretch: stretch.start_ms))


def _layers(log: Log, frame: Frame, here: Presence) -> Iterable[tuple[str, Spans]]:
    """Kinds with their spans, each less what the kinds before it have taken."""
    left: Spans = [frame.whole] if frame.whole[0] < frame.whole[1] else []
    last = frame.whole[1]
    breaks = [(hole.start.place, hole.end.place if hole.end else last) for hole in log.breaks]
    for kind, spans in (
        ("break", breaks),
        ("outage", without(left, [*breaks, *frame.working])),
        ("absent", without(left, here.connected)),
        ("sound_only", within(here.sound_only, here.attended)),
        ("following", here.attended),
        ("signal_only", here.signal_only),
        ("unknown", left),
    ):
        taken = within(spans, left)
        left = without(left, taken)
        yield kind, taken
