"""Rates over many briefings, and the list that finds one among many."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from playwright.async_api import Page, expect

from coordinator import clock
from coordinator.storage import history_import
from coordinator.storage.history_import import Figure
from coordinator.web import participation
from tests.pages.test_report_page import held
from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def earlier(rig: Rig) -> None:
    """Two briefings of 2025 from a spreadsheet: one site well over, one well under 90 %."""
    figures = [
        Figure(line, f"2025-{month}-14", f"Hội nghị tháng {month}", "class", code, code, 40, present)
        for line, (month, code, present) in enumerate(
            [("03", ALFA, 40), ("03", BRAVO, 30), ("05", ALFA, 39), ("05", BRAVO, 34)], start=2
        )
    ]
    services = rig.services
    await services.write(history_import.add, services.store, "cu.xlsx", figures, clock.now(), "admin")


async def test_sites_by_month_with_numbers_a_mark_under_the_threshold_and_imports_marked(
    rig: Rig, host: Page
) -> None:
    await held(rig)
    await earlier(rig)

    await host.goto(f"{rig.base}/staff")
    await host.get_by_test_id("trends-open").click()

    heat = host.get_by_test_id("heat")
    await expect(heat.locator("thead th")).to_have_text(
        ["Điểm cầu", "3/25*", "5/25*", re.compile(r"^\d+/\d\d$"), "Chung"]
    )
    await expect(host.get_by_test_id(f"heat-{BRAVO}").locator("td")).to_have_text(
        ["75▼", "85▼", "–", re.compile(r"80,0\*")]
    )
    await expect(host.get_by_test_id(f"heat-{ALFA}").locator("td")).to_have_text(["100", "97", "91", "91,2"])
    await expect(host.get_by_test_id("kinds")).to_contain_text("Lớp bồi dưỡng * (số liệu nhập)")


async def test_the_question_goes_into_the_address_and_the_downloads(rig: Rig, host: Page) -> None:
    await held(rig)
    await earlier(rig)
    await host.goto(f"{rig.base}/staff/trends?kind=class")
    await expect(host.get_by_test_id("heat").locator("thead th")).to_have_count(4)

    await host.get_by_test_id("trends-to").fill("2025-03")
    await host.get_by_test_id("trends-show").click()

    await expect(host.get_by_test_id("heat").locator("thead th")).to_have_text(["Điểm cầu", "3/25*", "Chung"])
    assert "to=2025-03" in host.url
    link = host.get_by_test_id("download-participation-xlsx")
    await expect(link).to_have_attribute("href", re.compile(r"kind=class&to=2025-03-31"))
    async with host.expect_download() as waiting:
        await link.click()
    assert (await waiting.value).suggested_filename.endswith(".xlsx")


async def test_a_time_without_briefings_says_so(rig: Rig, host: Page) -> None:
    await host.goto(f"{rig.base}/staff/trends")

    await expect(host.get_by_text("Không có hội nghị nào trong khoảng này")).to_be_visible()


async def test_the_list_is_narrowed_by_kind_state_and_month(rig: Rig, host: Page) -> None:
    over = await held(rig)
    coming = await rig.briefing(title="Lớp tháng 5", kind="class", starts_at="2027-05-20T01:00:00Z")
    await host.goto(f"{rig.base}/staff")
    rows = host.locator("tbody tr[data-testid]")
    await expect(rows).to_have_count(2)

    await host.get_by_test_id("find-kind").select_option("class")
    await expect(rows).to_have_count(1)
    await expect(host.get_by_test_id(f"briefing-{coming}")).to_be_visible()
    await host.get_by_test_id("find-kind").select_option("")
    await host.get_by_test_id("find-phase").select_option("ended")
    await expect(rows).to_have_count(1)
    await expect(host.get_by_test_id(f"briefing-{over}")).to_be_visible()
    await host.get_by_test_id("find-phase").select_option("")
    await host.get_by_test_id("find-month").select_option("2027-05")
    await expect(rows).to_have_count(1)
    await expect(host.get_by_test_id(f"briefing-{coming}")).to_be_visible()


async def test_a_long_report_shows_how_far_it_is_and_the_file_comes_by_itself(
    rig: Rig, host: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held(rig)
    await held(rig)
    await host.goto(f"{rig.base}/staff/trends")
    await expect(host.get_by_test_id("causes")).to_contain_text("Không kết nối")
    go_on, whole, read = threading.Event(), participation._keep, []

    def waits_at_the_second(*given: Any) -> None:
        if read:
            assert go_on.wait(30)
        read.append(given)
        whole(*given)

    monkeypatch.setattr(participation, "_keep", waits_at_the_second)
    async with host.expect_download() as waiting:
        await host.get_by_test_id("download-participation-docx").click()
        await expect(host.get_by_test_id("trends-progress")).to_be_visible()
        await expect(host.get_by_test_id("trends-progress")).to_contain_text("1/2 hội nghị")
        go_on.set()
    assert (await waiting.value).suggested_filename.endswith(".docx")
    await expect(host.get_by_test_id("trends-progress")).to_be_hidden()
