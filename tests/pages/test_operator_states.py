"""The operator's page in its rarer states, for screen readers too; and the help on one sheet of paper."""

from __future__ import annotations

import pypdfium2
import pytest
from playwright.async_api import expect

from tests.pages.axe import expect_accessible, sideways
from tests.pages.test_operator_page import enter
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768), (390, 844)])
async def test_every_dialog_and_state_is_accessible_and_inside_the_window(
    rig: Rig, browsers: Browsers, size: tuple[int, int]
) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await enter(rig, browsers, size=size)
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")

    async def looks_right(state: str) -> None:
        await expect_accessible(page, f"{state} at {size}")
        assert await sideways(page) == 0, state

    for opens, closes in (
        ("settings-open", "settings-close"),
        ("papers-open", ""),
        ("headcount-more", "headcount-more"),
    ):
        await page.get_by_test_id(opens).click()
        await looks_right(opens)
        if closes:
            await page.get_by_test_id(closes).click()
        else:
            await page.keyboard.press("Escape")
    await host.post(f"/api/briefings/{briefing}/messages", {"text": "Báo số có mặt trước 8 giờ"})
    await expect(page.get_by_test_id("hub-message")).to_be_visible()
    await looks_right("a message")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(page.get_by_test_id("ready-to-speak")).to_be_visible()
    await looks_right("called to speak")
    await page.get_by_test_id("ready-to-speak").click()
    await expect(page.get_by_test_id("speech-end")).to_be_visible()
    await looks_right("speaking")
    await page.get_by_test_id("speech-end").click()
    await page.context.set_offline(True)
    await expect(page.get_by_test_id("retry-now")).to_be_visible()
    await looks_right("a lost line")


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_the_help_is_one_sheet_of_paper_with_pictures(rig: Rig, browsers: Browsers, lang: str) -> None:
    page = (await browsers.person("operator")).page
    await page.goto(f"{rig.base}/language/{lang}?next=/help")

    printed = pypdfium2.PdfDocument(await page.pdf(prefer_css_page_size=True, print_background=True))

    assert len(printed) == 1
    assert await page.locator("figure").count() >= 6
    assert ("Thử lại" if lang == "vi" else "Try again") in printed[0].get_textpage().get_text_range()
