"""A table as CSV that Vietnamese Excel, LibreOffice and a program all read alike.

Rule 1: UTF-8 with BOM and RFC 4180 with CRLF; comma by default, semicolon on demand.
Rule 2: a time is `2026-11-23 07:58:12` and its heading names the zone; a span is h:mm:ss.
Rule 3: a share is a percentage whose decimal sign fits the separator: 93.1%, or 93,1% with semicolons.
"""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

from coordinator.reports.cells import Cell, Kind, Table, local_time, percent_text, span_text

SEPARATORS = {"comma": ",", "semicolon": ";"}


def write(table: Table, zone: ZoneInfo, separator: str = "comma") -> bytes:
    """The whole file.

    Raises:
        KeyError: `separator` is not one of SEPARATORS.
    """
    sign = SEPARATORS[separator]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, lineterminator="\r\n")
    writer.writerow(column.titled(zone) for column in table.columns)
    for row in table.rows:
        pairs = zip(table.columns, row, strict=True)
        writer.writerow(_text(cell, column.kind, zone, sign) for column, cell in pairs)
    return text.getvalue().encode("utf-8-sig")


def _text(cell: Cell, kind: Kind, zone: ZoneInfo, sign: str) -> str:
    if isinstance(cell, str):
        return cell
    if kind is Kind.TIME:
        return f"{local_time(int(cell), zone):%Y-%m-%d %H:%M:%S}"
    if kind is Kind.SPAN:
        return span_text(int(cell))
    if kind is Kind.SHARE:
        percent = f"{percent_text(float(cell))}%"
        return percent.replace(".", ",") if sign == ";" else percent
    return str(cell)
