"""Reads a roster: names and posts out of XLSX, CSV, or cells pasted from a spreadsheet.

Rule 1: headings are optional; with them the columns are found by name, without them the first two count.
Rule 2: an empty line is passed over; a line with a post and no name, letters that no name has, or the same
name with the same post again, is refused with its row and column as the spreadsheet shows them, and then
nothing is taken in.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from coordinator.web import bodies
from coordinator.web.errors import BadRequest

MOST_BYTES = 2_000_000
MOST_ROWS = 5_000
_NAMES = ("họ và tên", "họ tên", "tên", "name")
_POSTS = ("chức vụ", "chức danh", "post", "position")


def read(raw: bytes) -> list[tuple[str, str]]:
    """(name, post) each, "" where there is no post.

    Raises:
        BadRequest: roster_unreadable; bad_roster (line, column, problem).
    """
    try:
        rows = _workbook(raw) if raw.startswith(b"PK") else _text(raw)
    except (ValueError, KeyError, OSError, csv.Error, zipfile.BadZipFile):
        raise BadRequest("roster_unreadable") from None
    cells = [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
    name_at, post_at, first = _columns(cells[0] if cells else [])
    people: dict[tuple[str, str], None] = {}
    for line, row in enumerate(cells[first:], start=first + 1):
        if not any(row):
            continue
        person = (_cell(line, row, name_at), _cell(line, row, post_at) if _at(row, post_at) else "")
        if person in people:  # would be counted as one: tell them apart by their posts
            raise _refused(line, name_at, "twice")
        people[person] = None
    return list(people)


def _workbook(raw: bytes) -> list[list[Any]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > 20 * MOST_BYTES:
            raise ValueError("too large when unpacked")
    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    try:
        return [list(row) for row in book.worksheets[0].iter_rows(max_row=MOST_ROWS, values_only=True)]
    finally:
        book.close()


def _text(raw: bytes) -> list[list[Any]]:
    text = raw.decode("utf-8-sig")
    first = text.split("\n", 1)[0]
    sign = max("\t;,", key=first.count)
    return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign)][:MOST_ROWS]


def _columns(head: list[str]) -> tuple[int, int, int]:
    """Places of name and post, and the first line below the headings."""
    words = [cell.casefold() for cell in head]
    names = [place for place, word in enumerate(words) if word in _NAMES]
    posts = [place for place, word in enumerate(words) if word in _POSTS]
    if not names:
        return 0, 1, 0
    return names[0], posts[0] if posts else len(head), 1


def _at(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _cell(line: int, row: list[str], place: int) -> str:
    try:
        return bodies.clean_text("cell", _at(row, place), 100)
    except BadRequest as problem:
        raise _refused(line, place, str(problem.details["problem"])) from None


def _refused(line: int, place: int, problem: str) -> BadRequest:
    return BadRequest("bad_roster", line=line, column=get_column_letter(place + 1), problem=problem)
