"""The CSV that offices open and programs read."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.reports import csv_file, naming, tables
from coordinator.reports.cells import clean, span_text
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site

SUMMARY = [
    "STT", "Mã", "Điểm cầu", "Triệu tập", "Có mặt", "Đảng viên", "Vắng có lý do", "Vắng không lý do", "Tỷ lệ",
    "Kiểm tra đường truyền", "Vào lúc", "Rời lúc", "Số lần gián đoạn", "Tổng gián đoạn", "Thời lượng tham dự",
    "Tỷ lệ thời lượng", "Trạng thái", "Người trực", "Ghi chú",
]  # fmt: skip
LOG = [
    "Mã", "Điểm cầu", "Kết nối", "Vào lúc", "Rời lúc", "Giây kết nối", "Giây theo dõi", "Lý do rời",
    "Thiết bị",
]  # fmt: skip


def read(raw: bytes, delimiter: str = ",") -> list[list[str]]:
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel takes a file without BOM for its own code page"
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def without_zone(headings: list[str]) -> list[str]:
    return [heading.removesuffix(" (Asia/Ho_Chi_Minh)") for heading in headings]


def test_the_headings_are_those_that_other_programs_look_for() -> None:
    summary = read(csv_file.write(tables.summary(attendance()), ZONE))[0]
    log = read(csv_file.write(tables.connection_log(attendance()), ZONE))[0]

    assert without_zone(summary) == SUMMARY
    assert without_zone(log) == LOG
    assert "Vào lúc (Asia/Ho_Chi_Minh)" in summary and "Rời lúc (Asia/Ho_Chi_Minh)" in log


def test_a_row_of_the_log_is_one_raw_connection() -> None:
    rows = read(csv_file.write(tables.connection_log(attendance()), ZONE))[1:]

    assert [",".join(row) for row in rows] == [
        "xa-ban-thi,Xã Bản Thi,abcdefghij,2026-11-23 07:58:12,2026-11-23 08:10:00,708,600,"
        "mất kết nối,Chrome 156",
        "xa-ban-thi,Xã Bản Thi,klmnopqrst,2026-11-23 08:11:30,2026-11-23 10:00:00,6510,6500,"
        "hội nghị kết thúc,Chrome 156",
    ]


def test_the_log_of_one_site_holds_that_site_only() -> None:
    assert read(csv_file.write(tables.connection_log(attendance(), "xa-bang-lang"), ZONE))[1:] == []
    with pytest.raises(KeyError):
        tables.connection_log(attendance(), "xa-nowhere")


def test_lines_end_as_rfc_4180_says() -> None:
    raw = csv_file.write(tables.connection_log(attendance()), ZONE)

    assert raw.count(b"\r\n") == 3
    assert raw.count(b"\n") == 3


def test_semicolons_bring_the_decimal_comma() -> None:
    summary = tables.summary(attendance())

    assert read(csv_file.write(summary, ZONE, "semicolon"), ";")[1][8] == "91,2%"
    assert read(csv_file.write(summary, ZONE, "comma"))[1][8] == "91.2%"
    with pytest.raises(KeyError):
        csv_file.write(summary, ZONE, "tab")


def test_what_was_not_declared_is_not_zero() -> None:
    absent = read(csv_file.write(tables.summary(attendance()), ZONE))[2]

    assert absent[4:9] == ["chưa có số liệu"] * 5
    assert absent[10:12] == ["chưa vào", "chưa vào"]


def test_spans_are_hours_minutes_seconds() -> None:
    row = read(csv_file.write(tables.summary(attendance()), ZONE))[1]

    assert (row[13], row[14], row[15]) == ("0:01:30", "1:58:20", "98.6%")
    assert span_text(90_061) == "25:01:01"


def test_a_provisional_table_says_so_in_a_last_column_and_its_name() -> None:
    running = attendance(provisional=True)
    headings, first, _ = read(csv_file.write(tables.summary(running), ZONE))

    assert without_zone(headings) == [*SUMMARY, "TẠM TÍNH"]
    assert first[-1] == "đến sự kiện số 41"
    assert naming.name(running, "log", "csv") == "TAM-TINH-log-babcdefghijkl-41-9f86d081884c.csv"
    of_one_site = naming.name(attendance(), "log", "csv", "xa-ban-thi")
    assert of_one_site == "log-babcdefghijkl-xa-ban-thi-41-9f86d081884c.csv"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\n=", "＝"])
def test_a_cell_that_could_run_is_made_a_word(start: str) -> None:
    evil = attendance(site("xa-a", f"{start}HYPERLINK(1)", note=f"{start}1+1"))

    row = read(csv_file.write(tables.summary(evil), ZONE))[1]

    assert row[2] == f"'{start}HYPERLINK(1)"
    assert row[18] == f"'{start}1+1"


def test_decomposed_letters_are_composed() -> None:
    name = "Xã Đồng Thắng"

    decomposed = attendance(site("xa-a", unicodedata.normalize("NFD", name)))

    row = read(csv_file.write(tables.summary(decomposed), ZONE))[1]

    assert row[2] == name


def test_a_connection_that_still_stands_has_no_leave() -> None:
    came = present_site()
    open_row = came.connections[0].__class__("zzzzzzzzzz", "Firefox", EIGHT, None, 60, 60, None)
    running = attendance(site("xa-a", "Xã A", connections=(open_row,)), provisional=True)

    row = read(csv_file.write(tables.connection_log(running), ZONE))[1]

    assert row[3:8] == ["2026-11-23 08:00:00", "", "60", "60", "đang kết nối"]


@settings(deadline=None)
@given(st.text())
def test_any_text_comes_back_whole_and_harmless(text: str) -> None:
    raw = csv_file.write(tables.summary(attendance(site("xa-a", text))), ZONE)

    cell = read(raw)[1][2]

    assert cell == clean(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
