"""The file names of downloads: ASCII, and they carry what a plain CSV has no room for.

Rule 1: a name ends in the last event's number and 12 characters of its hash (ATTENDANCE.md rule 13).
Rule 2: the name of a provisional download begins with TAM-TINH (TẠM TÍNH).
"""

from __future__ import annotations

from coordinator.domain.attendance_types import Attendance


def name(attendance: Attendance, what: str, extension: str, site: str | None = None) -> str:
    """For example `TAM-TINH-attendance-b2xkq…-41-9f86d081884c.csv`. `what`: attendance | log | events."""
    parts = [
        "TAM-TINH" if attendance.provisional else None,
        what,
        attendance.briefing_id,
        site,
        str(attendance.head_seq),
        attendance.head_hash[:12] or None,
    ]
    return f"{'-'.join(part for part in parts if part)}.{extension}"
