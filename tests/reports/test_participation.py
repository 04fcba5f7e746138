"""Rates over many briefings."""

from __future__ import annotations

import io

import openpyxl

from coordinator.reports import participation
from coordinator.reports.cells import Cell
from tests.reports.samples import ZONE, attendance, present_site, site


def row_of(code: str, rows: tuple[tuple[Cell, ...], ...]) -> tuple[Cell, ...]:
    return next(row for row in rows if row[1] == code)


def test_a_briefing_that_a_site_did_not_report_is_in_neither_side_of_its_rate() -> None:
    first = attendance(present_site())
    second = attendance(site("xa-ban-thi", "Xã Bản Thi", status=("late",)))

    row = row_of("xa-ban-thi", participation.by_site([first, second]).rows)

    assert row[3:] == (2, 2, 1, 34, 31, 31 / 34)


def test_a_site_that_never_reported_has_no_rate() -> None:
    row = row_of("xa-bang-lang", participation.by_site([attendance()]).rows)

    assert row[3:] == (1, 0, 0, "chưa có số liệu", "chưa có số liệu", "chưa có số liệu")


def test_the_workbook_names_what_each_briefing_rests_on() -> None:
    book = openpyxl.load_workbook(io.BytesIO(participation.workbook([attendance(provisional=True)], ZONE)))

    row = [cell.value for cell in book["Theo hội nghị"][2]]
    assert row[2] == "Quán triệt Nghị quyết (TẠM TÍNH)"
    assert row[-2:] == [41, attendance().head_hash]
