"""Rates over many briefings as tables: by site, by site and month, over time, by kind, under the threshold.

Rule 1: what was imported stands in rows and columns of its own that say so (held.py, rule 2).
Rule 2: who made a briefing up later is counted in a column of its own, in no rate (held.py, rule 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from coordinator.reports import words
from coordinator.reports.cells import Cell, Column, Kind, Table, clean
from coordinator.reports.held import Group, Held, SiteRates, Sums, causes, kinds, months, rates, under
from coordinator.reports.xlsx_file import write_tables

__all__ = [
    "by_briefing", "by_cause", "by_kind", "by_month", "by_site", "by_site_and_month", "low", "rates",
    "workbook",
]  # fmt: skip

THRESHOLD = 0.9
IMPORTED = "số liệu nhập"
_MADE_UP = Column("Xem lại sau (không tính vào tỷ lệ)", Kind.WHOLE, 16)
SITE_COLUMNS = (
    Column("STT", Kind.WHOLE, 5),
    Column("Mã", width=16),
    Column("Điểm cầu", width=28),
    Column("Số hội nghị triệu tập", Kind.WHOLE, 14),
    Column("Số hội nghị kết nối", Kind.WHOLE, 14),
    Column("Số hội nghị có số liệu", Kind.WHOLE, 14),
    Column("Triệu tập", Kind.WHOLE, 15),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Tỷ lệ", Kind.SHARE, 15),
    Column("Số hội nghị dưới ngưỡng", Kind.WHOLE, 14),
    Column("Tỷ lệ các năm trước (số liệu nhập)", Kind.SHARE, 18),
    _MADE_UP,
)

BRIEFING_COLUMNS = (
    Column("STT", Kind.WHOLE, 5),
    Column("Mã hội nghị", width=16),
    Column("Hội nghị", width=50),
    Column("Loại", width=22),
    Column("Ngày", width=12),
    Column("Bắt đầu", Kind.TIME, 20),
    Column("Điểm cầu triệu tập", Kind.WHOLE, 12),
    Column("Điểm cầu kết nối", Kind.WHOLE, 12),
    Column("Điểm cầu có số liệu", Kind.WHOLE, 12),
    Column("Triệu tập", Kind.WHOLE, 12),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Tỷ lệ của điểm cầu có số liệu", Kind.SHARE, 16),
    _MADE_UP,
    Column("Nguồn", width=14),
    Column("Sự kiện cuối", Kind.WHOLE, 12),
    Column("Mã kiểm tra (SHA-256)", width=66),
)

_SUMS = (
    Column("Số hội nghị", Kind.WHOLE, 12),
    Column("Triệu tập", Kind.WHOLE, 15),
    Column("Có mặt", Kind.WHOLE, 15),
    Column("Tỷ lệ", Kind.SHARE, 15),
    _MADE_UP,
    Column("Nguồn", width=14),
)


def by_site(held: Sequence[Held], threshold: float = THRESHOLD) -> Table:
    """One row a site."""
    rows = tuple(_site_row(place, site) for place, site in enumerate(rates(held, threshold), start=1))
    return Table("Theo điểm cầu", SITE_COLUMNS, rows)


def by_site_and_month(held: Sequence[Held]) -> Table:
    """One row a site, one column a month: its rate in it."""
    spans = [(group.name, group.imported) for group in months(held)]
    columns = tuple(
        Column(f"{month} ({IMPORTED})" if imported else month, Kind.SHARE, 12) for month, imported in spans
    )
    rows = tuple(
        (clean(site.code), clean(site.name), *(_rate(site.months.get(span), "") for span in spans))
        for site in rates(held)
    )
    return Table(
        "Điểm cầu theo tháng", (Column("Mã", width=16), Column("Điểm cầu", width=28), *columns), rows
    )


def by_briefing(held: Sequence[Held]) -> Table:
    """One row a briefing, with the event and hash its figures rest on."""
    rows = tuple(_briefing_row(place, each) for place, each in enumerate(held, start=1))
    return Table("Theo hội nghị", BRIEFING_COLUMNS, rows)


def by_month(held: Sequence[Held]) -> Table:
    """The trend: one row a month."""
    rows = tuple((group.name, *_group(group)) for group in months(held))
    return Table("Xu hướng", (Column("Tháng", width=12), *_SUMS), rows)


def by_kind(held: Sequence[Held]) -> Table:
    """One row a kind of briefing."""
    rows = tuple((words.KIND.get(group.name, clean(group.name)), *_group(group)) for group in kinds(held))
    return Table("Theo loại", (Column("Loại", width=24), *_SUMS), rows)


def low(held: Sequence[Held], threshold: float = THRESHOLD) -> Table:
    """The sites under the threshold, the lowest first."""
    found = under(rates(held, threshold), threshold)
    name = f"Dưới {threshold * 100:g}%".replace(".", ",")
    return Table(
        name, SITE_COLUMNS, tuple(_site_row(place, site) for place, site in enumerate(found, start=1))
    )


def by_cause(held: Sequence[Held], threshold: float = THRESHOLD) -> Table:
    """What the log holds against low rates: how often, how often under the threshold, at how many sites."""
    rows = tuple(
        (words.CAUSE.get(cause.code, cause.code), cause.times, cause.below, cause.sites)
        for cause in causes(held, threshold)
    )
    columns = (
        Column("Nguyên nhân", width=44),
        Column("Số lượt điểm cầu", Kind.WHOLE, 14),
        Column("Trong đó dưới ngưỡng", Kind.WHOLE, 14),
        Column("Số điểm cầu", Kind.WHOLE, 12),
    )
    return Table("Nguyên nhân", columns, rows)


def workbook(held: Sequence[Held], zone: ZoneInfo, threshold: float = THRESHOLD) -> bytes:
    """All tables as XLSX."""
    tables = (
        by_site(held, threshold), by_briefing(held), by_site_and_month(held), by_month(held), by_kind(held),
        low(held, threshold), by_cause(held, threshold),
    )  # fmt: skip
    return write_tables(tables, zone)


def _site_row(place: int, site: SiteRates) -> tuple[Cell, ...]:
    counts = (site.expected, site.present) if site.reported else (words.UNKNOWN, words.UNKNOWN)
    return (
        place,
        clean(site.code),
        clean(site.name),
        site.summoned,
        site.connected,
        site.reported,
        *counts,
        _rate(site),
        site.below,
        _rate(site.earlier, "" if not site.earlier.summoned else words.UNKNOWN),
        _made_up(site.made_up),
    )


def _rate(sums: Sums | None, word: str = words.UNKNOWN) -> Cell:
    return word if sums is None or sums.rate is None else sums.rate


def _group(group: Group) -> tuple[Cell, ...]:
    counts = (group.expected, group.present) if group.reported else (words.UNKNOWN, words.UNKNOWN)
    return (group.briefings, *counts, _rate(group), _made_up(group.made_up), _source(group.imported))


def _made_up(persons: int | None) -> Cell:
    """Empty where nobody noted any."""
    return "" if persons is None else persons


def _source(imported: bool) -> str:
    return IMPORTED if imported else "nhật ký"


def _known(value: float | None) -> Cell:
    return words.UNKNOWN if value is None else value


def _briefing_row(place: int, one: Held) -> tuple[Cell, ...]:
    totals, title = one.totals, clean(one.title)
    return (
        place,
        "" if one.imported else one.id,
        f"{title} ({words.PROVISIONAL})" if one.provisional else title,
        words.KIND.get(one.kind, clean(one.kind)),
        one.day,
        "" if one.started_ms is None else one.started_ms,
        *(_known(totals[f"sites_{what}"]) for what in ("expected", "connected", "reported")),
        totals["expected"],
        _known(totals["present"]),
        _known(totals["rate"]),
        _made_up(totals.get("made_up")),
        _source(one.imported),
        one.head_seq or "",
        one.head_hash,
    )
