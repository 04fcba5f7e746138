"""On the report page the office corrects and notes, with a reason; nothing is overwritten."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.pages.test_report_page import held
from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def report(rig: Rig, host: Page) -> str:
    briefing = await held(rig)
    await host.goto(f"{rig.base}/staff/briefings/{briefing}")
    await expect(host.get_by_test_id(f"attendance-{ALFA}")).to_be_visible()
    return briefing


async def write(page: Page, what: str, **fields: str) -> None:
    """Fills the open dialog and sends it."""
    await page.get_by_test_id("correct-what").select_option(what)
    for name, value in fields.items():
        await page.get_by_test_id(f"correct-{name}").fill(value)
    await page.get_by_test_id("correct-send").click()


async def test_a_headcount_is_corrected_with_a_reason_and_stands_in_the_list(rig: Rig, host: Page) -> None:
    await report(rig, host)

    await host.get_by_test_id(f"correct-{BRAVO}").click()
    await write(host, "headcount", present="30")
    await expect(host.get_by_test_id("correct-trouble")).not_to_be_empty()
    await host.get_by_test_id("correct-reason").fill("Điểm cầu báo qua điện thoại")
    await host.get_by_test_id("correct-send").click()

    await expect(host.get_by_test_id(f"attendance-{BRAVO}")).to_contain_text("90,9 %")
    await expect(host.get_by_test_id("later")).to_contain_text("Điểm cầu báo qua điện thoại")


async def test_who_saw_the_recording_later_is_counted_apart(rig: Rig, host: Page) -> None:
    await report(rig, host)

    await host.get_by_test_id(f"correct-{ALFA}").click()
    await write(host, "made-up", persons="2", on="2026-11-25", reason="xem bản ghi tại xã")

    await expect(host.get_by_test_id(f"attendance-{ALFA}")).to_contain_text("+2 xem lại")
    await expect(host.get_by_test_id(f"attendance-{ALFA}")).to_contain_text("91,2 %")


async def test_a_note_about_the_whole_briefing_needs_a_reason_after_the_end(rig: Rig, host: Page) -> None:
    await report(rig, host)
    await host.get_by_test_id("note-open").click()
    await host.get_by_test_id("correct-text").fill("Mất điện cả huyện 10 phút")
    await host.get_by_test_id("correct-send").click()
    await expect(host.get_by_test_id("correct-trouble")).not_to_be_empty()

    await host.get_by_test_id("correct-reason").fill("theo Điện lực")
    await host.get_by_test_id("correct-send").click()

    await expect(host.get_by_test_id("later")).to_contain_text("Mất điện cả huyện 10 phút")
