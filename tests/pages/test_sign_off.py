"""After the end the operator sees the own line and answers for it; the report shows the answer."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]


async def at_the_end(rig: Rig, browsers: Browsers) -> tuple[Page, str]:
    """An operator's page that reported 31 of 34 and saw the end of the briefing."""
    briefing = await rig.briefing("open", "start")
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await page.get_by_test_id("join-button").click()
    await page.get_by_test_id("headcount-present").fill("31")
    await page.get_by_test_id("headcount-send").click()
    await rig.logged(briefing, lambda kinds: "HeadcountDeclared" in kinds)
    host = await rig.program("host")
    assert (await host.post(f"/api/briefings/{briefing}/end")).status == 200
    return page, briefing


async def test_the_operator_sees_the_own_line_and_says_that_it_is_right(rig: Rig, browsers: Browsers) -> None:
    page, briefing = await at_the_end(rig, browsers)

    line = page.get_by_test_id("sign-line")
    await expect(line).to_contain_text("31/34")
    await expect(line).to_contain_text("91,2 %")
    await page.get_by_test_id("sign-right").click()

    await expect(page.get_by_test_id("sign-done")).to_contain_text("số liệu đúng")
    assert "SiteSigned" in await rig.events(briefing)


async def test_what_is_wrong_must_be_said_and_reaches_the_report(
    rig: Rig, browsers: Browsers, host: Page
) -> None:
    page, briefing = await at_the_end(rig, browsers)
    await page.get_by_test_id("sign-wrong").click()
    await expect(page.get_by_test_id("sign-send")).to_be_disabled()

    await page.get_by_test_id("sign-remark").fill("Có mặt 32, không phải 31")
    await page.get_by_test_id("sign-send").click()

    await expect(page.get_by_test_id("sign-done")).to_contain_text("Có mặt 32")
    await host.goto(f"{rig.base}/staff/briefings/{briefing}")
    await expect(host.get_by_test_id(f"signed-{ALFA}")).to_contain_text("Có chỗ sai")
    await expect(host.get_by_test_id("later")).to_contain_text("Có mặt 32, không phải 31")


async def test_the_link_opened_again_still_offers_to_sign(rig: Rig, browsers: Browsers) -> None:
    page, briefing = await at_the_end(rig, browsers)
    await expect(page.get_by_test_id("sign-right")).to_be_enabled()

    await page.goto(rig.base + rig.link(ALFA))
    await page.get_by_test_id("sign-open").click()
    await page.get_by_test_id("sign-right").click()
    await rig.logged(briefing, lambda kinds: "SiteSigned" in kinds)
    await page.goto(rig.base + rig.link(ALFA))

    await expect(page.get_by_test_id("join-button")).to_be_enabled()
    await expect(page.get_by_test_id("sign-open")).to_be_hidden()
