"""The workbook, read back by a second library."""

from __future__ import annotations

import io
import time
from datetime import datetime, timedelta

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from coordinator.domain.attendance_types import Attendance, LineCheckRow
from coordinator.reports import xlsx_file
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site
from tests.reports.test_csv_file import LOG, SUMMARY, without_zone


def opened(whole: Attendance) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(xlsx_file.write(whole, ZONE)))


def test_one_sheet_for_each_table() -> None:
    assert opened(attendance()).sheetnames == [
        "Tổng hợp", "Nhật ký kết nối", "Điểm danh", "Phát biểu", "Kiểm tra đường truyền", "Thông tin",
    ]  # fmt: skip


def test_headings_stand_in_the_frozen_first_row() -> None:
    book = opened(attendance())

    assert without_zone([str(cell.value) for cell in book["Tổng hợp"][1]]) == SUMMARY
    assert without_zone([str(cell.value) for cell in book["Nhật ký kết nối"][1]]) == LOG
    assert all(sheet.freeze_panes == "A2" for sheet in book)


def test_numbers_dates_spans_and_percentages_are_real() -> None:
    row = opened(attendance())["Tổng hợp"][2]

    assert row[3].value == 34
    assert (row[8].value, row[8].number_format) == (31 / 34, "0.0%")
    assert row[10].value == datetime(2026, 11, 23, 7, 58, 12)
    assert row[13].value == timedelta(seconds=90)
    assert row[14].number_format == "[h]:mm:ss"


def test_codes_and_telephones_stay_text() -> None:
    whole = attendance(site("0071", "Xã A", contact_phone="0209000123"))
    row = opened(whole)["Tổng hợp"][2]

    assert (row[1].value, row[1].data_type) == ("0071", "s")
    assert row[17].value == "ĐT 0209000123"


def test_nothing_is_a_formula_or_a_link() -> None:
    evil = attendance(
        site("xa-a", "=1+1", note="http://example.org/ =cmd|'/c calc'!A0"),
        site("xa-b", "@SUM(A1)", note="+1"),
    )
    book = opened(evil)

    cells = [cell for sheet in book for row in sheet for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert book["Tổng hợp"]["C2"].value == "'=1+1"


def test_the_other_sheets_hold_declarations_speeches_and_line_checks() -> None:
    book = opened(attendance())

    declared = [cell.value for cell in book["Điểm danh"][2]]
    assert declared[0] == "xa-ban-thi" and declared[6:11] == [31, 12, 2, 1, 0]
    assert declared[11] == "mai"
    spoke = [cell.value for cell in book["Phát biểu"][2]]
    assert spoke[4:] == [timedelta(seconds=125), "điểm cầu trung tâm lấy lại"]
    checked = [cell.value for cell in book["Kiểm tra đường truyền"][2]]
    assert checked[3:8] == ["tốt", "không được", 180, 0.02, 900_000]
    assert checked[8:] == ["chưa có số liệu"] * 9  # such a check is older than these columns


def test_a_line_check_tells_the_devices_and_the_verdict() -> None:
    check = LineCheckRow(
        EIGHT, True, True, 90, 0.0, 4_000_000, 800_000, True, "HD Webcam", "=Mic", "Chrome, Windows", "good",
        "=Lan", "some", "turn",
    )  # fmt: skip
    sheet = opened(attendance(site("xa-a", "Xã A", line_checks=(check,))))["Kiểm tra đường truyền"]
    headings, row = ([cell.value for cell in cells] for cells in sheet.iter_rows(min_row=1, max_row=2))

    assert headings[8:] == [
        "Tốc độ tải lên (bit/s)", "Loa", "Camera", "Micrô", "Trình duyệt", "Kết quả",
        "Vọng tiếng", "Đường đi", "Người kiểm tra",
    ]  # fmt: skip
    assert row[8:] == [
        800_000, "tốt", "HD Webcam", "'=Mic", "Chrome, Windows", "Tốt", "nhẹ", "qua máy chủ TURN", "'=Lan"
    ]  # fmt: skip


def test_an_echo_and_a_blocked_line_stand_in_the_summary_too() -> None:
    check = LineCheckRow(EIGHT, False, True, verdict="poor", echo="strong", route="blocked")
    sheet = opened(attendance(site("xa-a", "Xã A", line_checks=(check,))))["Tổng hợp"]

    assert sheet["J2"].value == "Kém, tiếng không được, tiếng vọng mạnh, mạng chặn UDP"


@pytest.mark.parametrize(
    ("works", "verdict", "told"),
    [
        ((True, True, True), "good", "Tốt"),
        ((True, None, None), "fair", "Tạm được"),
        ((True, True, None), "poor", "Kém"),
        ((True, False, False), "good", "Tốt, hình không được, loa không được"),
        ((True, False, None), None, "tiếng tốt, hình không được"),
    ],
)
def test_the_summary_gives_the_last_checks_verdict_and_what_does_not_work(
    works: tuple[bool | None, bool | None, bool | None], verdict: str | None, told: str
) -> None:
    sound, picture, speakers = works
    check = LineCheckRow(EIGHT, sound, picture, speakers=speakers, verdict=verdict)
    summary = opened(attendance(site("xa-a", "Xã A", line_checks=(check,))))["Tổng hợp"]
    column = [cell.value for cell in summary[1]].index("Kiểm tra đường truyền") + 1

    assert summary.cell(2, column).value == told


def test_the_facts_name_the_last_event_and_its_hash() -> None:
    book = opened(attendance())
    rows = book["Thông tin"].iter_rows(min_row=2, values_only=True)
    facts = {row[0]: row[1] for row in rows}

    assert facts["Sự kiện cuối"] == 41
    assert facts["Mã kiểm tra (SHA-256)"] == attendance().head_hash
    assert facts["Tỷ lệ tham gia, các điểm cầu đã báo"] == "91,2 %"
    assert facts["Tỷ lệ tham gia, mọi điểm cầu"] == "45,6 % – 95,6 %"
    assert facts["Giải lao"] == "2026-11-23 08:50:00 – 2026-11-23 09:00:00"
    assert facts["Tình trạng số liệu"] == "chính thức"
    assert opened(attendance(provisional=True))["Thông tin"]["B6"].value == "TẠM TÍNH"


def test_a_note_longer_than_a_cell_is_cut_and_not_lost() -> None:
    value = opened(attendance(site("xa-a", "Xã A", note="ả" * 40_000)))["Tổng hợp"]["S2"].value

    assert value == "ả" * 32_767


def test_twenty_five_sites_are_ready_in_under_a_second() -> None:
    whole = attendance(*[present_site()] * 25)
    began = time.perf_counter()
    xlsx_file.write(whole, ZONE)

    assert time.perf_counter() - began < 1
