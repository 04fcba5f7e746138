"""A report's table before it is written: columns of a known kind and rows of plain values.

Rule 1: a table holds values (UTC ms, seconds, shares 0..1, numbers); only a writer turns them into text.
Rule 2: any cell may hold a word instead of its column's value ("chưa có số liệu"): unknown is never zero.
Rule 3: every text passes `clean`: no writer meets a formula, a control character or a decomposed letter.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from zoneinfo import ZoneInfo

Cell = str | int | float

# What a spreadsheet may take for a formula, also behind blanks; OWASP, CSV injection.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Kind(Enum):
    """What a column's numbers mean. WHOLE: an integer; TIME: UTC ms; SPAN: seconds; SHARE: 0..1."""

    TEXT = "text"
    WHOLE = "whole"
    TIME = "time"
    SPAN = "span"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in characters, for spreadsheets."""

    heading: str
    kind: Kind = Kind.TEXT
    width: int = 12

    def titled(self, zone: ZoneInfo) -> str:
        """The heading as printed: times name their zone."""
        return f"{self.heading} ({zone.key})" if self.kind is Kind.TIME else self.heading


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the sheet's name. Each row has one cell a column."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def clean(text: str) -> str:
    """NFC, no control characters or lone surrogates, and an apostrophe before what could run as a formula."""
    kept = unicodedata.normalize("NFC", "".join(char for char in text if _printable(char)))
    bare = kept.lstrip(" \u00a0\u3000\ufeff")
    return f"'{kept}" if bare.startswith(_FORMULA_STARTS) else kept


def local_time(utc_ms: int, zone: ZoneInfo) -> datetime:
    """The wall clock of `zone` at `utc_ms`, cut to whole seconds, naive: the heading above names the zone."""
    return datetime.fromtimestamp(utc_ms // 1000, UTC).astimezone(zone).replace(tzinfo=None)


def percent_text(share: float, places: int = 1) -> str:
    """A share 0..1 in percent without the sign, decimal point; halves go up, as spreadsheets and the pages
    round them: 13 of 16 are 81.3."""
    exact = Decimal(str(round(share * 100, 9)))  # 23 of 80 are 28.75, not 28.749999999999996
    return str(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def span_text(seconds: int) -> str:
    """Seconds as h:mm:ss, hours without bound."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _printable(char: str) -> bool:
    return char in "\t\r\n" or unicodedata.category(char) not in ("Cc", "Cs")
