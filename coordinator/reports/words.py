"""The Vietnamese words of the exports, whatever language the page is in (ATTENDANCE.md, Exports).

Rule 1: a code of the log that has no word here is printed as it is, never dropped.
"""

from __future__ import annotations

UNKNOWN = "chưa có số liệu"
PROVISIONAL = "TẠM TÍNH"
STILL_CONNECTED = "đang kết nối"
NOT_CONNECTED = "chưa vào"

STATUS = {
    "on_time": "đúng giờ",
    "late": "vào muộn",
    "interrupted": "gián đoạn",
    "left_early": "rời sớm",
    "sound_only": "chỉ có tiếng",
    "signal_only": "chỉ có tín hiệu",
    "not_connected": "không kết nối",
    "confirmed_by_phone": "xác nhận qua điện thoại",
}

# Why a rate may be low, as far as the log tells (reports.held.CAUSES).
CAUSE = {
    "not_connected": "Không kết nối",
    "interrupted": "Bị gián đoạn (mất điện, mất mạng)",
    "late": "Vào muộn",
    "left_early": "Rời sớm",
    "signal_only": "Chỉ có tín hiệu, không theo dõi",
    "sound_only": "Chỉ nhận được tiếng",
    "unreported": "Không báo số có mặt",
    "unexcused": "Có người vắng không lý do",
}

LEAVE_REASON = {
    "closed": "đóng trang",
    "lost": "mất kết nối",
    "replaced": "thay bằng máy khác",
    "revoked": "thu hồi đường dẫn",
    "ended": "hội nghị kết thúc",
    "server_crash": "máy chủ dừng đột ngột",
    "server_stop": "máy chủ dừng",
    "cancelled": "hội nghị bị hủy",
}

FLOOR_REASON = {
    "host": "điểm cầu trung tâm lấy lại",
    "returned": "điểm cầu trả lại",
    "lost": "mất kết nối",
    "given_on": "chuyển cho điểm cầu khác",
    "break": "giải lao",
    "ended": "hội nghị kết thúc",
}

KIND = {
    "resolution": "quán triệt nghị quyết",
    "class": "lớp bồi dưỡng",
    "meeting": "họp giao ban",
}

ROLL_CALL_LABEL = {"start": "đầu giờ", "middle": "giữa giờ", "end": "cuối giờ"}
ROLL_CALL_MODE = {"all": "cùng báo", "in_turn": "gọi lần lượt"}
VERDICT = {"good": "Tốt", "fair": "Tạm được", "poor": "Kém"}  # of a line check
ECHO = {"none": "không", "some": "nhẹ", "strong": "mạnh"}  # the test sound in the microphone again
ROUTE = {"udp": "UDP", "tcp": "TCP", "turn": "qua máy chủ TURN", "blocked": "mạng chặn UDP"}
SIGNED = {"right": "đúng", "wrong": "chưa đúng"}

OUTAGE_PART = {"hub": "điểm cầu trung tâm", "relay": "bộ chuyển tiếp", "server": "máy chủ"}


def roll_call(number: int, label: str | None) -> str:
    """Lần 1 (đầu giờ)."""
    return f"Lần {number} ({ROLL_CALL_LABEL.get(label, label)})" if label else f"Lần {number}"


def listed(codes: tuple[str, ...]) -> str:
    """A site's status codes as one cell: their words, joined by "; "."""
    return "; ".join(STATUS.get(code, code) for code in codes)


def leave(reason: str | None) -> str:
    """Why a connection ended; None while it stands."""
    return STILL_CONNECTED if reason is None else LEAVE_REASON.get(reason, reason)
