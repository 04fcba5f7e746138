"""One site's part of a briefing: its own workbook, and all sites' logs in one archive."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from zoneinfo import ZoneInfo

from coordinator.domain.attendance_counts import totals_of
from coordinator.domain.attendance_types import Attendance
from coordinator.reports import csv_file, naming, tables

_ZIP_BEGAN = (1980, 1, 1, 0, 0, 0)


def of(attendance: Attendance, code: str) -> Attendance:
    """The attendance as if this site alone had been summoned.

    Raises:
        KeyError: it was not summoned.
    """
    sites = tuple(site for site in attendance.sites if site.code == code)
    if not sites:
        raise KeyError(code)
    return replace(attendance, sites=sites, totals=totals_of(sites))


def logs(attendance: Attendance, zone: ZoneInfo, separator: str = "comma") -> bytes:
    """A ZIP with each site's connection log as CSV. The same log makes the same bytes."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for site in attendance.sites:
            table = tables.connection_log(attendance, site.code)
            about = zipfile.ZipInfo(naming.name(attendance, "log", "csv", site.code), _ZIP_BEGAN)
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, csv_file.write(table, zone, separator))
    return memory.getvalue()
