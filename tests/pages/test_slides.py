"""Documents as people see them: pages follow the hall's number, who comes late gets the current one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.documents.samples import pdf
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def enter(rig: Rig, browsers: Browsers, code: str = ALFA) -> Page:
    page = (await browsers.person(f"operator {len(browsers.people)}")).page
    await page.goto(rig.base + rig.link(code))
    await page.get_by_test_id("join-button").click()
    return page


async def control(rig: Rig, host: Page, *steps: str) -> str:
    briefing = await rig.briefing(*steps)
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")
    return briefing


async def shows(page: Page, number: int) -> None:
    picture = page.get_by_test_id("stage-slide")
    await expect(picture).to_have_attribute("alt", f"Trang {number}", timeout=45_000)
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.naturalWidth") >= 1000


async def test_pages_follow_the_hall_and_who_comes_late_gets_the_current_one(
    rig: Rig, browsers: Browsers, host: Page, tmp_path: Path
) -> None:
    briefing = await control(rig, host, "open", "start")
    early = await enter(rig, browsers)
    path = tmp_path / "NQ 05.pdf"
    path.write_bytes(pdf(3))

    await host.get_by_test_id("document-file").set_input_files(path)
    await expect(host.get_by_test_id("slide-show")).to_be_visible(timeout=30_000)
    await host.get_by_test_id("slide-show").click()
    await shows(host, 1)
    await shows(early, 1)

    await host.locator("body").press("ArrowRight")
    await host.locator("body").press("ArrowRight")
    await shows(early, 3)
    late = await enter(rig, browsers, BRAVO)
    await shows(late, 3)

    await rig.logged(briefing, lambda seen: seen.count("DocumentReceived") == 2)
    await host.get_by_test_id("documents-open").click()
    await expect(host.get_by_test_id("document-list")).to_contain_text("2/3 điểm cầu đã nhận")
    await expect(host.get_by_test_id("document-list")).to_contain_text("chưa nhận: Trung tâm Y tế huyện")
    await host.keyboard.press("Escape")
    await host.get_by_test_id("slide-show").click()
    await expect(early.get_by_test_id("stage-slide")).to_be_hidden()


async def test_a_file_that_is_no_document_is_refused_in_words(rig: Rig, host: Page, tmp_path: Path) -> None:
    await control(rig, host, "open")
    path = tmp_path / "a.pdf"
    path.write_bytes(b"no document at all")

    await host.get_by_test_id("document-file").set_input_files(path)

    await expect(host.locator("#toast-text")).to_contain_text("Chỉ nhận tệp PDF, PPTX hoặc DOCX")


async def test_a_site_takes_the_document_home(
    rig: Rig, browsers: Browsers, host: Page, tmp_path: Path
) -> None:
    await control(rig, host, "open")
    path = tmp_path / "NQ 05.pdf"
    path.write_bytes(pdf(1))
    await host.get_by_test_id("document-file").set_input_files(path)
    page = await enter(rig, browsers)
    await expect(page.get_by_test_id("waiting-document")).to_contain_text("1 trang, đã tải đủ về máy này")
    await expect(page.get_by_test_id("waiting-document")).to_contain_text("NQ 05.pdf")

    await page.get_by_test_id("papers-open").click()
    async with page.expect_download() as waiting:
        await page.locator("#papers-list").get_by_test_id("document-download").click()

    assert (await waiting.value).suggested_filename == "NQ 05.pdf"
