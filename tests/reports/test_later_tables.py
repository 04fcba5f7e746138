"""What comes after the end: made up, noted, signed; and roll calls side by side."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl

from coordinator.domain.attendance_counts import totals_of
from coordinator.domain.attendance_types import (
    Attendance,
    CallCount,
    MadeUpRow,
    NoteRow,
    RollCallRow,
    SignOffRow,
)
from coordinator.reports import document, later_tables, tables, xlsx_file
from coordinator.reports.letterhead import Letterhead
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site
from tests.reports.test_csv_file import SUMMARY, without_zone


def later() -> Attendance:
    signed = SignOffRow(EIGHT + 9_000_000, "site:xa-ban-thi", "wrong", "31 → 32", True)
    made_up = (
        MadeUpRow(EIGHT + 86_400_000, "binh", 2, "2026-11-24", "xem bản ghi", corrected=True),
        MadeUpRow(EIGHT + 86_500_000, "binh", 3, "2026-11-24", "đếm lại"),
    )
    came = replace(
        present_site(), made_up=3, made_up_rows=made_up, signed=signed, signed_rows=(signed,),
        notes=(NoteRow(EIGHT, "mai", "mất điện 10 phút", None),),
        roll_call_counts=(
            CallCount(1, "start", 31, 12, 2, 1, 0, True),
            CallCount(2, "end", 29, None, None, None, None, False),
        ),
    )  # fmt: skip
    calls = (RollCallRow(1, EIGHT, "all", "start"), RollCallRow(2, EIGHT + 7_000_000, "in_turn", "end"))
    sites = (came, site("xa-bang-lang", "Xã Bằng Lãng"))
    whole = (NoteRow(EIGHT, "mai", "=1+1", "ghi sau"),)
    return attendance(*sites, totals=totals_of(sites), roll_calls=2, roll_call_rows=calls, notes=whole)


def test_the_contract_columns_stay_alone_where_nothing_came_later() -> None:
    assert without_zone([column.titled(ZONE) for column in tables.summary(attendance()).columns]) == SUMMARY
    assert later_tables.all_of(attendance()) == []


def test_what_was_made_up_has_a_column_of_its_own_and_is_in_no_rate() -> None:
    table = tables.summary(later())

    assert [column.heading for column in table.columns[len(SUMMARY) :]] == [
        "Xem lại sau",
        "Điểm cầu xác nhận",
    ]
    assert [row[len(SUMMARY) :] for row in table.rows] == [
        (3, "chưa đúng: 31 → 32 (số liệu đã sửa sau đó)"), ("", ""),
    ]  # fmt: skip
    assert (table.rows[0][4], table.rows[0][8]) == (31, 31 / 34)
    assert table.rows[0][18] == "mất điện 10 phút"


def test_roll_calls_stand_side_by_side() -> None:
    table = later_tables.roll_calls_apart(later())

    assert [column.heading for column in table.columns[3:]] == ["Lần 1 (đầu giờ)", "Lần 2 (cuối giờ)"]
    assert [row[2:] for row in table.rows] == [(34, 31, 29), (34, "chưa có số liệu", "chưa có số liệu")]


def test_the_workbook_has_a_sheet_for_each() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx_file.write(later(), ZONE)))

    assert book.sheetnames[5:] == ["Từng lần điểm danh", "Xem lại sau", "Ghi chú, xác nhận", "Thông tin"]
    assert [row[-1].value for row in book["Xem lại sau"].rows] == ["Hiệu lực", "đã sửa", "có"]
    noted = [[cell.value for cell in row][1:3] for row in list(book["Ghi chú, xác nhận"].rows)[1:]]
    assert noted == [
        ["Cả hội nghị", "ghi chú"], ["Xã Bản Thi", "ghi chú"], ["Xã Bản Thi", "điểm cầu xác nhận"],
    ]  # fmt: skip
    assert book["Ghi chú, xác nhận"]["F2"].value == "'=1+1"
    facts = {row[0].value: row[1].value for row in book["Thông tin"].rows}
    assert facts["Xem lại sau, không tính vào tỷ lệ"] == 3
    assert facts["Điểm danh: Lần 2 (cuối giờ)"] == "2026-11-23 09:56:40, gọi lần lượt"


def test_the_minutes_remark_on_it() -> None:
    said = document.of(later(), Letterhead(), ZONE, EIGHT)

    assert "Xem lại sau hội nghị, không tính vào tỷ lệ: Xã Bản Thi (3)." in said["nhan_xet"]
    assert "Điểm cầu báo số liệu chưa đúng: Xã Bản Thi (31 → 32)." in said["nhan_xet"]
    assert (said["tong"]["xem_lai"], said["diem_cau"][1]["xem_lai"]) == ("3", "")
