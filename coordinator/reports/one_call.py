"""A briefing's figures as one roll call alone has them: start, middle and end are kept apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.domain.attendance_counts import share, totals_of
from coordinator.domain.attendance_types import Attendance, RollCallRow, SiteAttendance


def of(attendance: Attendance, number: int) -> tuple[Attendance, RollCallRow]:
    """The attendance with that roll call's counts in place of those for the rate, and the call.

    Raises:
        KeyError: there was no such roll call.
    """
    call = next((row for row in attendance.roll_call_rows if row.number == number), None)
    if call is None:
        raise KeyError(number)
    sites = tuple(_site(site, number) for site in attendance.sites)
    return replace(attendance, sites=sites, totals=totals_of(sites)), call


def _site(site: SiteAttendance, number: int) -> SiteAttendance:
    count = next((count for count in site.roll_call_counts if count.roll_call == number), None)
    names = ("present", "members", "excused", "unexcused", "extra")
    figures: dict[str, Any] = {name: getattr(count, name) if count else None for name in names}
    said = [row for row in site.headcounts if row.roll_call == number]
    held = [row for row in said if row.confirmed] or said
    return replace(
        site,
        **figures,
        rate=share(figures["present"], site.expected),
        members_rate=share(figures["members"], site.expected_members),
        headcounts=tuple(replace(row, counted=row is held[-1]) for row in said),
    )
