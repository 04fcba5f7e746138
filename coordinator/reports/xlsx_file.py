"""One briefing's workbook: real numbers, dates and percentages, text where a number would lose its meaning.

Rule 1: one sheet a table, its headings in the first row, frozen, with a filter.
Rule 2: text is written as text, never guessed at: "0209…" keeps its zero, "=1+1" stays words.
Rule 3: the sheet "Thông tin" says what the figures rest on: window, rates, last event and its hash.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from coordinator.domain.attendance_types import Attendance
from coordinator.reports import facts, later_tables, tables
from coordinator.reports.cells import Cell, Column, Kind, Table, local_time

_LONGEST_TEXT = 32767  # characters a cell can hold (Excel, specifications and limits)
_NUMBER_FORMATS = {
    Kind.TEXT: "@",
    Kind.WHOLE: "#,##0",
    Kind.TIME: "yyyy-mm-dd hh:mm:ss",
    Kind.SPAN: "[h]:mm:ss",
    Kind.SHARE: "0.0%",
}


def write(attendance: Attendance, zone: ZoneInfo) -> bytes:
    """The workbook: summary, connection log, roll calls, speeches, line checks, what came later, facts."""
    sheets = (
        tables.summary(attendance),
        tables.connection_log(attendance),
        tables.roll_calls(attendance),
        tables.speeches(attendance),
        tables.line_checks(attendance),
        *later_tables.all_of(attendance),
        facts.facts(attendance, zone),
    )
    footer = f"&L{attendance.head_seq} · {attendance.head_hash}&R&P/&N"
    return write_tables(sheets, zone, footer)


def write_tables(sheets: Iterable[Table], zone: ZoneInfo, footer: str = "&R&P/&N") -> bytes:
    """A workbook of these tables; `footer`, in Excel's codes for footers, is under each printed page."""
    memory = io.BytesIO()
    book = xlsxwriter.Workbook(memory, {"in_memory": True})
    pen = _Pen(book, zone)
    for table in sheets:
        _sheet(book.add_worksheet(table.name), table, pen, footer)
    book.close()
    return memory.getvalue()


class _Pen:
    """Writes one cell by its column's kind."""

    def __init__(self, book: Workbook, zone: ZoneInfo) -> None:
        self.zone = zone
        self._head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._formats = {
            kind: book.add_format({"num_format": code}) for kind, code in _NUMBER_FORMATS.items()
        }

    def heading(self, sheet: Worksheet, place: int, column: Column) -> None:
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.titled(self.zone), self._head)

    def cell(self, sheet: Worksheet, row: int, place: int, kind: Kind, value: Cell) -> None:
        if isinstance(value, str):
            if value:
                sheet.write_string(row, place, value[:_LONGEST_TEXT], self._formats[Kind.TEXT])
        elif kind is Kind.TIME:
            sheet.write_datetime(row, place, local_time(int(value), self.zone), self._formats[kind])
        elif kind is Kind.SPAN:
            sheet.write_number(row, place, value / 86400, self._formats[kind])
        else:
            sheet.write_number(row, place, value, self._formats[kind])


def _sheet(sheet: Worksheet, table: Table, pen: _Pen, footer: str) -> None:
    for place, column in enumerate(table.columns):
        pen.heading(sheet, place, column)
    for number, row in enumerate(table.rows, start=1):
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            pen.cell(sheet, number, place, column.kind, value)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer(footer)
