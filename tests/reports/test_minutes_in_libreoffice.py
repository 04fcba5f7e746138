"""What a person sees of the minutes and of the rates over many: opened by LibreOffice, as an office would."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from coordinator.reports import docx_file, held, participation
from coordinator.reports.held import Share
from coordinator.reports.letterhead import Letterhead
from tests.reports.samples import EIGHT, ZONE, attendance, present_site, site

pytestmark = pytest.mark.slow

PAPER = Letterhead("party", "Đảng bộ tỉnh Bắc Kạn", "Huyện ủy Chợ Đồn", "Chợ Đồn")
MANY = attendance(
    present_site(),
    *(site(f"xa-{place:02}", f"Xã thứ {place}", note="=1+1") for place in range(23)),
    site("0071", '=HYPERLINK("http://a.example";"x")'),
)


def converted(path: Path, form: str) -> Path:
    office = shutil.which("soffice")
    assert office is not None, "LibreOffice is missing: make test installs it"
    profile = path.parent / "profile"
    subprocess.run(
        [office, f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", form,
         "--outdir", str(path.parent / "out"), str(path)],
        check=True, timeout=180, capture_output=True,
    )  # fmt: skip
    return path.parent / "out" / f"{path.stem}.{form.partition(':')[0]}"


def test_the_minutes_open_and_print_on_a4(tmp_path: Path) -> None:
    path = tmp_path / "minutes.docx"
    path.write_bytes(docx_file.write(MANY, PAPER, ZONE, EIGHT))

    pdf = converted(path, "pdf")
    text = converted(path, "txt:Text (encoded):UTF8").read_text("utf-8-sig")

    assert pdf.read_bytes().startswith(b"%PDF")
    for words in (
        "ĐẢNG CỘNG SẢN VIỆT NAM",
        "HUYỆN ỦY CHỢ ĐỒN",
        "BIÊN BẢN",
        "Xã thứ 22",
        "91,2 %",
        "từ 08 giờ 00",
    ):
        assert words in text
    assert '=HYPERLINK("http://a.example";"x")' in text  # words, in a document nothing runs
    assert "Chợ Đồn, ngày 23 tháng 11 năm 2026" in text


def test_the_rates_open_with_their_letters_and_percentages(tmp_path: Path) -> None:
    imported = held.of_import("2019-05-14", "=1+1", "class", (Share("0071", "Xã Cũ", 30, 15, None),))
    path = tmp_path / "rates.xlsx"
    path.write_bytes(participation.workbook([imported, held.of_attendance(MANY, ZONE)], ZONE))

    shown = converted(path, "csv:Text - txt - csv (StarCalc):44,34,76")
    rows = list(csv.reader(io.StringIO(shown.read_text("utf-8-sig"))))

    by_code = {row[1]: row for row in rows[1:]}
    assert by_code["0071"][10] == "50.0%"
    assert by_code["xa-ban-thi"][2:9] == ["Xã Bản Thi", "1", "1", "1", "34", "31", "91.2%"]


def test_the_report_over_many_opens_and_prints_on_a4(tmp_path: Path) -> None:
    shares = (Share("0071", "Xã Cũ", 30, 15, None), Share("xa-a", "=1+1", 1116, 1004, None))
    imported = held.of_import("2019-05-04", '=HYPERLINK("http://a.example";"x")', "class", shares)
    path = tmp_path / "many.docx"
    path.write_bytes(
        docx_file.write_many([imported, held.of_attendance(MANY, ZONE)], PAPER, ZONE, EIGHT, 0.9)
    )

    pdf = converted(path, "pdf")
    text = converted(path, "txt:Text (encoded):UTF8").read_text("utf-8-sig")

    assert pdf.read_bytes().startswith(b"%PDF")
    assert "HUYỆN ỦY CHỢ ĐỒN" in text and "Xã Bản Thi" in text and "Xã thứ 22" in text
    assert "91,2 %" in text and "4/5/2019" in text and "23/11/2026" in text and "số liệu nhập" in text
    assert '=HYPERLINK("http://a.example";"x")' in text  # words, in a document nothing runs
    assert MANY.head_hash in text
