"""Reads figures of earlier years from a spreadsheet: XLSX or CSV, one row a site at one briefing.

Rule 1: columns are found by their headings, in Vietnamese or English, in any order; what is not asked for is
left alone.
Rule 2: nothing is guessed: every cell that cannot be read is a problem with its row and column; all of them
are told at once, and with one of them nothing is taken in.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import openpyxl
from openpyxl.utils import get_column_letter

from coordinator.config import Config
from coordinator.config_source import Problems
from coordinator.domain.errors import StorageError
from coordinator.storage.history_import import Figure

T = TypeVar("T")
MAX_BYTES = 20_000_000
MAX_ROWS = 200_000
HEADINGS = {
    "date": ("ngày", "ngày họp", "date"),
    "title": ("hội nghị", "tên hội nghị", "nội dung", "title"),
    "kind": ("loại", "loại hội nghị", "kind"),
    "code": ("mã", "mã điểm cầu", "code"),
    "name": ("điểm cầu", "tên điểm cầu", "đơn vị", "site", "name"),
    "expected": ("triệu tập", "số triệu tập", "expected"),
    "present": ("có mặt", "số có mặt", "present"),
}
KINDS = {
    "quán triệt nghị quyết": "resolution", "hội nghị quán triệt": "resolution", "resolution": "resolution",
    "lớp bồi dưỡng": "class", "lớp": "class", "class": "class",
    "họp giao ban": "meeting", "giao ban": "meeting", "họp": "meeting", "meeting": "meeting",
}  # fmt: skip
_UNKNOWN = ("", "-", "chưa có số liệu", "không rõ")


def read(path: Path, config: Config) -> list[Figure]:
    """All rows of the first sheet.

    Raises:
        StorageError: cannot_read. ConfigError: what is wrong, by row and column.
    """
    problems = Problems(path)
    rows = _rows(path)
    found = _Sheet(rows[0] if rows else [], config, problems)
    figures = [
        figure
        for line, row in enumerate(rows[1:], 2)
        if any(_text(cell) for cell in row) and (figure := found.figure(line, row)) is not None
    ]
    _find_twice(figures, problems)
    problems.raise_any()
    return figures


def _rows(path: Path) -> list[list[Any]]:
    """The cells as they are: text, numbers and dates.

    Raises:
        StorageError: cannot_read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StorageError("cannot_read", file=str(path), problem=f"> {MAX_BYTES} bytes")
        raw = path.read_bytes()
        return _workbook(raw) if raw.startswith(b"PK") else _csv(raw)
    except StorageError:
        raise
    except OSError as problem:
        raise StorageError("cannot_read", file=str(path), problem=problem.strerror or "?") from problem
    except (ValueError, KeyError, csv.Error, zipfile.BadZipFile) as problem:
        raise StorageError("cannot_read", file=str(path), problem=str(problem)[:200]) from problem


def _workbook(raw: bytes) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    try:
        return [list(row) for row in book.worksheets[0].iter_rows(max_row=MAX_ROWS, values_only=True)]
    finally:
        book.close()


def _csv(raw: bytes) -> list[list[Any]]:
    text = raw.decode("utf-8-sig")
    first = text.split("\n", 1)[0]
    sign = max(",;\t", key=first.count)
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign)][:MAX_ROWS]


class _Sheet:
    """The columns of one file, and how its rows become figures."""

    def __init__(self, headings: Sequence[Any], config: Config, problems: Problems) -> None:
        self._problems = problems
        self._by_name = {_folded(site.name): site for site in config.sites}
        self._config = config
        self._headings = [_text(heading) for heading in headings]
        folded = [_folded(heading) for heading in self._headings]
        self._places = {
            what: folded.index(word)
            for what, words in HEADINGS.items()
            for word in words[::-1]
            if word in folded
        }
        for what in ("date", "title", "kind", "expected", "present"):
            self._require(what)
        if "code" not in self._places:
            self._require("name")

    def _require(self, what: str) -> None:
        if what not in self._places:
            self._problems.add("import_no_column", 1, name=HEADINGS[what][0], known=", ".join(HEADINGS[what]))

    def figure(self, line: int, row: Sequence[Any]) -> Figure | None:
        """One row, or None where something is wrong with it."""
        held_on = self._read(line, row, "date", _day)
        title = self._read(line, row, "title", _some_text)
        kind = self._read(line, row, "kind", _kind)
        expected = self._read(line, row, "expected", _count)
        present = self._read(line, row, "present", _count_or_none, empty=True)
        site = self._site(line, row)
        if held_on is None or title is None or kind is None or expected is None or site is None:
            return None
        if present is not None and present > 2 * max(expected, 1):
            self._wrong(line, "present", "import_too_many", f"{present} > {expected}")
            return None
        return Figure(line, held_on, title, kind, *site, expected, present)

    def _cell(self, row: Sequence[Any], what: str) -> Any:
        place = self._places.get(what)
        return row[place] if place is not None and place < len(row) else None

    def _read(
        self, line: int, row: Sequence[Any], what: str, judge: Callable[[Any], T], empty: bool = False
    ) -> T | None:
        if what not in self._places:
            return None  # told once already
        cell = self._cell(row, what)
        if not empty and _text(cell) == "":
            self._wrong(line, what, "import_empty", "")
            return None
        try:
            return judge(cell)
        except ValueError:
            self._wrong(line, what, f"import_bad_{what}", _text(cell))
            return None

    def _site(self, line: int, row: Sequence[Any]) -> tuple[str, str] | None:
        """(code, name): of the configuration, or of a site that is no more, which needs both."""
        code, name = _text(self._cell(row, "code")), _text(self._cell(row, "name"))
        known = self._config.site(code) if code else self._by_name.get(_folded(name))
        if known is not None:
            return known.code, known.name
        if code and name and code.isascii() and code.replace("-", "").isalnum() and code == code.lower():
            return code, name
        if "code" in self._places or "name" in self._places:
            what = "code" if code or "name" not in self._places else "name"
            self._wrong(line, what, "import_no_site", code or name)
        return None

    def _wrong(self, line: int, what: str, code: str, value: str) -> None:
        place = self._places[what]
        self._problems.add(
            code, line, f"{get_column_letter(place + 1)} ({self._headings[place]})", value=value
        )


def _find_twice(figures: Iterable[Figure], problems: Problems) -> None:
    first: dict[tuple[str, str, str], int] = {}
    for one in figures:
        key = (one.held_on, one.title, one.site)
        if first.setdefault(key, one.line) != one.line:
            problems.add("import_twice", one.line, value=one.site_name, first=first[key])


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return " ".join(unicodedata.normalize("NFC", str(cell)).split())


def _folded(text: str) -> str:
    return _text(text).casefold()


def _some_text(cell: Any) -> str:
    text = _text(cell)
    if len(text) > 300 or not text.isprintable():
        raise ValueError(text)
    return text


def _day(cell: Any) -> str:
    """A date cell, 2020-05-14, 14/5/2020 or 14-5-2020, not in the future."""
    if isinstance(cell, datetime):
        found = cell.date()
    elif isinstance(cell, date):
        found = cell
    else:
        parts = _text(cell).replace("-", "/").replace(".", "/").split("/")
        numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
        if len(numbers) != 3 or len(parts) != 3:
            raise ValueError(cell)
        year, month, day = numbers if len(parts[0]) == 4 else reversed(numbers)
        found = date(year, month, day)
    if not 1990 <= found.year <= 2100:
        raise ValueError(cell)
    return found.isoformat()


def _kind(cell: Any) -> str:
    kind = KINDS.get(_folded(cell))
    if kind is None:
        raise ValueError(cell)
    return kind


def _count(cell: Any) -> int:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = _text(cell)
    if isinstance(cell, bool) or not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError(cell)
    return int(text)


def _count_or_none(cell: Any) -> int | None:
    return None if _folded(cell) in _UNKNOWN else _count(cell)
