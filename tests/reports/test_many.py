"""The report over many briefings in words and as a Word file."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document

from coordinator.domain.attendance_types import Attendance
from coordinator.domain.errors import StorageError
from coordinator.reports import docx_file, held, many
from coordinator.reports.held import Held, Share
from coordinator.reports.letterhead import Letterhead
from scripts import make_summary_template
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site

PARTY = Letterhead("party", "Đảng bộ tỉnh Bắc Kạn", "Huyện ủy Chợ Đồn", "Chợ Đồn")
STATE = Letterhead("state", "UBND huyện", "Văn phòng", "Chợ Đồn")


def of(*attendances: Attendance) -> list[Held]:
    return [held.of_attendance(each, ZONE) for each in attendances]


def text_of(raw: bytes) -> str:
    """All paragraphs and cells."""
    document = Document(io.BytesIO(raw))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


OLD = held.of_import("2019-05-14", "Lớp cũ", "class", (Share("xa-ban-thi", "Xã Bản Thi", 30, 15, None),))
LOW = site("xa-a", "Xã A", status=("late",), present=17, rate=0.5, unexcused=2, made_up=3)


def test_the_file_tells_totals_sites_causes_and_what_each_briefing_rests_on() -> None:
    raw = docx_file.write_many(of(attendance(present_site(), LOW)), PARTY, ZONE, EIGHT, 0.9)

    told = text_of(raw)
    for words in (
        "ĐẢNG CỘNG SẢN VIỆT NAM", "HUYỆN ỦY CHỢ ĐỒN", "Tỷ lệ tham gia các hội nghị trực tuyến",
        "1. Tổng hợp: 1 hội nghị, 2 điểm cầu; triệu tập 68 lượt đồng chí, có mặt 48, tỷ lệ 70,6 %;"
        " xem lại sau 3, không tính vào tỷ lệ.",
        "dưới 90 %: Xã A (50,0 %, 1/1 lần).", "Vào muộn", "Có người vắng không lý do",
        "quán triệt nghị quyết", "11/2026", attendance().head_hash,
    ):  # fmt: skip
        assert words in told, words
    assert "Số liệu nhập" not in told and "7. Thay đổi" not in told and "{" not in told


def test_what_was_imported_is_told_apart() -> None:
    said = many.of([OLD, *of(attendance(present_site()))], STATE, ZONE, EIGHT, 0.9)

    assert (said["tong"]["co_mat"], said["nhap"]["co_mat"]) == ("31", "15")
    assert said["diem_cau"][0]["ty_le"] == "91,2 %" and said["diem_cau"][0]["truoc_day"] == "50,0 %"
    assert [(month["ten"], month["nguon"]) for month in said["thang"]] == [
        ("5/2019", "số liệu nhập"), ("11/2026", ""),
    ]  # fmt: skip
    assert said["nguoi"] == "đại biểu"
    assert "Số liệu nhập của các năm trước" in text_of(docx_file.write_many([OLD], STATE, ZONE, EIGHT, 0.9))


def test_the_largest_rise_comes_first() -> None:
    def at(*counts: tuple[int, int]) -> list[Held]:
        return of(*(attendance(replace(LOW, present=a), site("xa-b", "Xã B", present=b)) for a, b in counts))

    said = many.of(at((17, 34), (17, 34), (17, 34), (34, 17), (34, 17), (34, 17)), PARTY, ZONE, EIGHT, 0.9)

    assert [(one["ten"], one["tang"]) for one in said["thay_doi"]] == [("Xã A", "+50,0"), ("Xã B", "−50,0")]


def test_nothing_held_and_nothing_reported_are_not_zero() -> None:
    assert many.of([], PARTY, ZONE, EIGHT, 0.9)["tong"]["ty_le"] == "chưa có số liệu"
    silent = many.of(of(attendance(site("xa-a", "Xã A"))), PARTY, ZONE, EIGHT, 0.9)
    assert silent["diem_cau"][0]["co_mat"] == "chưa có số liệu"
    assert docx_file.write_many([], PARTY, ZONE, EIGHT, 0.9).startswith(b"PK")


def test_a_running_briefing_makes_the_report_provisional() -> None:
    said = text_of(docx_file.write_many(of(attendance(provisional=True)), PARTY, ZONE, EIGHT, 0.9))

    assert "TẠM TÍNH: có hội nghị chưa kết thúc" in said and "Quán triệt Nghị quyết (TẠM TÍNH)" in said


def test_what_was_typed_is_text_and_nothing_else() -> None:
    evil = attendance(replace(LOW, name="{{ 7 * 7 }} <w:p/> & {% if x %}"), title="A & B <b>\x0b\x00")

    said = text_of(docx_file.write_many(of(evil), PARTY, ZONE, EIGHT, 0.9))

    assert "{{ 7 * 7 }} <w:p/> & {% if x %}" in said and "A & B <b>" in said


def test_a_template_that_cannot_be_filled_is_named(tmp_path: Path) -> None:
    own = Document()
    own.add_paragraph("{{ tieu_dee }}")
    own.save(str(tmp_path / "own.docx"))

    with pytest.raises(StorageError) as refused:
        docx_file.write_many(of(attendance()), PARTY, ZONE, EIGHT, 0.9, tmp_path / "own.docx")

    assert (refused.value.code, refused.value.details["file"]) == ("bad_template", "own.docx")


def test_the_committed_template_is_what_its_script_writes(tmp_path: Path) -> None:
    make_summary_template.write(tmp_path / "made.docx")

    def parts(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    assert parts(tmp_path / "made.docx") == parts(docx_file.OWN_OF_MANY)
