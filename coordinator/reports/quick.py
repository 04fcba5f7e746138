"""The one-page quick report (báo cáo nhanh): plain text to paste into a letter or a message.

Rule 1: numbered sentences, no table, no markup: it survives every mail program.
Rule 2: a rate over part of the sites is never told without that part.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import Attendance
from coordinator.reports import document
from coordinator.reports.document import Words
from coordinator.reports.letterhead import Letterhead


def text(attendance: Attendance, paper: Letterhead, zone: ZoneInfo, at_ms: int) -> str:
    """The whole text, lines ended by \\n; `at_ms`: when it is made, UTC."""
    said = document.of(attendance, paper, zone, at_ms)
    mark = f" ({said['tam_tinh']}, lúc {said['lap_luc']})" if said["tam_tinh"] else ""
    number = f" ({said['so_van_ban']})" if said["so_van_ban"] else ""
    points = [_time(said), _sites(said), _persons(said), *said["nhan_xet"], *_speeches(said)]
    lines = [
        f"BÁO CÁO NHANH{mark}",
        f"Kết quả {said['loai_hoi_nghi'][0].lower()}{said['loai_hoi_nghi'][1:]}: {said['tieu_de']}{number}",
        "",
        *(f"{place}. {point}" for place, point in enumerate(points, 1)),
        "",
        f"Số liệu lấy từ nhật ký tham dự, sự kiện {said['su_kien_cuoi']}, mã kiểm tra (SHA-256)"
        f" {said['ma_kiem_tra']}.",
    ]
    return "\n".join(lines) + "\n"


def _time(said: Words) -> str:
    taken = [*said["giai_lao"], *(f"sự cố {what}" for what in said["su_co"])]
    without = f"; không tính {', '.join(taken)}" if taken else ""
    return f"Thời gian: {said['thoi_gian']}; thời lượng {said['thoi_luong']}{without}."


def _sites(said: Words) -> str:
    total = said["tong"]
    return f"Điểm cầu: {total['ket_noi']}/{total['diem_cau']} điểm cầu kết nối ({total['ty_le_ket_noi']})."


def _persons(said: Words) -> str:
    total, who = said["tong"], said["nguoi"]
    if total["da_bao"] == "0":
        return f"Thành phần: triệu tập {total['trieu_tap']} {who}; chưa điểm cầu nào báo số có mặt."
    away = f"vắng có lý do {total['co_ly_do']}, vắng không lý do {total['khong_ly_do']}"
    if total["du_so_lieu"]:
        return (
            f"Thành phần: triệu tập {total['trieu_tap']} {who}, có mặt {total['co_mat']}, đạt"
            f" {total['ty_le']}; {away}."
        )
    return (
        f"Thành phần: triệu tập {total['trieu_tap']} {who}; {total['da_bao']}/{total['diem_cau']} điểm cầu đã"
        f" báo, có mặt {total['co_mat']}/{total['trieu_tap_da_bao']}, đạt {total['ty_le']} trong số đã báo"
        f" (trên toàn bộ: {total['khoang']}); {away}."
    )


def _speeches(said: Words) -> list[str]:
    spoke = [f"{speech['ten']} lúc {speech['luc']}" for speech in said["phat_bieu"]]
    return [f"Phát biểu: {len(spoke)} lượt ({'; '.join(spoke)})."] if spoke else []
