"""Two briefings that summon one site: its operator is asked in a page that is already open."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.pages.axe import expect_accessible
from tests.pages.test_operator_page import enter
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]


async def test_who_waits_while_two_briefings_open_is_asked_and_enters_the_one_that_is_chosen(
    rig: Rig, browsers: Browsers
) -> None:
    page = await enter(rig, browsers)
    await expect(page.locator("#headline")).to_have_text("Chưa có hội nghị nào mở")
    first = await rig.briefing("open", title="Quán triệt nghị quyết")
    await expect(page.locator("#waiting-title")).to_have_text("Quán triệt nghị quyết")

    second = await rig.briefing("open", title="Giao ban tháng 4")
    await expect(page.get_by_test_id("choice-dialog")).to_be_visible()
    await expect_accessible(page, "the choice in an open page")
    await page.get_by_test_id(f"choose-{second}").click()

    await expect(page.locator("#briefing-title")).to_have_text("Giao ban tháng 4")
    await expect(page.get_by_test_id("choice-dialog")).to_be_hidden()
    await rig.logged(second, lambda events: "ConnectionOpened" in events)
    await rig.logged(first, lambda events: "ConnectionClosed" in events)
    await page.reload()
    await expect(page.locator("#briefing-title")).to_have_text("Giao ban tháng 4")


async def test_a_page_that_is_opened_before_the_two_enters_none_unasked(rig: Rig, browsers: Browsers) -> None:
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await expect(page.get_by_test_id("join-button")).to_be_enabled()
    first = await rig.briefing("open", "start", title="Quán triệt nghị quyết")
    second = await rig.briefing("open", "start", title="Giao ban tháng 4")

    await page.get_by_test_id("join-button").click()
    await expect(page.locator("#headline")).to_have_text("Điểm cầu này đang có hai hội nghị")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("choice-stay")).to_be_hidden()
    for briefing in (first, second):
        assert "ConnectionOpened" not in await rig.events(briefing)
    await page.get_by_test_id(f"choose-{first}").click()

    await expect(page.locator("#briefing-title")).to_have_text("Quán triệt nghị quyết")
    assert "ConnectionOpened" not in await rig.events(second)


async def test_a_running_briefing_is_not_covered_by_the_choice(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start", title="Quán triệt nghị quyết")
    page = await enter(rig, browsers)
    await expect(page.locator("#briefing-title")).to_have_text("Quán triệt nghị quyết")

    second = await rig.briefing("open", "start", title="Giao ban tháng 4")

    await expect(page.get_by_test_id("choice-notice")).to_contain_text("Giao ban tháng 4")
    await expect(page.get_by_test_id("choice-dialog")).to_be_hidden()
    await page.get_by_test_id("choice-open").click()
    await page.get_by_test_id("choice-stay").click()
    await expect(page.get_by_test_id("choice-notice")).to_be_hidden()

    await page.goto(rig.base + rig.link(ALFA))  # the link asks again
    await page.get_by_test_id(f"choose-{second}").click()
    await page.get_by_test_id("join-button").click()
    await expect(page.locator("#briefing-title")).to_have_text("Giao ban tháng 4")
    await expect(page.get_by_test_id("choice-notice")).to_be_hidden()
