"""The line check in a real browser against the real relay, before the opening, and the board of lights."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.support.browsers import Browsers
from tests.support.clips import Clips
from tests.support.lines import token
from tests.support.pages import HostPage, SitePage
from tests.support.server import Server, api

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-dong-thang"


async def test_a_site_measures_its_line_hears_itself_and_the_hall_sees_the_light(
    server: Server, browsers: Browsers, hub_clips: Clips
) -> None:
    made = await api(
        server, token(server), "POST", "/api/briefings", {"title": "Quán triệt", "kind": "resolution"}
    )
    site = SitePage(await browsers.person("site", hub_clips), CODE, server.links()[CODE])
    host = HostPage(await browsers.person("host"), server.base)

    await site.open()
    await site.page.get_by_test_id("speaker-test").click()
    await site.page.get_by_test_id("speaker-yes").click()
    await site.page.get_by_test_id("line-measure").click()

    badge = site.page.get_by_test_id("line-badge")
    await expect(badge).to_have_attribute("data-verdict", re.compile("good|fair|poor"), timeout=60_000)
    figures = site.page.get_by_test_id("line-figures")
    await expect(figures).to_contain_text(re.compile("lên .* Mbit/s .*xuống .* Mbit/s .*trễ .* UDP"))
    await expect(site.page.locator("#line-meaning")).to_contain_text("Máy chủ nghe được micrô")
    await expect(site.page.get_by_test_id("line-replay")).to_be_visible()

    await host.log_in(*server.printed_login())
    await host.page.goto(f"{server.base}/host/briefings/{made['id']}/checks")
    row = host.page.get_by_test_id(f"check-{CODE}")
    await expect(row).to_contain_text("Nghe được")
    await expect(row).to_have_attribute("data-state", re.compile("good|fair|poor"))
    await expect(host.page.get_by_test_id("check-xa-ban-thi")).to_contain_text("Chưa kiểm tra")
    await expect(host.page.get_by_test_id("check-xa-ban-thi")).to_contain_text("0209 000 0102")


async def test_a_site_without_a_microphone_measures_its_line_all_the_same(
    server: Server, browsers: Browsers
) -> None:
    site = SitePage(await browsers.person("site", allow=False), CODE, server.links()[CODE])
    await site.open()
    await site.page.get_by_test_id("line-measure").click()

    figures = site.page.get_by_test_id("line-figures")
    await expect(figures).to_contain_text(re.compile("trễ .* ms .*dao động .*mất .* UDP"), timeout=60_000)
    await expect(site.page.locator("#line-meaning")).not_to_contain_text("micrô")
