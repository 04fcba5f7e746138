"""Camera and microphone missing or refused: clear words, and the site takes part all the same."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.briefing_room import open_briefing
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.pages import SitePage
from tests.support.server import Server
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-ban-thi"


@pytest.mark.parametrize(
    ("name", "allow", "devices", "words"),
    [("refused", False, True, "phép dùng máy quay"), ("missing", True, False, "Không tìm thấy máy quay")],
    ids=["refused", "missing"],
)
async def test_without_camera_and_microphone_the_page_says_why_and_joins(
    server: Server, browsers: Browsers, hub_clips: Clips, name: str, allow: bool, devices: bool, words: str
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    site = SitePage(await browsers.person(name, allow=allow, devices=devices), CODE, server.links()[CODE])

    await site.open()

    await expect(site.page.get_by_role("alert").filter(has_text=words)).to_be_visible(timeout=45_000)
    await site.join()
    await room.host.press("phase-start")
    await sees(site.page, HUB_LOOK)
    await hears(site.page, HUB_LOOK)
    await room.host.see_site(CODE, "online")
