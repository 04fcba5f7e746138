"""A small briefing's attendance as values, for the tests of the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import (
    Attendance,
    ConnectionRow,
    HeadcountRow,
    LineCheckRow,
    SiteAttendance,
    Speech,
    Totals,
    Window,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
EIGHT = 1_795_395_600_000  # 2026-11-23 08:00:00 in Ho Chi Minh City
SECOND = 1000


def site(code: str, name: str, **changes: Any) -> SiteAttendance:
    """A site that never came and reported nothing; `changes` say what it did."""
    blank = SiteAttendance(
        code=code, name=name, kind="commune", contact_name=None, contact_phone=None,
        status=("not_connected",), first_joined_ms=None, last_left_ms=None, still_connected=False,
        interruptions=0, interrupted_seconds=0, connected_seconds=0, attended_seconds=0, unknown_seconds=0,
        signal_only_seconds=0, attended_share=None, expected=34, expected_members=None, present=None,
        members=None, excused=None, unexcused=None, extra=None, note=None, headcount_state=None,
        headcount_roll_call=None, rate=None, members_rate=None,
    )  # fmt: skip
    return replace(blank, **changes)


def present_site() -> SiteAttendance:
    """Bản Thi: two connections, 31 of 34 present, one speech, one line check."""
    came, dropped, back, left = (EIGHT + second * SECOND for second in (-108, 600, 690, 7200))
    rows = (
        ConnectionRow("abcdefghij", "Chrome 156", came, dropped, 708, 600, "lost"),
        ConnectionRow("klmnopqrst", "Chrome 156", back, left, 6510, 6500, "ended"),
    )
    minute = EIGHT + 60 * SECOND
    count = HeadcountRow(
        1, 1, minute, "site:xa-ban-thi", 31, 12, 2, 1, 0, None, None, True, "mai", minute, True
    )
    return site(
        "xa-ban-thi", "Xã Bản Thi", contact_name="Hoàng Văn Bình", contact_phone="0209000123",
        status=("on_time", "interrupted"), first_joined_ms=came, last_left_ms=left,
        interruptions=1, interrupted_seconds=90, connected_seconds=7110, attended_seconds=7100,
        attended_share=7100 / 7200, present=31, members=12, excused=2, unexcused=1, extra=0,
        headcount_state="confirmed", headcount_roll_call=1, rate=31 / 34, connections=rows,
        headcounts=(count,),
        speeches=(Speech(EIGHT + 3600 * SECOND, EIGHT + 3725 * SECOND, "host"),),
        line_checks=(LineCheckRow(EIGHT - 900 * SECOND, True, False, 180, 0.02, 900_000),),
    )  # fmt: skip


def attendance(*sites: SiteAttendance, **changes: Any) -> Attendance:
    """An ended briefing of two hours with these sites, or with Bản Thi present and Bằng Lãng absent."""
    whole = Attendance(
        briefing_id="babcdefghijkl", title="Quán triệt Nghị quyết", kind="resolution",
        document_number="41-GM/HU",
        phase="ended", provisional=False, rules_version="1",
        window=Window(7200, EIGHT, EIGHT + 7200 * SECOND, EIGHT, ((EIGHT + 3000_000, EIGHT + 3600_000),)),
        head_seq=41, head_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        totals=Totals(2, 1, 1, 68, 31, 31 / 34, 31 / 68, 65 / 68, 34, 31 / 32, 0.5, None, None, None, 0),
        sites=sites or (present_site(), site("xa-bang-lang", "Xã Bằng Lãng")), roll_calls=1,
    )  # fmt: skip
    return replace(whole, **changes)
