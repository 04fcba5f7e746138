"""The status of a site: a list of fixed codes, since several can be true (ATTENDANCE.md rule 8).

Rule 1: the thresholds are those copied into the start: `late_after_s`, `gap_s`, `present_share`.
Rule 2: waiting is measured in working time: what a break or an outage took is nobody's lateness.
Rule 3: before the start there is no status.
"""

from __future__ import annotations

from coordinator.domain.attendance_log import Log
from coordinator.domain.attendance_presence import Frame, Presence
from coordinator.domain.intervals import total, within


def status_of(log: Log, frame: Frame, here: Presence, code: str) -> tuple[str, ...]:
    """Codes of STATUS_CODES in its order.

    on_time / late: first on line within `late_after_s` of the start, or after it. interrupted: at least one
    interruption. left_early: gone for more than `gap_s` before the end. sound_only / signal_only: more than
    1 - `present_share` of the time followed without the picture shown / of the time connected without media.
    not_connected: never on line inside the window. confirmed_by_phone: by host's or staff's word.
    """
    if log.started is None:
        return ()
    codes = _on_line(log, frame, here) if here.connected else ["not_connected"]
    if code in log.phones:
        codes.append("confirmed_by_phone")
    return tuple(codes)


def _on_line(log: Log, frame: Frame, here: Presence) -> list[str]:
    limits, (start, end) = log.thresholds, frame.whole
    waited = total(within([(start, here.connected[0][0])], frame.working))
    gone = total(within([(here.connected[-1][1], end)], frame.working))
    spare = 1 - limits.present_share
    true = {
        "on_time": waited <= limits.late_after_s * 1000,
        "late": waited > limits.late_after_s * 1000,
        "interrupted": bool(here.interruptions),
        "left_early": log.over and gone > limits.gap_s * 1000,
        "sound_only": total(here.sound_only) > spare * total(here.attended),
        "signal_only": total(here.signal_only) > spare * total(here.connected),
    }
    return [code for code, holds in true.items() if holds]
