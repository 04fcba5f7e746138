"""What a person sees: both files opened by LibreOffice, as an office would."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from coordinator.reports import csv_file, tables, xlsx_file
from tests.reports.samples import ZONE, attendance, present_site, site

pytestmark = pytest.mark.slow

WHOLE = attendance(
    present_site(),
    site("0071", '=HYPERLINK("http://a.example";"x")', contact_phone="0209000999", note="=1+1"),
)
_AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76"  # UTF-8, cells as shown
_ENGLISH_CSV = "CSV:44,34,76,1,,1033,false,true"  # comma, UTF-8, US English, detect numbers


def shown(path: Path, *options: str) -> list[list[str]]:
    """The first sheet's cells as LibreOffice shows them."""
    office = shutil.which("soffice")
    assert office is not None, "LibreOffice is missing: make test installs it"
    profile = path.parent / "profile"
    subprocess.run(
        [office, f"-env:UserInstallation=file://{profile}", "--headless", *options, "--convert-to", _AS_SHOWN,
         "--outdir", str(path.parent / "out"), str(path)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    text = next((path.parent / "out").glob("*.csv")).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def check(rows: list[list[str]]) -> None:
    headings, first, second = rows[:3]
    assert headings[2] == "Điểm cầu" and first[2] == "Xã Bản Thi"
    assert first[8] in ("91.2%", "91.20%")  # LibreOffice gives a percentage of a CSV two decimals
    assert first[10] == "2026-11-23 07:58:12"
    assert first[14].removesuffix(" AM").zfill(8) == "01:58:20"
    assert first[17] == "Hoàng Văn Bình, ĐT 0209000123" and second[17] == "ĐT 0209000999"
    assert second[2] == '\'=HYPERLINK("http://a.example";"x")'
    assert second[18] == "'=1+1"


def test_the_workbook_opens_with_its_letters_dates_and_percentages(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    path.write_bytes(xlsx_file.write(WHOLE, ZONE))

    rows = shown(path)

    check(rows)
    assert rows[2][1] == "0071"


def test_the_csv_opens_with_its_letters_dates_and_percentages(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(csv_file.write(tables.summary(WHOLE), ZONE))

    check(shown(path, f"--infilter={_ENGLISH_CSV}"))
