"""Calling the roll in turn, as the host sees it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def test_the_host_calls_one_site_after_the_other(rig: Rig, host: Page) -> None:
    briefing = await rig.briefing("open", "start")
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await host.get_by_test_id("roll-label").select_option("middle")
    await host.get_by_test_id("roll-in-turn").click()
    await host.get_by_test_id("call-next").click()
    called = host.get_by_test_id("called")
    await expect(called).to_have_attribute("data-code", ALFA)

    page = await rig.on_line(ALFA, briefing)
    await page.say("headcount", present=30)
    await expect(called).to_contain_text("đã trả lời")
    await host.get_by_test_id("call-next").click()

    await expect(called).to_have_attribute("data-code", BRAVO)
