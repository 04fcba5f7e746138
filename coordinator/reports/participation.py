"""Rates by site over many briefings, for comparing over months.

Rule 1: a briefing that a site did not report is in neither side of its rate; how many it reported is printed.
Rule 2: a site is its code; its name is the latest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import Attendance, SiteAttendance
from coordinator.reports import words
from coordinator.reports.cells import Cell, Column, Kind, Table, clean
from coordinator.reports.xlsx_file import write_tables

SITE_COLUMNS = (
    Column("STT", Kind.WHOLE, 5),
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Số hội nghị triệu tập", Kind.WHOLE, 14),
    Column("Số hội nghị kết nối", Kind.WHOLE, 14),
    Column("Số hội nghị có số liệu", Kind.WHOLE, 14),
    Column("Triệu tập", Kind.WHOLE, 15),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Tỷ lệ", Kind.SHARE, 15),
)

BRIEFING_COLUMNS = (
    Column("STT", Kind.WHOLE, 5),
    Column("Mã hội nghị", width=16),
    Column("Hội nghị", width=50),
    Column("Loại", width=22),
    Column("Bắt đầu", Kind.TIME, 20),
    Column("Điểm cầu triệu tập", Kind.WHOLE, 12),
    Column("Điểm cầu kết nối", Kind.WHOLE, 12),
    Column("Điểm cầu có số liệu", Kind.WHOLE, 12),
    Column("Triệu tập", Kind.WHOLE, 12),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Tỷ lệ của điểm cầu có số liệu", Kind.SHARE, 16),
    Column("Sự kiện cuối", Kind.WHOLE, 12),
    Column("Mã kiểm tra (SHA-256)", width=66),
)


@dataclass(slots=True)
class SiteRates:
    """One site over many briefings; `expected` and `present` over those it reported; `rate` 0..1."""

    code: str
    name: str
    summoned: int = 0
    connected: int = 0
    reported: int = 0
    expected: int = 0
    present: int = 0

    @property
    def rate(self) -> float | None:
        """None where nothing was reported or nobody was expected."""
        return self.present / self.expected if self.expected else None

    def add(self, site: SiteAttendance) -> None:
        self.name = site.name
        self.summoned += 1
        self.connected += "not_connected" not in site.status
        if site.present is not None:
            self.reported += 1
            self.expected += site.expected
            self.present += site.present


def rates(attendances: Sequence[Attendance]) -> list[SiteRates]:
    """By site, in the order in which sites first appear; `attendances` oldest first."""
    found: dict[str, SiteRates] = {}
    for attendance in attendances:
        for site in attendance.sites:
            found.setdefault(site.code, SiteRates(site.code, site.name)).add(site)
    return list(found.values())


def by_site(attendances: Sequence[Attendance]) -> Table:
    """One row a site."""
    rows = tuple(_site_row(number, site) for number, site in enumerate(rates(attendances), start=1))
    return Table("Theo điểm cầu", SITE_COLUMNS, rows)


def by_briefing(attendances: Sequence[Attendance]) -> Table:
    """One row a briefing, with the event and hash its figures rest on."""
    rows = tuple(_briefing_row(number, each) for number, each in enumerate(attendances, start=1))
    return Table("Theo hội nghị", BRIEFING_COLUMNS, rows)


def workbook(attendances: Sequence[Attendance], zone: ZoneInfo) -> bytes:
    """Both tables as XLSX."""
    return write_tables((by_site(attendances), by_briefing(attendances)), zone)


def _site_row(number: int, site: SiteRates) -> tuple[Cell, ...]:
    counts = (site.expected, site.present) if site.reported else (words.UNKNOWN, words.UNKNOWN)
    rate = words.UNKNOWN if site.rate is None else site.rate
    named = (clean(site.code), clean(site.name))
    return (number, *named, site.summoned, site.connected, site.reported, *counts, rate)


def _briefing_row(number: int, attendance: Attendance) -> tuple[Cell, ...]:
    totals = attendance.totals
    title = clean(attendance.title)
    return (
        number,
        attendance.briefing_id,
        f"{title} ({words.PROVISIONAL})" if attendance.provisional else title,
        words.KIND.get(attendance.kind, attendance.kind),
        "" if attendance.window.started_ms is None else attendance.window.started_ms,
        totals.sites_expected,
        totals.sites_connected,
        totals.sites_reported,
        totals.expected,
        words.UNKNOWN if totals.present is None else totals.present,
        words.UNKNOWN if totals.rate is None else totals.rate,
        attendance.head_seq,
        attendance.head_hash,
    )
