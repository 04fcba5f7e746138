"""Attendance: what a briefing's log means, by the rules of ATTENDANCE.md (numbers at the functions).

Rule 1: pure. The same events, in any order and any number of times, make the same attendance.
Rule 2: never later than the truth: a silent line ends at its last proof of life; what is not known is None.
Rule 3: a change of meaning is a new RULES_VERSION; each briefing names the version it was started under.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from coordinator.domain import attendance_log
from coordinator.domain.attendance_counts import (
    headcount_rows,
    made_up,
    midpoint,
    roll_call_counts,
    roll_call_rows,
    share,
    totals_of,
)
from coordinator.domain.attendance_log import Line, Log
from coordinator.domain.attendance_presence import (
    Frame,
    Presence,
    attended_ms,
    frame_of,
    presence_of,
    seconds,
    window_of,
)
from coordinator.domain.attendance_status import status_of
from coordinator.domain.attendance_types import Attendance, ConnectionRow, SiteAttendance, Speech
from coordinator.domain.events import RULES_VERSION, Recorded, Summoned
from coordinator.domain.intervals import total
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import Declaration, count_for_rate

__all__ = ["RULES_VERSION", "fold"]


def fold(recorded: Iterable[Recorded], until: Moment) -> Attendance:
    """The attendance of one briefing, finished or running; `until` is the moment of asking.

    Raises:
        KeyError: an event speaks of a site or a declaration that the log has not named before.
    """
    log = attendance_log.read(recorded, until)
    frame = frame_of(log)
    sites = tuple(_site(log, frame, site) for site in log.sites.values())
    made, started = log.created, log.roll_calls.started
    return Attendance(
        briefing_id=log.id,
        title=made.title if made else "",
        kind=made.kind if made else "",
        document_number=made.document_number if made else None,
        phase=log.phase,
        provisional=not log.over,
        rules_version=log.rules_version,
        window=window_of(log, frame),
        head_seq=log.head[0],
        head_hash=log.head[1],
        totals=totals_of(sites),
        sites=sites,
        roll_calls=len(started),
        roll_call_times_ms=tuple(moment.utc_ms for moment in started),
        roll_call_rows=roll_call_rows(log),
        notes=tuple(log.notes.get(None, ())),
    )


def _site(log: Log, frame: Frame, site: Summoned) -> SiteAttendance:
    lines = [line for line in log.lines.values() if line.event.site == site.code]
    here = presence_of(log, frame, lines)
    counted = count_for_rate(log.roll_calls.declared.get(site.code, []), midpoint(log))
    return SiteAttendance(
        code=site.code,
        name=site.name,
        kind=site.kind,
        contact_name=site.contact_name,
        contact_phone=site.contact_phone,
        status=status_of(log, frame, here, site.code),
        expected=site.expected,
        expected_members=site.expected_members,
        phone=log.phones.get(site.code),
        connections=tuple(_row(log, frame, line) for line in lines),
        headcounts=headcount_rows(log, site.code, counted),
        speeches=_speeches(log, site.code),
        line_checks=tuple(log.line_checks.get(site.code, ())),
        expected_changes=tuple(log.expected_changes.get(site.code, ())),
        **_written_down(log, site.code),
        **_comings_and_goings(log, lines),
        **_times(frame, here),
        **_persons(site, counted),
    )


def _written_down(log: Log, code: str) -> dict[str, Any]:
    """Rule 12 in a column of its own, and what was said of the site afterwards."""
    later, signed = log.made_up.get(code, []), log.signed.get(code, [])
    return {
        "roll_call_counts": roll_call_counts(log, code),
        "made_up": made_up(later),
        "made_up_rows": tuple(later),
        "notes": tuple(log.notes.get(code, ())),
        "signed": signed[-1] if signed else None,
        "signed_rows": tuple(signed),
    }


def _comings_and_goings(log: Log, lines: list[Line]) -> dict[str, Any]:
    """Rule 6: unclipped."""
    still = any(line.end is None for line in lines) and not log.over
    last = (lines[-1].end or log.ended) if lines and not still else None
    return {
        "first_joined_ms": lines[0].start.moment.utc_ms if lines else None,
        "last_left_ms": last.moment.utc_ms if last else None,
        "still_connected": still,
    }


def _times(frame: Frame, here: Presence) -> dict[str, Any]:
    attended = total(here.attended)
    return {
        "interruptions": len(here.interruptions),
        "interrupted_seconds": seconds(sum(here.interruptions)),
        "connected_seconds": seconds(total(here.connected)),
        "attended_seconds": seconds(attended),
        "unknown_seconds": seconds(total(here.unknown)),
        "signal_only_seconds": seconds(total(here.signal_only)),
        "attended_share": share(attended, frame.ms),
    }


def _persons(site: Summoned, counted: Declaration | None) -> dict[str, Any]:
    """Rules 9 and 11: the figures of the one count, None where there is none."""
    names = ("present", "members", "excused", "unexcused", "extra", "note")
    count: dict[str, Any] = {name: getattr(counted.event, name) if counted else None for name in names}
    standing = "confirmed" if counted and counted.confirmed else "declared"
    return count | {
        "headcount_state": standing if counted else None,
        "headcount_roll_call": counted.event.roll_call if counted else None,
        "rate": share(count["present"], site.expected),
        "members_rate": share(count["members"], site.expected_members),
    }


def _row(log: Log, frame: Frame, line: Line) -> ConnectionRow:
    end = line.end
    return ConnectionRow(
        connection=line.event.connection,
        device=line.event.device,
        joined_ms=line.start.moment.utc_ms,
        left_ms=end.moment.utc_ms if end else None,
        connected_seconds=seconds(log.end_of(line) - line.start.place),
        following_seconds=seconds(attended_ms(log, frame, line)),
        reason=line.reason,
        across_boots=(end or log.until).moment.boot != line.start.moment.boot,
    )


def _speeches(log: Log, code: str) -> tuple[Speech, ...]:
    return tuple(
        Speech(speech.start.moment.utc_ms, speech.end.moment.utc_ms if speech.end else None, speech.reason)
        for speech in log.speeches
        if speech.what == code
    )
