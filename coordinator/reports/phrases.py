"""Figures as Vietnamese text: decimal comma, dot for thousands, 08 giờ 00, 2 giờ 37 phút."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

from coordinator.reports import words
from coordinator.reports.cells import local_time, percent_text


def number(count: int | None, unknown: str = words.UNKNOWN) -> str:
    """1.234; `unknown` for None."""
    return unknown if count is None else f"{count:,}".replace(",", ".")


def percent(share: float | None, unknown: str = words.UNKNOWN) -> str:
    """93,1 %; `unknown` for None."""
    return unknown if share is None else f"{percent_text(share)} %".replace(".", ",")


def percent_under(share: float, limit: float) -> str:
    """A share under the limit with as many decimals as show that it is: 89,96 %, not 90,0 % under 90 %."""
    places = 1
    while places < 6 and float(percent_text(share, places)) >= round(limit * 100, 9):
        places += 1
    return f"{percent_text(share, places)} %".replace(".", ",")


def length(seconds: int) -> str:
    """2 giờ 37 phút; seconds only under ten minutes."""
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = ((hours, "giờ"), (minutes, "phút"), (rest if seconds < 600 else 0, "giây"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 giây"


def clock(utc_ms: int, zone: ZoneInfo) -> str:
    """08 giờ 00."""
    return f"{local_time(utc_ms, zone):%H giờ %M}"


def day(utc_ms: int, zone: ZoneInfo) -> str:
    """25/3/2021."""
    at = local_time(utc_ms, zone)
    return f"{at.day}/{at.month}/{at.year}"


def long_day(at: datetime) -> str:
    """ngày 25 tháng 3 năm 2021; days under 10 and January, February with a nought, as the decree asks."""
    month = f"{at.month:02}" if at.month < 3 else f"{at.month}"
    return f"ngày {at.day:02} tháng {month} năm {at.year}"


def listed(names: list[str]) -> str:
    """a; b; c."""
    return "; ".join(names)


def plain(text: str) -> str:
    """NFC, one line, no control characters: for documents, where nothing can run."""
    kept = "".join(letter if unicodedata.category(letter) not in ("Cc", "Cs") else " " for letter in text)
    return " ".join(unicodedata.normalize("NFC", kept).split())
