"""One briefing as a document in words: what the minutes, the print pages and the quick report share.

Rule 1: every value is finished text; templates only place it. Their names are the office's placeholders
(docs/reports.md), so they are Vietnamese without accents and never renamed.
Rule 2: a figure that is not known says so, a total over part of the sites says over which part.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import Attendance, SiteAttendance, Totals
from coordinator.reports import words
from coordinator.reports.cells import local_time, span_text
from coordinator.reports.letterhead import Letterhead
from coordinator.reports.phrases import (
    clock,
    day,
    length,
    listed,
    long_day,
    number,
    percent,
    percent_under,
    plain,
)
from coordinator.reports.tables import notes_of

Words = dict[str, Any]
_TITLE = {
    "resolution": "Hội nghị trực tuyến",
    "class": "Lớp bồi dưỡng trực tuyến",
    "meeting": "Hội nghị giao ban trực tuyến",
}


def of(attendance: Attendance, paper: Letterhead, zone: ZoneInfo, at_ms: int) -> Words:
    """All words of the document; `at_ms`: when it is made, UTC."""
    return {
        **_head(attendance, paper, zone, at_ms),
        **_when(attendance, zone),
        "tong": _totals(attendance),
        "diem_cau": [_site(n, site, zone) for n, site in enumerate(attendance.sites, 1)],
        "nhan_xet": remarks(attendance, paper),
        "phat_bieu": _speeches(attendance, zone),
        "quy_tac": attendance.rules_version,
        "su_kien_cuoi": number(attendance.head_seq),
        "ma_kiem_tra": attendance.head_hash,
    }


def heading(paper: Letterhead) -> Words:
    """What stands at the head of every paper of the office."""
    motto, second = paper.motto
    return {
        "la_dang": paper.heading != "state",
        "co_quan_cap_tren": plain(paper.authority).upper(),
        "co_quan": plain(paper.office).upper(),
        "tieu_ngu": motto,
        "tieu_ngu_2": second,
        "dia_danh": plain(paper.place),
        "nguoi": paper.persons,
    }


def _head(attendance: Attendance, paper: Letterhead, zone: ZoneInfo, at_ms: int) -> Words:
    made = local_time(at_ms, zone)
    signed = attendance.window.ended_ms or at_ms
    return {
        **heading(paper),
        "ngay_thang": long_day(local_time(signed, zone)),
        "tieu_de": plain(attendance.title),
        "loai": words.KIND.get(attendance.kind, plain(attendance.kind)),
        "loai_hoi_nghi": _TITLE.get(attendance.kind, "Hội nghị trực tuyến"),
        "so_van_ban": plain(attendance.document_number or ""),
        "tam_tinh": words.PROVISIONAL if attendance.provisional else "",
        "lap_luc": f"{made:%H:%M} ngày {made.day}/{made.month}/{made.year}",
        "ma_hoi_nghi": attendance.briefing_id,
    }


def _when(attendance: Attendance, zone: ZoneInfo) -> Words:
    window = attendance.window
    started, ended = window.started_ms, window.ended_ms
    return {
        "ngay": "" if started is None else day(started, zone),
        "bat_dau": "" if started is None else clock(started, zone),
        "ket_thuc": "" if ended is None else clock(ended, zone),
        "thoi_luong": length(window.seconds),
        "giai_lao": [_stretch("giải lao", start, end, zone) for start, end in window.breaks],
        "su_co": [
            _stretch(words.OUTAGE_PART.get(outage.part, outage.part), outage.start_ms, outage.end_ms, zone)
            for outage in window.outages
        ],
        "thoi_gian": _span_of_time(attendance, zone),
    }


def _stretch(what: str, start_ms: int, end_ms: int, zone: ZoneInfo) -> str:
    lasted = length(round((end_ms - start_ms) / 1000))
    return f"{what} từ {clock(start_ms, zone)} đến {clock(end_ms, zone)} ({lasted})"


def _span_of_time(attendance: Attendance, zone: ZoneInfo) -> str:
    """từ 08 giờ 00 đến 10 giờ 52 ngày 25/3/2021."""
    window = attendance.window
    if window.started_ms is None:
        return "chưa bắt đầu"
    start = clock(window.started_ms, zone)
    if window.ended_ms is None:
        return f"từ {start} ngày {day(window.started_ms, zone)}, đang diễn ra"
    first, last = day(window.started_ms, zone), day(window.ended_ms, zone)
    began = start if first == last else f"{start} ngày {first}"
    return f"từ {began} đến {clock(window.ended_ms, zone)} ngày {last}"


def _totals(attendance: Attendance) -> Words:
    totals, sites = attendance.totals, attendance.sites
    whole = totals.sites_reported == totals.sites_expected
    return {
        "diem_cau": number(totals.sites_expected),
        "ket_noi": number(totals.sites_connected),
        "ty_le_ket_noi": percent(totals.sites_rate),
        "da_bao": number(totals.sites_reported),
        "du_so_lieu": whole,
        "trieu_tap": number(totals.expected),
        "trieu_tap_da_bao": number(totals.expected_reported),
        "co_mat": number(totals.present),
        "dang_vien": number(_sum(site.members for site in sites)),
        "co_ly_do": number(_sum(site.excused for site in sites)),
        "khong_ly_do": number(_sum(site.unexcused for site in sites)),
        "ngoai_giay_moi": number(totals.extra),
        "ty_le": percent(totals.rate),
        "khoang": _range(totals),
        "gian_doan": number(sum(site.interruptions for site in sites)),
        "xem_lai": number(totals.made_up, ""),
    }


def _sum(counts: Any) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _range(totals: Totals) -> str:
    if totals.rate_low is None or totals.rate_high is None or totals.rate_low == totals.rate_high:
        return ""
    return f"{percent(totals.rate_low)} đến {percent(totals.rate_high)}"


def _site(place: int, site: SiteAttendance, zone: ZoneInfo) -> Words:
    def at(utc_ms: int | None, word: str) -> str:
        return word if utc_ms is None else f"{local_time(utc_ms, zone):%H:%M}"

    came = site.first_joined_ms is not None
    counted = next((row for row in site.headcounts if row.counted), None)
    return {
        "stt": str(place),
        "ma": plain(site.code),
        "ten": plain(site.name),
        "trieu_tap": number(site.expected),
        "co_mat": number(site.present),
        "dang_vien": number(site.members, ""),
        "co_ly_do": number(site.excused, ""),
        "khong_ly_do": number(site.unexcused, ""),
        "ty_le": percent(site.rate, ""),
        "gio_bao": at(counted.at_ms if counted else None, ""),
        "vao": at(site.first_joined_ms, words.NOT_CONNECTED),
        "roi": at(site.last_left_ms, words.STILL_CONNECTED if came else ""),
        "gian_doan": number(site.interruptions),
        "tong_gian_doan": span_text(site.interrupted_seconds),
        "tham_du": span_text(site.attended_seconds),
        "ty_le_tham_du": percent(site.attended_share, ""),
        "trang_thai": words.listed(site.status),
        "xem_lai": number(site.made_up, ""),
        "ghi_chu": plain(notes_of(site)),
    }


def _speeches(attendance: Attendance, zone: ZoneInfo) -> list[Words]:
    found = [(speech, site) for site in attendance.sites for speech in site.speeches]
    return [
        {
            "ten": plain(site.name),
            "luc": clock(speech.start_ms, zone),
            "trong": length((speech.end_ms - speech.start_ms) // 1000) if speech.end_ms else "đang phát biểu",
        }
        for speech, site in sorted(found, key=lambda pair: pair[0].start_ms)
    ]


def remarks(attendance: Attendance, paper: Letterhead) -> list[str]:
    """What the office has to say beyond the totals: sentences about the sites that stand out."""
    sites = attendance.sites
    low = [
        f"{plain(site.name)} ({percent_under(site.rate, paper.warn_rate)})"
        for site in sites
        if site.rate is not None and site.rate < paper.warn_rate
    ]
    limit = f"{paper.warn_rate * 100:g} %".replace(".", ",")

    def having(status: str) -> list[str]:
        return [plain(site.name) for site in sites if status in site.status]

    broken = [
        f"{plain(site.name)} ({site.interruptions} lần, {length(site.interrupted_seconds)})"
        for site in sites
        if site.interruptions
    ]
    later = [f"{plain(site.name)} ({number(site.made_up)})" for site in sites if site.made_up is not None]
    disputed = [
        f"{plain(site.name)} ({plain(site.signed.remark or 'không nói rõ')})"
        for site in sites
        if site.signed and site.signed.answer == "wrong"
    ]
    phoned = [f"{plain(site.name)} ({plain(site.phone.name)})" for site in sites if site.phone]
    told = (
        (f"Điểm cầu có tỷ lệ dưới {limit}", low),
        ("Điểm cầu chưa báo số có mặt", [plain(site.name) for site in sites if site.present is None]),
        ("Điểm cầu vào muộn", having("late")),
        ("Điểm cầu bị gián đoạn", broken),
        ("Điểm cầu rời sớm", having("left_early")),
        ("Điểm cầu chỉ nhận được tiếng", having("sound_only")),
        ("Điểm cầu chỉ có tín hiệu, không tính là tham dự", having("signal_only")),
        ("Điểm cầu không kết nối", having("not_connected")),
        ("Điểm cầu xác nhận qua điện thoại", phoned),
        ("Xem lại sau hội nghị, không tính vào tỷ lệ", later),
        ("Điểm cầu báo số liệu chưa đúng", disputed),
        ("Ghi chú", [plain(note.text) for note in attendance.notes]),
    )
    return [f"{what}: {listed(names)}." for what, names in told if names]
