"""What one briefing's figures rest on, as a table of two columns: the workbook's last sheet.

Rule 1: the two rates are never mixed, and a rate over part of the sites says so (ATTENDANCE.md rule 10).
Rule 2: every report prints the number and the hash of the last event it was drawn from (rule 13).
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import Attendance, RollCallRow, Totals, Window
from coordinator.reports import words
from coordinator.reports.cells import Cell, Column, Table, clean, local_time, span_text
from coordinator.reports.phrases import percent

Fact = tuple[Cell, Cell]


def facts(attendance: Attendance, zone: ZoneInfo) -> Table:
    """Title, window, totals, last event and hash; times in `zone`."""
    rows = (
        *_about(attendance),
        *_window(attendance.window, zone),
        *_totals(attendance.totals),
        *_roll_calls(attendance, zone),
        ("Bản quy tắc tính", attendance.rules_version),
        ("Sự kiện cuối", attendance.head_seq),
        ("Mã kiểm tra (SHA-256)", attendance.head_hash),
    )
    return Table("Thông tin", (Column("Mục", width=40), Column("Nội dung", width=70)), rows)


def _about(attendance: Attendance) -> tuple[Fact, ...]:
    return (
        ("Hội nghị", clean(attendance.title)),
        ("Loại", words.KIND.get(attendance.kind, attendance.kind)),
        ("Số văn bản", clean(attendance.document_number or "")),
        ("Mã hội nghị", attendance.briefing_id),
        ("Tình trạng số liệu", words.PROVISIONAL if attendance.provisional else "chính thức"),
    )


def _window(window: Window, zone: ZoneInfo) -> tuple[Fact, ...]:
    def at(utc_ms: int | None) -> str:
        return "" if utc_ms is None else f"{local_time(utc_ms, zone):%Y-%m-%d %H:%M:%S}"

    breaks = (("Giải lao", f"{at(start)} – {at(end)}") for start, end in window.breaks)
    outages = (
        (
            f"Sự cố: {words.OUTAGE_PART.get(failed.part, failed.part)}",
            f"{at(failed.start_ms)} – {at(failed.end_ms)}",
        )
        for failed in window.outages
    )
    return (
        ("Múi giờ", zone.key),
        ("Dự kiến bắt đầu", at(window.planned_ms)),
        ("Bắt đầu", at(window.started_ms)),
        ("Kết thúc", at(window.ended_ms)),
        *breaks,
        *outages,
        ("Thời lượng, trừ giải lao và sự cố", span_text(window.seconds)),
    )


def _roll_calls(attendance: Attendance, zone: ZoneInfo) -> tuple[Fact, ...]:
    def told(call: RollCallRow) -> str:
        mode = words.ROLL_CALL_MODE.get(call.mode, call.mode)
        return f"{local_time(call.at_ms, zone):%Y-%m-%d %H:%M:%S}, {mode}"

    calls = attendance.roll_call_rows
    return tuple((f"Điểm danh: {words.roll_call(call.number, call.label)}", told(call)) for call in calls)


def _totals(totals: Totals) -> tuple[Fact, ...]:
    return (
        ("Điểm cầu kết nối / triệu tập", f"{totals.sites_connected}/{totals.sites_expected}"),
        ("Tỷ lệ điểm cầu kết nối", percent(totals.sites_rate)),
        ("Điểm cầu đã báo số liệu", f"{totals.sites_reported}/{totals.sites_expected}"),
        ("Triệu tập", totals.expected),
        ("Có mặt", _known(totals.present)),
        ("Tỷ lệ tham gia, các điểm cầu đã báo", percent(totals.rate)),
        ("Tỷ lệ tham gia, mọi điểm cầu", _span(totals.rate_low, totals.rate_high)),
        ("Tỷ lệ không tính người vắng có lý do", percent(totals.rate_excluding_excused)),
        ("Đảng viên triệu tập", _known(totals.members_expected)),
        ("Đảng viên có mặt", _known(totals.members_present)),
        ("Tỷ lệ đảng viên", percent(totals.members_rate)),
        ("Ngoài giấy mời", _known(totals.extra)),
        *((("Xem lại sau, không tính vào tỷ lệ", totals.made_up),) if totals.made_up is not None else ()),
    )


def _known(count: int | None) -> Cell:
    return words.UNKNOWN if count is None else count


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return words.UNKNOWN
    return percent(low) if low == high else f"{percent(low)} – {percent(high)}"
