"""The minutes, the quick report and the words they share."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document

from coordinator.domain.attendance_types import Attendance, Outage, PhoneConfirmation
from coordinator.domain.errors import StorageError
from coordinator.reports import cells, docx_file, one_site, phrases, quick
from coordinator.reports.letterhead import Letterhead
from scripts import make_minutes_template
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site

PARTY = Letterhead("party", "Đảng bộ tỉnh Bắc Kạn", "Huyện ủy Chợ Đồn", "Chợ Đồn")
STATE = Letterhead("state", "UBND tỉnh Bắc Kạn", "UBND huyện Chợ Đồn", "Chợ Đồn")
NOON = EIGHT + 4 * 3_600_000


def minutes(whole: Attendance, paper: Letterhead = PARTY, template: Path | None = None) -> list[str]:
    """Every paragraph and cell, in order of the file."""
    made = Document(io.BytesIO(docx_file.write(whole, paper, ZONE, NOON, template)))
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    return [paragraph.text for paragraph in made.paragraphs] + cells


def test_the_minutes_say_when_who_and_how_many() -> None:
    said = minutes(attendance())

    assert "Quán triệt Nghị quyết" in said and "(Văn bản số 41-GM/HU)" in said
    assert "1. Thời gian: từ 08 giờ 00 đến 10 giờ 00 ngày 23/11/2026; thời lượng 2 giờ." in said
    assert "- Không tính giải lao từ 08 giờ 50 đến 09 giờ 00 (10 phút)." in said
    assert next(line for line in said if line.startswith("3. ")) == (
        "3. Thành phần: triệu tập 68 đồng chí; có mặt 31/34 của các điểm cầu đã báo, tỷ lệ 91,2 %"
        " (trên toàn bộ: 45,6 % đến 95,6 %); vắng có lý do 2, vắng không lý do 1."
    )
    row = said.index("Xã Bằng Lãng")
    assert said[row + 1 : row + 3] == ["34", "chưa có số liệu"]
    assert not [line for line in said if "{" in line or "TẠM TÍNH" in line]


def test_each_heading_has_its_form() -> None:
    party, state = minutes(attendance()), minutes(attendance(), STATE)

    assert "ĐẢNG BỘ TỈNH BẮC KẠN\nHUYỆN ỦY CHỢ ĐỒN\n*" in party
    assert "ĐẢNG CỘNG SẢN VIỆT NAM\n\nChợ Đồn, ngày 23 tháng 11 năm 2026" in party
    assert any(
        line.startswith("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc") for line in state
    )
    assert any("68 đại biểu" in line for line in state)


def test_provisional_minutes_say_so() -> None:
    running = attendance(provisional=True, phase="live")

    assert any(
        line.startswith("TẠM TÍNH: hội nghị chưa kết thúc, số liệu lúc 12:00") for line in minutes(running)
    )
    assert quick.text(running, PARTY, ZONE, NOON).startswith(
        "BÁO CÁO NHANH (TẠM TÍNH, lúc 12:00 ngày 23/11/2026)\n"
    )


def test_what_was_typed_is_text_and_nothing_else() -> None:
    evil = attendance(
        replace(present_site(), name="{{ 7 * 7 }} <w:p/> & {% if x %}", note="=1+1"),
        title="A & B <b>\x0b\x00",
    )

    said = minutes(evil)

    assert "{{ 7 * 7 }} <w:p/> & {% if x %}" in said
    assert "A & B <b>" in said


def test_every_part_of_the_file_carries_the_hash_for_its_footer() -> None:
    raw = docx_file.write(attendance(), PARTY, ZONE, NOON)

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        footers = [archive.read(name).decode() for name in archive.namelist() if "footer" in name]
    assert any(attendance().head_hash in footer for footer in footers)


def test_an_office_may_bring_its_own_template(tmp_path: Path) -> None:
    own = Document()
    own.add_paragraph("Kính gửi: {{ co_quan_cap_tren }}. {{ tong.ty_le }}")
    own.save(str(tmp_path / "own.docx"))

    assert minutes(attendance(), PARTY, tmp_path / "own.docx") == ["Kính gửi: ĐẢNG BỘ TỈNH BẮC KẠN. 91,2 %"]


@pytest.mark.parametrize(
    "text", ["{{ tieu_dee }}", "{% if %}", "{{ tieu_de.__class__.__mro__ }}", "{{ tong.khong_co }}"]
)
def test_a_template_that_cannot_be_filled_is_named(tmp_path: Path, text: str) -> None:
    own = Document()
    own.add_paragraph(text)
    own.save(str(tmp_path / "own.docx"))

    with pytest.raises(StorageError) as refused:
        docx_file.write(attendance(), PARTY, ZONE, NOON, tmp_path / "own.docx")

    assert (refused.value.code, refused.value.details["file"]) == ("bad_template", "own.docx")


def test_a_file_that_is_no_template_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.docx").write_bytes(b"no archive")

    with pytest.raises(StorageError, match="bad_template"):
        docx_file.write(attendance(), PARTY, ZONE, NOON, tmp_path / "own.docx")


def test_the_committed_template_is_what_its_script_writes(tmp_path: Path) -> None:
    make_minutes_template.write(tmp_path / "made.docx")

    def parts(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    assert parts(tmp_path / "made.docx") == parts(docx_file.OWN)


def test_the_quick_report_names_the_sites_that_stand_out() -> None:
    phone = PhoneConfirmation("bà Mai", "mất điện", "binh", EIGHT)
    told = quick.text(
        attendance(
            replace(present_site(), rate=0.85), site("xa-b", "Xã B", status=("not_connected",), phone=phone)
        ),
        PARTY, ZONE, NOON,
    )  # fmt: skip

    assert "Điểm cầu có tỷ lệ dưới 90 %: Xã Bản Thi (85,0 %)." in told
    assert "Điểm cầu chưa báo số có mặt: Xã B." in told
    assert "Điểm cầu bị gián đoạn: Xã Bản Thi (1 lần, 1 phút 30 giây)." in told
    assert "Điểm cầu không kết nối: Xã B." in told
    assert "Điểm cầu xác nhận qua điện thoại: Xã B (bà Mai)." in told
    assert told.rstrip().endswith(f"mã kiểm tra (SHA-256) {attendance().head_hash}.")


def test_a_rate_just_under_the_limit_is_never_printed_as_the_limit() -> None:
    told = quick.text(attendance(replace(present_site(), rate=0.8996)), PARTY, ZONE, NOON)

    assert "dưới 90 %: Xã Bản Thi (89,96 %)." in told
    assert phrases.percent_under(0.85, 0.9) == "85,0 %"


@pytest.mark.parametrize(
    ("present", "expected", "told"), [(13, 16, "81,3 %"), (23, 80, "28,8 %"), (2, 3, "66,7 %")]
)
def test_halves_go_up_as_in_a_spreadsheet(present: int, expected: int, told: str) -> None:
    assert phrases.percent(present / expected) == told
    assert f"{cells.percent_text(present / expected)} %".replace(".", ",") == told


def test_outages_are_told_beside_breaks() -> None:
    window = replace(attendance().window, outages=(Outage("relay", EIGHT, EIGHT + 90_000),))

    told = quick.text(attendance(window=window), PARTY, ZONE, NOON)

    assert "sự cố bộ chuyển tiếp từ 08 giờ 00 đến 08 giờ 01 (1 phút 30 giây)" in told


def test_nothing_reported_is_not_zero() -> None:
    told = quick.text(one_site.of(attendance(), "xa-bang-lang"), PARTY, ZONE, NOON)

    assert "triệu tập 34 đồng chí; chưa điểm cầu nào báo số có mặt" in told


def test_figures_are_written_as_vietnamese_does() -> None:
    assert phrases.number(959_000) == "959.000"
    assert (phrases.percent(0.931), phrases.percent(None)) == ("93,1 %", "chưa có số liệu")
    assert [phrases.length(s) for s in (0, 59, 90, 600, 9420, 3600)] == [
        "0 giây", "59 giây", "1 phút 30 giây", "10 phút", "2 giờ 37 phút", "1 giờ",
    ]  # fmt: skip
