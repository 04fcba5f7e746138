"""Messages between hall and sites as people see them, and the hall's own screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.documents.samples import pdf
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def enter(rig: Rig, browsers: Browsers, code: str) -> Page:
    page = (await browsers.person(f"operator {code}")).page
    await page.goto(rig.base + rig.link(code))
    await page.get_by_test_id("join-button").click()
    return page


async def control(rig: Rig, host: Page, *steps: str) -> str:
    briefing = await rig.briefing(*steps)
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")
    return briefing


async def test_a_message_stands_over_the_sites_page_until_it_is_understood(
    rig: Rig, browsers: Browsers, host: Page
) -> None:
    await control(rig, host, "open", "start")
    alfa, bravo = await enter(rig, browsers, ALFA), await enter(rig, browsers, BRAVO)

    await host.locator("body").press("m")
    await host.get_by_test_id("message-target").select_option(ALFA)
    await host.get_by_test_id("message-text").fill("Xin mở <b>micrô</b>")
    await host.get_by_test_id("message-send").click()

    await expect(alfa.get_by_test_id("hub-message")).to_contain_text("Xin mở <b>micrô</b>")
    await expect(bravo.get_by_test_id("hub-message")).to_be_hidden()
    await alfa.get_by_test_id("message-dismiss").click()
    await expect(alfa.get_by_test_id("hub-message")).to_be_hidden()

    await host.get_by_test_id("message-target").select_option("")
    await host.get_by_test_id("phrases-open").click()
    await host.get_by_role("button", name="Đề nghị báo số có mặt").click()
    for page in (alfa, bravo):
        await expect(page.get_by_test_id("hub-message")).to_contain_text("Đề nghị báo số có mặt")


async def test_a_site_writes_to_the_hall_and_the_hall_sees_that_something_is_unread(
    rig: Rig, browsers: Browsers, host: Page
) -> None:
    await control(rig, host, "open", "start")
    alfa = await enter(rig, browsers, ALFA)

    await alfa.get_by_test_id("papers-open").click()
    await alfa.get_by_role("button", name="Không nghe thấy Hội trường").click()

    await expect(host.locator("#messages-unread")).to_have_text("1")
    await host.get_by_test_id("messages-open").click()
    await expect(host.locator("#messages-unread")).to_be_hidden()
    await expect(host.get_by_test_id("message-list")).to_contain_text("Xã Bản Thi")
    await host.get_by_role("button", name="Trả lời").click()
    await expect(host.get_by_test_id("message-target")).to_have_value(ALFA)


async def test_the_halls_screen_shows_the_stage_and_controls_nothing(
    rig: Rig, browsers: Browsers, host: Page
) -> None:
    briefing = await control(rig, host, "open", "start")
    program = await rig.program("host")
    address = f"/api/briefings/{briefing}"
    made = await program.ask("POST", f"{address}/documents", params={"name": "a.pdf"}, data=pdf(2))
    document = (await made.json())["id"]
    async with host.context.expect_page() as opening:
        await host.get_by_test_id("open-hall").click()
    screen = await opening.value
    await expect(screen.locator("#stage-empty")).to_have_text("Hội trường chưa phát hình")

    await program.post(f"{address}/slide", {"slide": 2, "document": document})
    await program.post(f"{address}/stage", {"left": "slides"})

    await expect(screen.get_by_test_id("stage-slide")).to_have_attribute("alt", "Trang 2")
    await expect(screen.locator("#stage-empty")).to_be_hidden()
    assert await screen.get_by_role("button").count() == 1, "full screen is all there is to press"
    await program.post(f"{address}/stage", {"left": "hub"})
    await rig.on_line(ALFA, briefing)
    await program.post(f"{address}/floor", {"site": ALFA})
    await expect(screen.locator("#stage-empty")).to_have_text("Xã Bản Thi chỉ có tiếng, không có hình")
    snapshot = (await (await program.get(address)).json())["snapshot"]
    assert snapshot["hub"]["connections"] == 2

    await program.post(f"{address}/break")
    await expect(screen.locator("#stage-empty")).to_contain_text("Giải lao")
