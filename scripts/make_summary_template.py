"""Writes config/templates/bao-cao.docx, the template of the report over many briefings.

    python -m scripts.make_summary_template [FILE]

Placeholders are those of docs/reports.md; page and letters as in the minutes' template.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docx import Document
from docx.shared import Pt

from scripts import make_minutes_template as minutes
from scripts.make_minutes_template import CENTRE, LEFT

TARGET = Path(__file__).resolve().parents[1] / "config" / "templates" / "bao-cao.docx"
Columns = Sequence[tuple[str, str, int]]
SITES: Columns = (
    ("TT", "stt", 10), ("Điểm cầu", "ten", 41), ("Số hội nghị có số liệu", "hoi_nghi", 19),
    ("Triệu tập", "trieu_tap", 18), ("Có mặt", "co_mat", 18), ("Tỷ lệ", "ty_le", 18),
    ("Số lần dưới ngưỡng", "so_lan_duoi", 18), ("Xem lại sau", "xem_lai", 18),
)  # fmt: skip
GROUPS: Columns = (
    ("", "ten", 46), ("Số hội nghị", "hoi_nghi", 20), ("Triệu tập", "trieu_tap", 24),
    ("Có mặt", "co_mat", 24), ("Tỷ lệ", "ty_le", 20), ("Ghi chú", "nguon", 26),
)  # fmt: skip
CAUSES: Columns = (
    ("Nguyên nhân được ghi nhận", "ten", 76), ("Số lượt điểm cầu", "so_lan", 28),
    ("Trong đó dưới ngưỡng", "so_lan_duoi", 28), ("Số điểm cầu", "diem_cau", 28),
)  # fmt: skip
CHANGES: Columns = (
    ("Điểm cầu", "ten", 70), ("3 lần đầu", "truoc", 30), ("3 lần cuối", "nay", 30),
    ("Tăng, giảm (điểm %)", "tang", 30),
)  # fmt: skip
BRIEFINGS: Columns = (
    ("TT", "stt", 10), ("Ngày", "ngay", 24), ("Hội nghị", "ten", 48), ("Kết nối", "ket_noi", 18),
    ("Triệu tập", "trieu_tap", 16), ("Có mặt", "co_mat", 22), ("Tỷ lệ", "ty_le", 22),
)  # fmt: skip
CHECKS: Columns = (
    ("TT", "stt", 10), ("Sự kiện", "su_kien", 18), ("Mã kiểm tra (SHA-256)", "ma_kiem_tra", 132),
)  # fmt: skip


def write(target: Path) -> None:
    """Makes the file."""
    document = Document()
    minutes.page(document, "Báo cáo lập lúc {{ lap_luc }}")
    minutes.letterhead(document)
    _opening(document)
    _body(document)
    minutes.line(document, "")
    minutes.signatures(document, ("NGƯỜI LẬP BÁO CÁO", "CHÁNH VĂN PHÒNG"))
    _annex(document)
    about = document.core_properties
    about.author, about.title, about.comments = "", "Báo cáo", ""
    about.created = about.modified = datetime(2026, 1, 1, tzinfo=UTC)
    target.parent.mkdir(parents=True, exist_ok=True)
    document.save(str(target))


def _opening(document: Any) -> None:
    line = minutes.line
    title = line(document, "BÁO CÁO", CENTRE, bold=True, size=15)
    title.paragraph_format.space_before, title.paragraph_format.space_after = Pt(14), Pt(0)
    line(document, "Tỷ lệ tham gia các hội nghị trực tuyến", CENTRE, bold=True)
    when = "từ {{ tu_ngay }} đến {{ den_ngay }}{% if loai %} ({{ loai }}){% endif %}"
    line(document, f"{{% if tu_ngay %}}{when}{{% endif %}}", CENTRE, italic=True)
    line(document, "{%p if tam_tinh %}")
    line(document, "{{ tam_tinh }}: có hội nghị chưa kết thúc, số liệu lúc {{ lap_luc }}", CENTRE, bold=True)
    line(document, "{%p endif %}")


def _body(document: Any) -> None:
    line = minutes.line
    later = "{% if tong.xem_lai %}; xem lại sau {{ tong.xem_lai }}, không tính vào tỷ lệ{% endif %}"
    line(
        document,
        "1. Tổng hợp: {{ tong.hoi_nghi }} hội nghị, {{ so_diem_cau }} điểm cầu; triệu tập"
        " {{ tong.trieu_tap }} lượt {{ nguoi }}, có mặt {{ tong.co_mat }}, tỷ lệ {{ tong.ty_le }}"
        + later
        + ". Hội nghị mà điểm cầu"
        " không báo số không tính vào tỷ lệ của điểm cầu đó.",
    )
    line(document, "{%p if nhap.co %}")
    line(
        document,
        "Số liệu nhập của các năm trước, không có nhật ký, tính riêng: {{ nhap.hoi_nghi }} hội nghị,"
        " triệu tập {{ nhap.trieu_tap }}, có mặt {{ nhap.co_mat }}, tỷ lệ {{ nhap.ty_le }}.",
    )
    line(document, "{%p endif %}")
    low = "{% for d in duoi_nguong %}{{ d.ten }} ({{ d.ty_le }}, {{ d.so_lan }} lần)"
    low += "{% if not loop.last %}; {% endif %}{% endfor %}"
    line(
        document,
        "2. Điểm cầu có tỷ lệ chung dưới {{ nguong }}: {% if duoi_nguong %}" + low + "{% else %}không"
        " có{% endif %}.",
    )
    _part(document, "3. Từng điểm cầu:", SITES, "diem_cau")
    _part(document, "4. Từng tháng:", GROUPS, "thang", "Tháng")
    _part(document, "5. Từng loại hội nghị:", GROUPS, "loai_hinh", "Loại")
    _part(document, "6. Nguyên nhân được ghi nhận trong nhật ký:", CAUSES, "nguyen_nhan")
    _part(document, "7. Thay đổi, trung bình 3 lần cuối so với 3 lần đầu:", CHANGES, "thay_doi")


def _part(document: Any, words: str, columns: Columns, source: str, first: str = "") -> None:
    """A heading with its table; both left out where there is nothing to tell."""
    minutes.line(document, f"{{%p if {source} %}}")
    heading = minutes.line(document, words, LEFT)
    heading.paragraph_format.space_before, heading.paragraph_format.keep_with_next = Pt(6), True
    named = [(title or first, name, width) for title, name, width in columns]
    minutes.table(document, named, None, source)
    minutes.line(document, "{%p endif %}")


def _annex(document: Any) -> None:
    heading = minutes.line(document, "PHỤ LỤC: CÁC HỘI NGHỊ", CENTRE, bold=True)
    heading.paragraph_format.page_break_before = True
    minutes.table(document, BRIEFINGS, None, "hoi_nghi")
    note = minutes.line(
        document, "Nhật ký mà số liệu dựa vào: số của sự kiện cuối và mã kiểm tra của từng hội nghị.", LEFT
    )
    note.paragraph_format.space_before, note.paragraph_format.keep_with_next = Pt(8), True
    minutes.table(document, CHECKS, None, "hoi_nghi", size=9)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
