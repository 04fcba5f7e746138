"""Persons: which count is the one, and the sums over all sites (ATTENDANCE.md rules 9 to 11).

Rule 1: the count for the rate is the latest confirmed by the mid-point, else the latest confirmed, else the
latest declared, else unknown; all are listed.
Rule 2: a sum over sites that have not all reported says so; unknown is a range there, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from coordinator.domain.attendance_log import Log
from coordinator.domain.attendance_types import (
    CallCount,
    HeadcountRow,
    MadeUpRow,
    RollCallRow,
    SiteAttendance,
    Totals,
)
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import Declaration, count_for_rate


def share(part: int | None, whole: int | None) -> float | None:
    """part / whole, unrounded; None where either is unknown or there is no whole."""
    return part / whole if part is not None and whole else None


def midpoint(log: Log) -> Callable[[Moment], bool] | None:
    """Does a moment lie before start + half of end - start, by the clock? None while the briefing runs."""
    if log.started is None or log.ended is None:
        return None
    middle = (log.started.place + log.ended.place) / 2
    return lambda moment: log.time.place(moment) <= middle


def headcount_rows(log: Log, code: str, counted: Declaration | None) -> tuple[HeadcountRow, ...]:
    """All declarations of one site in log order."""
    return tuple(_row(log, code, one, one == counted) for one in log.roll_calls.declared.get(code, ()))


def _row(log: Log, code: str, one: Declaration, counted: bool) -> HeadcountRow:
    said = one.event
    return HeadcountRow(
        declaration=one.number,
        roll_call=said.roll_call,
        at_ms=one.at.utc_ms,
        actor=log.declared_by[code, one.number],
        present=said.present,
        members=said.members,
        excused=said.excused,
        unexcused=said.unexcused,
        extra=said.extra,
        note=said.note,
        reason=said.reason,
        confirmed=one.confirmed is not None,
        confirmed_by=log.confirmed_by.get((code, one.number)),
        confirmed_ms=one.confirmed.utc_ms if one.confirmed is not None else None,
        counted=counted,
    )


def roll_call_rows(log: Log) -> tuple[RollCallRow, ...]:
    """All roll calls in order."""
    calls = log.roll_calls
    return tuple(
        RollCallRow(number, at.utc_ms, mode, label)
        for number, (at, (mode, label)) in enumerate(zip(calls.started, calls.kinds, strict=True), start=1)
    )


def roll_call_counts(log: Log, code: str) -> tuple[CallCount, ...]:
    """One count a roll call that the site answered: start, middle and end are kept apart."""
    declared, labels = log.roll_calls.declared.get(code, ()), [label for _, label in log.roll_calls.kinds]
    found = []
    for number in sorted({one.event.roll_call for one in declared}):
        one = count_for_rate([each for each in declared if each.event.roll_call == number], None)
        if one is None:
            continue
        said, label = one.event, labels[number - 1] if number <= len(labels) else None
        found.append(
            CallCount(
                number, label, said.present, said.members, said.excused, said.unexcused, said.extra,
                one.confirmed is not None,
            )
        )  # fmt: skip
    return tuple(found)


def made_up(rows: Sequence[MadeUpRow]) -> int | None:
    """Persons over all days; None where nothing was written down, or all of it was taken back."""
    return _sum(row.persons for row in rows if not row.corrected) or None


def totals_of(sites: Sequence[SiteAttendance]) -> Totals:
    """Rule 10: sites by sites, persons by persons, never mixed."""
    expected = sum(site.expected for site in sites)
    reported = [site for site in sites if site.present is not None]
    called = sum(site.expected for site in reported)
    present = _sum(site.present for site in sites)
    connected = sum("not_connected" not in site.status and bool(site.connections) for site in sites)
    at_least, unknown = present or 0, expected - called
    members_expected, members_present = _members(sites)
    return Totals(
        sites_expected=len(sites),
        sites_connected=connected,
        sites_reported=len(reported),
        expected=expected,
        present=present,
        rate=share(present, called),
        rate_low=share(at_least, expected),
        rate_high=share(at_least + unknown, expected),
        expected_reported=called,
        rate_excluding_excused=_without_excused(reported),
        sites_rate=share(connected, len(sites)),
        members_expected=members_expected,
        members_present=members_present,
        members_rate=share(members_present, members_expected),
        extra=_sum(site.extra for site in sites),
        made_up=_sum(site.made_up for site in sites),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _members(sites: Iterable[SiteAttendance]) -> tuple[int | None, int | None]:
    """(expected, present) over the sites that know both."""
    known = [(site.expected_members, site.members) for site in sites if site.members is not None]
    both = [(expected, present) for expected, present in known if expected is not None]
    return _sum(expected for expected, _ in both), _sum(present for _, present in both)


def _without_excused(reported: Iterable[SiteAttendance]) -> float | None:
    """present / (expected - excused) over the sites that told how many are excused."""
    told = [site for site in reported if site.excused is not None]
    present = _sum(site.present for site in told)
    return share(present, sum(site.expected - (site.excused or 0) for site in told))
