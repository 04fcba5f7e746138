"""Rates over many briefings."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl
import pytest

from coordinator.domain.attendance_types import Attendance
from coordinator.reports import held, participation, words
from coordinator.reports.cells import Cell
from coordinator.reports.held import Held, Share
from tests.reports.samples import ZONE, attendance, present_site, site


def of(*attendances: Attendance) -> list[Held]:
    return [held.of_attendance(each, ZONE) for each in attendances]


def old(day: str, present: int | None, code: str = "xa-ban-thi", kind: str = "class") -> Held:
    return held.of_import(day, "Cũ", kind, (Share(code, "Xã Bản Thi", 30, present, None),))


def row_of(code: str, rows: tuple[tuple[Cell, ...], ...]) -> tuple[Cell, ...]:
    return next(row for row in rows if row[1] == code)


def test_a_briefing_that_a_site_did_not_report_is_in_neither_side_of_its_rate() -> None:
    found = of(attendance(present_site()), attendance(site("xa-ban-thi", "Xã Bản Thi", status=("late",))))

    row = row_of("xa-ban-thi", participation.by_site(found).rows)

    assert row[3:9] == (2, 1, 1, 34, 31, 31 / 34)


def test_a_site_that_never_reported_has_no_rate() -> None:
    row = row_of("xa-bang-lang", participation.by_site(of(attendance())).rows)

    assert row[3:9] == (1, 0, 0, "chưa có số liệu", "chưa có số liệu", "chưa có số liệu")


def test_what_was_imported_is_never_in_a_recorded_rate() -> None:
    found = [old("2019-05-14", 15), *of(attendance(present_site()))]

    (rates,) = held.rates(found, 0.9)

    assert (rates.rate, rates.earlier.rate, rates.below) == (31 / 34, 15 / 30, 0)
    assert rates.course == [0.5, 31 / 34]
    assert participation.by_site(found).rows[0][8:] == (31 / 34, 0, 0.5, "")
    assert [(group.name, group.imported, group.rate) for group in held.months(found)] == [
        ("2019-05", True, 0.5), ("2026-11", False, 31 / 34),
    ]  # fmt: skip
    assert [(group.name, group.imported) for group in held.kinds(found)] == [
        ("class", True),
        ("resolution", False),
    ]


def test_a_month_that_has_both_keeps_them_apart() -> None:
    found = [old("2026-11-02", 30), *of(attendance(present_site()))]

    table = participation.by_site_and_month(found)

    assert [column.heading for column in table.columns[2:]] == ["2026-11 (số liệu nhập)", "2026-11"]
    assert table.rows[0][2:] == (1.0, 31 / 34)


def test_sites_under_the_threshold_come_lowest_first() -> None:
    low = site("xa-a", "Xã A", present=17, rate=0.5)
    lower = site("xa-b", "Xã B", present=10, rate=10 / 34)
    found = of(attendance(present_site(), low, lower))

    assert [row[1] for row in participation.low(found, 0.9).rows] == ["xa-b", "xa-a"]
    assert participation.low(found, 0.9).name == "Dưới 90%"
    assert [site.below for site in held.rates(found, 0.9)] == [0, 1, 1]


def recorded(*present: int) -> list[Held]:
    """As many briefings of this system, Bản Thi with so many of 34 there."""
    return of(*(attendance(site("xa-ban-thi", "Xã Bản Thi", present=count)) for count in present))


def test_the_change_is_the_last_three_against_the_first_three() -> None:
    (rates,) = held.rates(recorded(17, 17, 17, 17, 34, 34, 34))

    assert rates.ends == (0.5, 1.0)
    assert rates.change == pytest.approx(0.5)
    assert held.rates(recorded(17, 17, 17, 34, 34))[0].change is None


def test_what_was_imported_has_no_part_in_the_change() -> None:
    earlier = [old(f"2019-0{month}-01", 3) for month in range(1, 7)]

    assert held.rates(earlier)[0].change is None
    assert held.rates([*earlier, *recorded(17, 17, 17, 34, 34, 34)])[0].ends == (0.5, 1.0)


def test_who_made_it_up_later_is_summed_apart_and_in_no_rate() -> None:
    made_up = site("xa-ban-thi", "Xã Bản Thi", present=30, made_up=3, unexcused=4)
    found = of(attendance(made_up), attendance(present_site()), attendance(replace(made_up, made_up=1)))

    (rates,) = held.rates(found)

    assert (rates.present, rates.rate, rates.made_up) == (91, 91 / 102, 4)
    assert (held.months(found)[0].made_up, held.kinds(found)[0].made_up) == (4, 4)
    assert participation.by_site(found).rows[0][-1] == 4
    assert participation.by_month(found).rows[0][-3:] == (91 / 102, 4, "nhật ký")
    assert held.rates(of(attendance(present_site())))[0].made_up is None


def test_causes_are_what_the_log_says_and_how_often_the_rate_was_low_with_them() -> None:
    low = site("xa-a", "Xã A", status=("late", "interrupted"), present=17, rate=0.5, unexcused=2)
    good = site("xa-b", "Xã B", status=("late",), present=34, rate=1.0)
    found = [old("2019-05-14", 15), *of(attendance(low, good), attendance(low, site("xa-c", "Xã C")))]

    told = {cause.code: (cause.times, cause.below, cause.sites) for cause in held.causes(found, 0.9)}

    assert told == {
        "not_connected": (1, 0, 1), "interrupted": (2, 2, 1), "late": (3, 2, 2), "unreported": (1, 0, 1),
        "unexcused": (2, 2, 1),
    }  # fmt: skip
    assert participation.by_cause(found, 0.9).rows[1] == ("Bị gián đoạn (mất điện, mất mạng)", 2, 2, 1)
    assert set(held.CAUSES) == set(words.CAUSE)


def test_a_day_is_a_day_of_the_office() -> None:
    evening = attendance(
        window=attendance().window.__class__(60, 1_795_370_400_000, None, None)
    )  # 01:00 in Vietnam

    assert of(evening)[0].day == "2026-11-23"


def test_the_workbook_names_what_each_briefing_rests_on() -> None:
    found = [old("2019-05-14", None), *of(attendance(provisional=True))]
    book = openpyxl.load_workbook(io.BytesIO(participation.workbook(found, ZONE)))

    imported, recorded = ([cell.value for cell in row] for row in list(book["Theo hội nghị"].rows)[1:])
    assert recorded[2] == "Quán triệt Nghị quyết (TẠM TÍNH)"
    assert recorded[-3:] == ["nhật ký", 41, attendance().head_hash]
    assert imported[-3:] == ["số liệu nhập", None, None]
    assert imported[7] == "chưa có số liệu"
    assert book.sheetnames == [
        "Theo điểm cầu", "Theo hội nghị", "Điểm cầu theo tháng", "Xu hướng", "Theo loại", "Dưới 90%",
        "Nguyên nhân",
    ]  # fmt: skip
