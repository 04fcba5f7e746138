"""Tables that only some briefings have: roll calls side by side, what was made up, noted and signed later.

Rule 1: a table without rows is left out of the workbook.
Rule 2: nothing here is part of a rate (ATTENDANCE.md rule 12).
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.domain.attendance_types import Attendance, NoteRow
from coordinator.reports import words
from coordinator.reports.cells import Cell, Column, Kind, Table, clean

_SITE = (Column("Mã", width=16), Column("Điểm cầu", width=28))
_WHO = (Column("Lúc", Kind.TIME, 20), Column("Người ghi", width=20))
MADE_UP_COLUMNS = (
    *_SITE,
    Column("Ngày xem lại", width=14),
    Column("Số người", Kind.WHOLE, 10),
    *_WHO,
    Column("Lý do", width=40),
    Column("Hiệu lực", width=16),
)
NOTE_COLUMNS = (
    *_SITE,
    Column("Việc", width=20),
    *_WHO,
    Column("Nội dung", width=60),
    Column("Lý do", width=30),
)


def all_of(attendance: Attendance) -> list[Table]:
    """Those that have something to say."""
    made = (roll_calls_apart(attendance), made_up(attendance), notes(attendance))
    return [table for table in made if table.rows]


def roll_calls_apart(attendance: Attendance) -> Table:
    """One row a site, one column a roll call with the count that holds; no rows where there was one call."""
    calls = attendance.roll_call_rows
    columns = tuple(Column(words.roll_call(call.number, call.label), Kind.WHOLE, 18) for call in calls)
    rows: list[tuple[Cell, ...]] = []
    for site in attendance.sites if len(calls) > 1 else ():
        counts = {count.roll_call: count.present for count in site.roll_call_counts}
        told = tuple(counts.get(call.number, words.UNKNOWN) for call in calls)
        rows.append((clean(site.code), clean(site.name), site.expected, *told))
    return Table("Từng lần điểm danh", (*_SITE, Column("Triệu tập", Kind.WHOLE, 10), *columns), tuple(rows))


def made_up(attendance: Attendance) -> Table:
    """One row each time somebody noted that persons took it in later."""
    rows = tuple(
        (
            clean(site.code), clean(site.name), clean(row.on), row.persons, row.at_ms, clean(row.actor),
            clean(row.reason), "đã sửa" if row.corrected else "có",
        )
        for site in attendance.sites
        for row in site.made_up_rows
    )  # fmt: skip
    return Table("Xem lại sau", MADE_UP_COLUMNS, rows)


def notes(attendance: Attendance) -> Table:
    """Notes on the whole, notes on sites, and what the sites answered for their own lines."""
    return Table("Ghi chú, xác nhận", NOTE_COLUMNS, tuple(_note_rows(attendance)))


def _note_rows(attendance: Attendance) -> Iterator[tuple[Cell, ...]]:
    for note in attendance.notes:
        yield ("", "Cả hội nghị", *_note(note))
    for site in attendance.sites:
        named = (clean(site.code), clean(site.name))
        for note in site.notes:
            yield (*named, *_note(note))
        for signed in site.signed_rows:
            answer = words.SIGNED.get(signed.answer, signed.answer)
            told = f"{answer} (số liệu đã sửa sau đó)" if signed.changed_since else answer
            remark = clean(signed.remark or "")
            yield (*named, "điểm cầu xác nhận", signed.at_ms, clean(signed.actor), clean(told), remark)


def _note(note: NoteRow) -> tuple[Cell, ...]:
    return ("ghi chú", note.at_ms, clean(note.actor), clean(note.text), clean(note.reason or ""))
