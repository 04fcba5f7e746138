"""Called to speak: seconds to get ready are counted, and the space bar is the operator's press."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]


async def test_the_space_bar_opens_the_microphone_of_whoever_is_called(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await page.get_by_test_id("join-button").click()
    headline = page.locator("#headline")
    await expect(headline).to_have_text("Đang nghe Hội trường")
    await page.locator("body").press("Space")  # nobody is called: nothing opens
    await program.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(headline).to_have_text("Chuẩn bị phát biểu")
    await expect(page.locator("#cue-count")).to_contain_text("giây để chuẩn bị")
    assert 1 <= int(await page.get_by_test_id("cue-seconds").inner_text()) <= 10

    await page.locator("body").press("Space")

    await expect(headline).to_have_text("Đang phát biểu")
