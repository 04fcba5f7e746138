"""The tables of one briefing's reports, drawn from its `Attendance`.

Rule 1: the headings of summary and log are those of ATTENDANCE.md, Exports; programs read them by name.
Rule 2: columns that few briefings need (made up later, signed off) follow where there is something to say; a
provisional table has one more, the last, TẠM TÍNH: no reader by name or place is disturbed.
Rule 3: rows keep the order of the summons and of the log; nothing is sorted by the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from coordinator.domain.attendance_types import Attendance, HeadcountRow, LineCheckRow, SiteAttendance
from coordinator.reports import words
from coordinator.reports.cells import Cell, Column, Kind, Table, clean, span_text

SUMMARY_COLUMNS = (
    Column("STT", Kind.WHOLE, 5),
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Triệu tập", Kind.WHOLE, 10),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Đảng viên", Kind.WHOLE, 15),
    Column("Vắng có lý do", Kind.WHOLE, 15),
    Column("Vắng không lý do", Kind.WHOLE, 16),
    Column("Tỷ lệ", Kind.SHARE, 15),
    Column("Kiểm tra đường truyền", width=30),
    Column("Vào lúc", Kind.TIME, 20),
    Column("Rời lúc", Kind.TIME, 20),
    Column("Số lần gián đoạn", Kind.WHOLE, 16),
    Column("Tổng gián đoạn", Kind.SPAN, 15),
    Column("Thời lượng tham dự", Kind.SPAN, 18),
    Column("Tỷ lệ thời lượng", Kind.SHARE, 16),
    Column("Trạng thái", width=28),
    Column("Người trực", width=28),
    Column("Ghi chú", width=40),
)

LOG_COLUMNS = (
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Kết nối", width=13),
    Column("Vào lúc", Kind.TIME, 20),
    Column("Rời lúc", Kind.TIME, 20),
    Column("Giây kết nối", Kind.WHOLE, 13),
    Column("Giây theo dõi", Kind.WHOLE, 13),
    Column("Lý do rời", width=24),
    Column("Thiết bị", width=30),
)

ROLL_CALL_COLUMNS = (
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Lần điểm danh", Kind.WHOLE, 14),
    Column("Lần khai", Kind.WHOLE, 10),
    Column("Lúc", Kind.TIME, 20),
    Column("Người khai", width=20),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Đảng viên", Kind.WHOLE, 15),
    Column("Vắng có lý do", Kind.WHOLE, 15),
    Column("Vắng không lý do", Kind.WHOLE, 16),
    Column("Ngoài giấy mời", Kind.WHOLE, 15),
    Column("Xác nhận", width=20),
    Column("Xác nhận lúc", Kind.TIME, 20),
    Column("Dùng tính tỷ lệ", width=14),
    Column("Lý do", width=30),
    Column("Ghi chú", width=40),
)

SPEECH_COLUMNS = (
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Bắt đầu", Kind.TIME, 20),
    Column("Kết thúc", Kind.TIME, 20),
    Column("Thời lượng", Kind.SPAN, 12),
    Column("Lý do kết thúc", width=28),
)

LINE_CHECK_COLUMNS = (
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Lúc", Kind.TIME, 20),
    Column("Tiếng", width=15),
    Column("Hình", width=15),
    Column("Độ trễ (ms)", Kind.WHOLE, 15),
    Column("Mất gói", Kind.SHARE, 15),
    Column("Tốc độ tải về (bit/s)", Kind.WHOLE, 20),
    Column("Tốc độ tải lên (bit/s)", Kind.WHOLE, 20),
    Column("Loa", width=15),
    Column("Camera", width=28),
    Column("Micrô", width=28),
    Column("Trình duyệt", width=28),
    Column("Kết quả", width=15),
    Column("Vọng tiếng", width=15),
    Column("Đường đi", width=18),
    Column("Người kiểm tra", width=24),
)


MADE_UP_COLUMN = Column("Xem lại sau", Kind.WHOLE, 12)  # persons; never in a rate: ATTENDANCE.md rule 12
SIGNED_COLUMN = Column("Điểm cầu xác nhận", width=30)


def summary(attendance: Attendance) -> Table:
    """One row a site."""
    sites = attendance.sites
    more: list[tuple[Column, Callable[[SiteAttendance], Cell]]] = []
    if any(site.made_up is not None for site in sites):
        more.append((MADE_UP_COLUMN, lambda site: _or(site.made_up, "")))
    if any(site.signed is not None for site in sites):
        more.append((SIGNED_COLUMN, signed_of))
    rows = (
        (*_summary_row(number, site), *(tell(site) for _, tell in more))
        for number, site in enumerate(sites, start=1)
    )
    return _table("Tổng hợp", (*SUMMARY_COLUMNS, *(column for column, _ in more)), rows, attendance)


def connection_log(attendance: Attendance, site: str | None = None) -> Table:
    """One row a raw connection, of all sites or of the one whose code is `site`.

    Raises:
        KeyError: `site` was not summoned.
    """
    rows = (row for each in _chosen(attendance, site) for row in _log_rows(each))
    return _table("Nhật ký kết nối", LOG_COLUMNS, rows, attendance)


def roll_calls(attendance: Attendance) -> Table:
    """One row a declaration, the counted one marked."""
    rows = (_headcount_row(site, row) for site in attendance.sites for row in site.headcounts)
    return _table("Điểm danh", ROLL_CALL_COLUMNS, rows, attendance)


def speeches(attendance: Attendance) -> Table:
    """One row each time a site held the floor."""
    rows = (row for site in attendance.sites for row in _speech_rows(site))
    return _table("Phát biểu", SPEECH_COLUMNS, rows, attendance)


def line_checks(attendance: Attendance) -> Table:
    """One row a line check."""
    rows = (_line_check_row(site, check) for site in attendance.sites for check in site.line_checks)
    return _table("Kiểm tra đường truyền", LINE_CHECK_COLUMNS, rows, attendance)


def _table(
    name: str, columns: tuple[Column, ...], rows: Iterable[tuple[Cell, ...]], attendance: Attendance
) -> Table:
    if attendance.provisional:
        mark = f"đến sự kiện số {attendance.head_seq}"
        columns = (*columns, Column(words.PROVISIONAL, width=24))
        return Table(name, columns, tuple((*row, mark) for row in rows))
    return Table(name, columns, tuple(rows))


def _chosen(attendance: Attendance, code: str | None) -> tuple[SiteAttendance, ...]:
    if code is None:
        return attendance.sites
    chosen = tuple(site for site in attendance.sites if site.code == code)
    if not chosen:
        raise KeyError(code)
    return chosen


def _or(value: float | None, word: str = words.UNKNOWN) -> Cell:
    return word if value is None else value


def _summary_row(number: int, site: SiteAttendance) -> tuple[Cell, ...]:
    came = site.first_joined_ms is not None
    return (
        number,
        *_named(site),
        site.expected,
        _or(site.present),
        _or(site.members),
        _or(site.excused),
        _or(site.unexcused),
        _or(site.rate),
        _last_check(site),
        _or(site.first_joined_ms, words.NOT_CONNECTED),
        _or(site.last_left_ms, words.STILL_CONNECTED if came else words.NOT_CONNECTED),
        site.interruptions,
        site.interrupted_seconds,
        site.attended_seconds,
        _or(site.attended_share),
        words.listed(site.status),
        _on_duty(site),
        notes_of(site),
    )


def _log_rows(site: SiteAttendance) -> Iterable[tuple[Cell, ...]]:
    for row in site.connections:
        reason = words.leave(row.reason)
        yield (
            *_named(site),
            row.connection,
            row.joined_ms,
            _or(row.left_ms, ""),
            row.connected_seconds,
            row.following_seconds,
            f"{reason}; tính theo giờ UTC vì máy chủ khởi động lại" if row.across_boots else reason,
            clean(row.device),
        )


def _headcount_row(site: SiteAttendance, row: HeadcountRow) -> tuple[Cell, ...]:
    return (
        *_named(site),
        row.roll_call,
        row.declaration,
        row.at_ms,
        clean(row.actor),
        row.present,
        *(_or(count) for count in (row.members, row.excused, row.unexcused, row.extra)),
        clean(row.confirmed_by or ("có" if row.confirmed else "chưa")),
        _or(row.confirmed_ms, ""),
        "có" if row.counted else "",
        clean(row.reason or ""),
        clean(row.note or ""),
    )


def _speech_rows(site: SiteAttendance) -> Iterable[tuple[Cell, ...]]:
    for speech in site.speeches:
        over = speech.end_ms is not None
        yield (
            *_named(site),
            speech.start_ms,
            _or(speech.end_ms, ""),
            (speech.end_ms - speech.start_ms) // 1000 if speech.end_ms is not None else "",
            words.FLOOR_REASON.get(speech.reason or "", speech.reason or "") if over else "đang phát biểu",
        )


def _line_check_row(site: SiteAttendance, check: LineCheckRow) -> tuple[Cell, ...]:
    return (
        *_named(site),
        check.at_ms,
        _heard(check.sound),
        _heard(check.picture),
        _or(check.rtt_ms),
        _or(check.loss),
        _or(check.rate_bps),
        _or(check.up_bps),
        _heard(check.speakers),
        *(clean(name or words.UNKNOWN) for name in (check.camera, check.microphone, check.device)),
        _verdict(check.verdict) if check.verdict else words.UNKNOWN,
        _coded(check.echo, words.ECHO),
        _coded(check.route, words.ROUTE),
        clean(check.operator or words.UNKNOWN),
    )


def _coded(code: str | None, names: dict[str, str]) -> str:
    return words.UNKNOWN if code is None else names.get(code, clean(code))


def _named(site: SiteAttendance) -> tuple[str, str]:
    return clean(site.code), clean(site.name)


def _heard(works: bool | None) -> str:
    return words.UNKNOWN if works is None else ("tốt" if works else "không được")


def _last_check(site: SiteAttendance) -> str:
    if not site.line_checks:
        return "chưa kiểm tra"
    check = site.line_checks[-1]
    if check.verdict is None:
        return f"tiếng {_heard(check.sound)}, hình {_heard(check.picture)}"
    parts = {"tiếng": check.sound, "hình": check.picture, "loa": check.speakers}
    failed = [f"{part} {_heard(works)}" for part, works in parts.items() if works is False]
    if check.echo == "strong":
        failed.append("tiếng vọng mạnh")
    if check.route == "blocked":
        failed.append(words.ROUTE["blocked"])
    return ", ".join([_verdict(check.verdict), *failed])


def _verdict(code: str) -> str:
    return words.VERDICT.get(code, clean(code))


def _on_duty(site: SiteAttendance) -> str:
    phone = f"ĐT {site.contact_phone}" if site.contact_phone else None  # "ĐT" keeps the zero in a CSV
    return clean(", ".join(part for part in (site.contact_name, phone) if part))


def notes_of(site: SiteAttendance) -> str:
    parts = [site.note or ""]
    if site.headcount_state == "declared":
        parts.append("số liệu chưa xác nhận")
    if site.extra:
        parts.append(f"ngoài giấy mời: {site.extra}")
    if site.unknown_seconds:
        parts.append(f"không rõ có theo dõi: {span_text(site.unknown_seconds)}")
    if site.phone is not None:
        parts.append(f"điện thoại: {site.phone.name} ({site.phone.reason}; {site.phone.actor} ghi)")
    parts += [f"triệu tập đổi thành {change.expected}: {change.reason}" for change in site.expected_changes]
    parts += [note.text for note in site.notes]
    return clean("; ".join(part for part in parts if part))


def signed_of(site: SiteAttendance) -> str:
    """What the operator answered for the own line, empty where nothing."""
    signed = site.signed
    if signed is None:
        return ""
    said = words.SIGNED.get(signed.answer, signed.answer) + (f": {signed.remark}" if signed.remark else "")
    return clean(f"{said} (số liệu đã sửa sau đó)" if signed.changed_since else said)
