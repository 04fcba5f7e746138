"""Writes config/templates/bien-ban.docx, the minutes' template, which the office may then edit in Word.

    python -m scripts.make_minutes_template [FILE]

Placeholders are those of docs/reports.md. Page and letters as Nghị định 30/2020/NĐ-CP asks: A4, Times New
Roman, margins 20 mm, 30 mm on the left.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

TARGET = Path(__file__).resolve().parents[1] / "config" / "templates" / "bien-ban.docx"
FONT = "Times New Roman"
CENTRE, LEFT, BOTH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.JUSTIFY
FIGURES = (
    ("TT", "stt", 9), ("Điểm cầu", "ten", 44), ("Triệu tập", "trieu_tap", 16), ("Có mặt", "co_mat", 20),
    ("Đảng viên", "dang_vien", 15), ("Vắng có lý do", "co_ly_do", 16),
    ("Vắng không lý do", "khong_ly_do", 17), ("Tỷ lệ", "ty_le", 23),
)  # fmt: skip
PRESENCE = (
    ("TT", "stt", 10), ("Điểm cầu", "ten", 39), ("Vào", "vao", 14), ("Rời", "roi", 14),
    ("Gián đoạn", "gian_doan", 13), ("Tổng gián đoạn", "tong_gian_doan", 17), ("Tham dự", "tham_du", 16),
    ("Trạng thái, ghi chú", "trang_thai", 37),
)  # fmt: skip


def write(target: Path) -> None:
    """Makes the file."""
    document = Document()
    page(document, "Sự kiện {{ su_kien_cuoi }} · SHA-256 {{ ma_kiem_tra }}")
    letterhead(document)
    _opening(document)
    _body(document)
    signatures(document, ("THƯ KÝ", "CHỦ TRÌ HỘI NGHỊ"))
    _annex(document)
    about = document.core_properties
    about.author, about.title, about.comments = "", "Biên bản", ""
    about.created = about.modified = datetime(2026, 1, 1, tzinfo=UTC)
    target.parent.mkdir(parents=True, exist_ok=True)
    document.save(str(target))


def page(document: Any, below: str) -> None:
    """A4 with its margins and letters; `below`: the footer."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(20)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(13)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    normal.paragraph_format.space_after = Pt(4)
    normal.paragraph_format.space_before = Pt(0)
    footer = section.footer.paragraphs[0]
    _say(footer, below, size=8)


def _say(paragraph: Any, text: str, *, bold: bool = False, italic: bool = False, size: int = 13) -> Any:
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, Pt(size)
    return paragraph


def line(document: Any, text: str, align: Any = BOTH, **look: Any) -> Any:
    """A paragraph; returns it."""
    paragraph = _say(document.add_paragraph(), text, **look)
    paragraph.alignment = align
    return paragraph


def letterhead(document: Any) -> None:
    """Whose paper it is, on the left, and the motto, on the right."""
    table = document.add_table(rows=1, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    left, right = table.rows[0].cells
    _widths(table, (66, 94))
    _first(left, "{{ co_quan_cap_tren }}", size=13)
    _next(left, "{{ co_quan }}", bold=True, size=13)
    _next(left, "{% if la_dang %}*{% else %}_________{% endif %}", size=13)
    _first(right, "{{ tieu_ngu }}", bold=True, size=12)
    _next(right, "{{ tieu_ngu_2 }}", bold=True, size=13)
    _next(right, "{% if dia_danh %}{{ dia_danh }}, {% endif %}{{ ngay_thang }}", italic=True, size=13)


def _widths(table: Any, widths: Sequence[int]) -> None:
    """In mm: the grid for LibreOffice, the cells for Word."""
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)


def _first(cell: Any, text: str, **look: Any) -> None:
    paragraph = _say(cell.paragraphs[0], text, **look)
    paragraph.alignment, paragraph.paragraph_format.space_after = CENTRE, Pt(0)


def _next(cell: Any, text: str, **look: Any) -> None:
    paragraph = _say(cell.add_paragraph(), text, **look)
    paragraph.alignment, paragraph.paragraph_format.space_after = CENTRE, Pt(0)


def _opening(document: Any) -> None:
    title = line(document, "BIÊN BẢN", CENTRE, bold=True, size=15)
    title.paragraph_format.space_before, title.paragraph_format.space_after = Pt(14), Pt(0)
    line(document, "{{ loai_hoi_nghi }}", CENTRE, bold=True)
    line(document, "{{ tieu_de }}", CENTRE, bold=True)
    line(document, "{%p if so_van_ban %}")
    line(document, "(Văn bản số {{ so_van_ban }})", CENTRE, italic=True)
    line(document, "{%p endif %}")
    line(document, "{%p if tam_tinh %}")
    line(document, "{{ tam_tinh }}: hội nghị chưa kết thúc, số liệu lúc {{ lap_luc }}", CENTRE, bold=True)
    line(document, "{%p endif %}")


def _body(document: Any) -> None:
    line(document, "1. Thời gian: {{ thoi_gian }}; thời lượng {{ thoi_luong }}.")
    for each, word in (("giai_lao", ""), ("su_co", "sự cố ")):
        line(document, f"{{%p for viec in {each} %}}")
        line(document, f"- Không tính {word}{{{{ viec }}}}.")
        line(document, "{%p endfor %}")
    line(
        document,
        "2. Điểm cầu: {{ tong.ket_noi }}/{{ tong.diem_cau }} điểm cầu kết nối ({{ tong.ty_le_ket_noi }});"
        " {{ tong.da_bao }}/{{ tong.diem_cau }} điểm cầu đã báo số liệu.",
    )
    line(
        document,
        "3. Thành phần: triệu tập {{ tong.trieu_tap }} {{ nguoi }}; có mặt {{ tong.co_mat }}"
        "{% if not tong.du_so_lieu %}/{{ tong.trieu_tap_da_bao }} của các điểm cầu đã báo{% endif %},"
        " tỷ lệ {{ tong.ty_le }}"
        "{% if tong.khoang %} (trên toàn bộ: {{ tong.khoang }}){% endif %};"
        " vắng có lý do {{ tong.co_ly_do }}, vắng không lý do {{ tong.khong_ly_do }}.",
    )
    line(document, "4. Số liệu từng điểm cầu:").paragraph_format.keep_with_next = True
    total = ("", "Cộng", "{{ tong.trieu_tap }}", "{{ tong.co_mat }}", "{{ tong.dang_vien }}",
             "{{ tong.co_ly_do }}", "{{ tong.khong_ly_do }}", "{{ tong.ty_le }}")  # fmt: skip
    table(document, FIGURES, total)
    after = line(document, "{%p if nhan_xet %}")
    after.paragraph_format.space_before = Pt(6)
    line(document, "5. Nhận xét:").paragraph_format.keep_with_next = True
    line(document, "{%p endif %}")
    line(document, "{%p for cau in nhan_xet %}")
    line(document, "- {{ cau }}")
    line(document, "{%p endfor %}")
    line(document, "{%p if phat_bieu %}")
    line(
        document,
        "6. Phát biểu: {% for luot in phat_bieu %}{{ luot.ten }} ({{ luot.luc }}, {{ luot.trong }})"
        "{% if not loop.last %}; {% endif %}{% endfor %}.",
    )
    line(document, "{%p endif %}")


def signatures(document: Any, who: tuple[str, str]) -> None:
    """Two places to sign."""
    table = document.add_table(rows=1, cols=2)
    _keep_whole(table.rows[0])
    for cell, words in zip(table.rows[0].cells, who, strict=True):
        _first(cell, words, bold=True)
        _next(cell, "(Ký, ghi rõ họ tên)", italic=True, size=12)
        for _ in range(4):
            _next(cell, "")


def _annex(document: Any) -> None:
    heading = line(document, "PHỤ LỤC: THỜI GIAN KẾT NỐI", CENTRE, bold=True)
    heading.paragraph_format.page_break_before = True
    table(document, PRESENCE, None)
    note = line(
        document,
        "Giờ vào, giờ rời là giờ của kết nối đầu và cuối; thời lượng tham dự không tính giải lao và sự cố."
        " Bản quy tắc tính {{ quy_tac }}. Lập từ nhật ký tham dự lúc {{ lap_luc }}, hội nghị"
        " {{ ma_hoi_nghi }}, sự kiện {{ su_kien_cuoi }}, mã kiểm tra (SHA-256) {{ ma_kiem_tra }}.",
        LEFT,
        size=10,
    )
    note.paragraph_format.space_before = Pt(6)


def table(
    document: Any,
    columns: Sequence[tuple[str, str, int]],
    total: Sequence[str] | None,
    source: str = "diem_cau",
    size: int = 11,
) -> None:
    """One row for each of the list `source`, letters of `size` pt; columns: (heading, name, width in mm)."""
    table = document.add_table(rows=1, cols=len(columns))
    table.style, table.alignment = "Table Grid", WD_TABLE_ALIGNMENT.CENTER
    _row(table.rows[0], [heading for heading, _, _ in columns], columns, size, bold=True)
    repeated = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeated)
    _row(table.add_row(), [f"{{%tr for d in {source} %}}"], columns, size)
    _row(table.add_row(), [_cell(name) for _, name, _ in columns], columns, size)
    _row(table.add_row(), ["{%tr endfor %}"], columns, size)
    if total is not None:
        _row(table.add_row(), list(total), columns, size, bold=True)
    _widths(table, [width for _, _, width in columns])


def _cell(name: str) -> str:
    if name == "trang_thai":
        return "{{ d.trang_thai }}{% if d.ghi_chu %}. {{ d.ghi_chu }}{% endif %}"
    return f"{{{{ d.{name} }}}}"


def _row(
    row: Any, texts: Sequence[str], columns: Sequence[tuple[str, str, int]], size: int, bold: bool = False
) -> None:
    _keep_whole(row)
    for cell, (_, name, _width) in zip(row.cells, columns, strict=True):
        cell.paragraphs[0].alignment = LEFT if name in ("ten", "trang_thai") and not bold else CENTRE
        cell.paragraphs[0].paragraph_format.space_after = Pt(0)
    for cell, text in zip(row.cells, texts, strict=False):
        _say(cell.paragraphs[0], text, bold=bold, size=size)


def _keep_whole(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
