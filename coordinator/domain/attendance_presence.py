"""Who was there when: the window, and each site's time in it (ATTENDANCE.md rules 3 to 6).

Rule 1: the window is the host's start to the host's end, breaks and outages taken out; what lies outside it
is shown, not counted.
Rule 2: time is a union of intervals, so nothing counts twice; attended time is a part of connected time.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.attendance_log import Line, Log, Stretch
from coordinator.domain.attendance_types import Outage, Window
from coordinator.domain.intervals import Span, Spans, gaps, total, union, within, without


@dataclass(frozen=True, slots=True)
class Frame:
    """The window in places: `whole` from start to end (or now), `working` without breaks and outages."""

    whole: Span
    working: Spans

    @property
    def ms(self) -> int:
        return total(self.working)


@dataclass(frozen=True, slots=True)
class Presence:
    """One site's time inside the working window; `interruptions` in ms each."""

    connected: Spans
    attended: Spans
    signal_only: Spans
    unknown: Spans
    sound_only: Spans
    interruptions: tuple[int, ...]


def seconds(ms: int) -> int:
    """Whole seconds, rounded; a half goes up."""
    return (ms + 500) // 1000


def frame_of(log: Log) -> Frame:
    """Rule 5: start to end, breaks and outages of hub, relay and server taken out. Empty before the start."""
    if log.started is None:
        return Frame((0, 0), [])
    end = (log.ended or log.until).place
    holes = [
        (hole.start.place, hole.end.place if hole.end is not None else end)
        for hole in (*log.breaks, *log.outages)
    ]
    whole = (log.started.place, end)
    return Frame(whole, without([whole], holes))


def window_of(log: Log, frame: Frame) -> Window:
    """The same for people: UTC, with the reasons why time was taken out."""
    return Window(
        seconds=seconds(frame.ms),
        started_ms=log.started.moment.utc_ms if log.started else None,
        ended_ms=log.ended.moment.utc_ms if log.ended else None,
        planned_ms=log.created.starts_at_ms if log.created else None,
        breaks=tuple((start, end) for _, start, end in _taken_out(log, log.breaks)),
        outages=tuple(Outage(part, start, end) for part, start, end in _taken_out(log, log.outages)),
    )


def _taken_out(log: Log, stretches: list[Stretch]) -> list[tuple[str, int, int]]:
    """(what, start, end) in UTC ms of those that touch the window, clipped to it."""
    if log.started is None:
        return []
    last = log.ended or log.until
    clipped = []
    for stretch in stretches:
        start = max(stretch.start, log.started, key=lambda point: point.place)
        end = min(stretch.end or last, last, key=lambda point: point.place)
        if start.place < end.place:
            clipped.append((stretch.what, start.moment.utc_ms, end.moment.utc_ms))
    return clipped


def presence_of(log: Log, frame: Frame, lines: list[Line]) -> Presence:
    """Rules 3 and 6: unions of control and of following intervals, clipped to the window."""
    control = union((line.start.place, log.end_of(line)) for line in lines)
    states = [state for line in lines for state in _states(log, line)]
    alone = ((start, end) for start, end, _, sound_only in states if sound_only)
    return Presence(
        connected=within(control, frame.working),
        attended=_spent(states, "following", frame),
        signal_only=_spent(states, "signal_only", frame),
        unknown=_spent(states, "unknown", frame),
        sound_only=within(alone, frame.working),
        interruptions=_interruptions(log, frame, control),
    )


def attended_ms(log: Log, frame: Frame, line: Line) -> int:
    """How long one connection followed, inside the window."""
    return total(_spent(_states(log, line), "following", frame))


State = tuple[int, int, str, bool]  # start, end, following, sound alone?


def _spent(states: list[State], how: str, frame: Frame) -> Spans:
    return within(((start, end) for start, end, following, _ in states if following == how), frame.working)


def _states(log: Log, line: Line) -> list[State]:
    """One after the other, from the connection's start to its end."""
    end = log.end_of(line)
    ends = [start for start, _, _ in line.states[1:]] + [end]
    return [
        (start, min(until, end), following, alone)
        for (start, following, alone), until in zip(line.states, ends, strict=True)
    ]


def _interruptions(log: Log, frame: Frame, control: Spans) -> tuple[int, ...]:
    """Rule 6: gaps between control intervals, of more than `gap_s` of working time."""
    lost = (total(within([gap], frame.working)) for gap in gaps(within(control, [frame.whole])))
    return tuple(ms for ms in lost if ms > log.thresholds.gap_s * 1000)
