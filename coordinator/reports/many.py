"""Many briefings as a document in words: what the template of the report over many is filled with.

Rule 1: as in document.py: every value is finished text under a Vietnamese name that is never renamed.
Rule 2: what was imported has sums and rows of its own that say so (held.py, rule 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from coordinator.reports import held as figures
from coordinator.reports import words
from coordinator.reports.cells import local_time, percent_text
from coordinator.reports.document import Words, heading
from coordinator.reports.held import Group, Held, SiteRates, Sums
from coordinator.reports.letterhead import Letterhead
from coordinator.reports.phrases import long_day, number, percent, percent_under, plain

IMPORTED = "số liệu nhập"


def of(held: Sequence[Held], paper: Letterhead, zone: ZoneInfo, at_ms: int, threshold: float) -> Words:
    """All words; `held` oldest first, `at_ms`: when it is made, UTC, `threshold` 0..1."""
    sites = figures.rates(held, threshold)
    return {
        **_head(held, paper, zone, at_ms),
        "nguong": f"{threshold * 100:g} %".replace(".", ","),
        "so_diem_cau": number(len(sites)),
        "tong": _sums([one for one in held if not one.imported]),
        "nhap": _sums([one for one in held if one.imported]),
        "diem_cau": [_site(place, site) for place, site in enumerate(sites, 1)],
        "duoi_nguong": [_low(site, threshold) for site in figures.under(sites, threshold)],
        "thang": [_group(group, _month(group.name)) for group in figures.months(held)],
        "loai_hinh": [_group(group, _kind(group.name)) for group in figures.kinds(held)],
        "nguyen_nhan": [_cause(cause) for cause in figures.causes(held, threshold)],
        "thay_doi": _changes(sites),
        "hoi_nghi": [_briefing(place, one) for place, one in enumerate(held, 1)],
    }


def _head(held: Sequence[Held], paper: Letterhead, zone: ZoneInfo, at_ms: int) -> Words:
    made = local_time(at_ms, zone)
    kinds = {one.kind for one in held}
    return {
        **heading(paper),
        "ngay_thang": long_day(made),
        "lap_luc": f"{made:%H:%M} ngày {made.day}/{made.month}/{made.year}",
        "tam_tinh": words.PROVISIONAL if any(one.provisional for one in held) else "",
        "loai": _kind(held[0].kind) if len(kinds) == 1 else "",
        "tu_ngay": _day(held[0].day) if held else "",
        "den_ngay": _day(held[-1].day) if held else "",
    }


def _sums(held: Sequence[Held]) -> Words:
    total = Sums()
    for one in held:
        for site in one.sites:
            total.add(site)
    return {"hoi_nghi": number(len(held)), "co": bool(held), **_persons(total)}


def _persons(sums: Sums) -> Words:
    known = sums.reported > 0
    return {
        "trieu_tap": number(sums.expected if known else None),
        "co_mat": number(sums.present if known else None),
        "ty_le": percent(sums.rate),
        "xem_lai": number(sums.made_up, ""),
    }


def _site(place: int, site: SiteRates) -> Words:
    return {
        "stt": str(place),
        "ma": plain(site.code),
        "ten": plain(site.name),
        "hoi_nghi": f"{number(site.reported)}/{number(site.summoned)}",
        "ket_noi": number(site.connected),
        "so_lan_duoi": number(site.below),
        "truoc_day": percent(site.earlier.rate, ""),
        **_persons(site),
    }


def _low(site: SiteRates, threshold: float) -> Words:
    times = f"{number(site.below)}/{number(site.reported)}"
    return {"ten": plain(site.name), "ty_le": percent_under(site.rate or 0, threshold), "so_lan": times}


def _group(group: Group, name: str) -> Words:
    source = IMPORTED if group.imported else ""
    return {"ten": name, "hoi_nghi": number(group.briefings), "nguon": source, **_persons(group)}


def _cause(cause: figures.Cause) -> Words:
    return {
        "ten": words.CAUSE.get(cause.code, cause.code),
        "so_lan": number(cause.times),
        "so_lan_duoi": number(cause.below),
        "diem_cau": number(cause.sites),
    }


def _changes(sites: Sequence[SiteRates]) -> list[Words]:
    """The sites with a first three and a last three, the largest rise first."""
    known = [(site.ends, site) for site in sites if site.ends is not None]
    ordered = sorted(known, key=lambda pair: (pair[0][0] - pair[0][1], pair[1].code))
    return [
        {
            "ten": plain(site.name),
            "truoc": percent(before),
            "nay": percent(now),
            "tang": _signed(now - before),
        }
        for (before, now), site in ordered
    ]


def _signed(change: float) -> str:
    """+2,5 or −2,5: percentage points."""
    return f"{'−' if change < 0 else '+'}{percent_text(abs(change))}".replace(".", ",")


def _briefing(place: int, one: Held) -> Words:
    totals = one.totals
    title = plain(one.title)
    return {
        "stt": str(place),
        "ngay": _day(one.day),
        "ten": f"{title} ({words.PROVISIONAL})" if one.provisional else title,
        "loai": _kind(one.kind),
        "ket_noi": IMPORTED if one.imported else f"{totals['sites_connected']}/{totals['sites_expected']}",
        "da_bao": f"{totals['sites_reported']}/{totals['sites_expected']}",
        "trieu_tap": number(totals["expected"]),
        "co_mat": number(totals["present"]),
        "ty_le": percent(totals["rate"]),
        "xem_lai": number(totals.get("made_up"), ""),
        "su_kien": number(one.head_seq) if one.head_seq else "",
        "ma_kiem_tra": one.head_hash,
    }


def _kind(name: str) -> str:
    return words.KIND.get(name, plain(name))


def _day(text: str) -> str:
    """5/2/2021."""
    day = date.fromisoformat(text)
    return f"{day.day}/{day.month}/{day.year}"


def _month(text: str) -> str:
    """2/2021."""
    year, month = text.split("-")
    return f"{int(month)}/{year}"
