"""The ladder on a line that gets thin: the operator's page says what it is spared, and that it is over."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.briefing_room import open_briefing
from tests.support.browsers import REMEMBER_PEERS, Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.server import Server
from tests.support.site_line import SiteLine, browser_in, site_line
from tests.support.watching import hears, sees

pytestmark = [
    pytest.mark.line,
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace with a limited line needs root"),
]

CODE = "xa-ban-thi"


@pytest.fixture
def line() -> Iterator[SiteLine]:
    with site_line() as made:
        yield made


@pytest.fixture
async def server(tmp_path: Path, line: SiteLine) -> AsyncIterator[Server]:
    """A server that the far end of the line can reach."""
    running = Server(tmp_path, host=line.there.here)
    try:
        await running.start()
        yield running
    finally:
        running.stop()


async def test_each_rung_is_told_while_the_sound_goes_on_and_it_comes_back_by_itself(
    server: Server, line: SiteLine, browsers: Browsers, hub_clips: Clips, tmp_path: Path
) -> None:
    secure = f"--unsafely-treat-insecure-origin-as-secure={server.base}"
    browsers.more = (secure,)
    room = await open_briefing(server, browsers, hub_clips)
    await room.host.press("phase-start")
    async with browser_in(line, tmp_path, secure) as far:
        context = await far.new_context(locale="vi-VN", viewport={"width": 1366, "height": 768})
        await context.add_init_script(REMEMBER_PEERS)
        page = await context.new_page()
        await page.goto(server.links()[CODE])
        await page.get_by_test_id("join-button").click()
        await sees(page, HUB_LOOK)
        headline, state = page.locator("#headline"), page.get_by_test_id("connection-state")
        await expect(headline).to_have_text("Đang nghe Hội trường")

        line.limit(60_000)  # sound and no more: at 90 kbit/s the smallest picture may fit beside it
        await expect(headline).to_have_text("Mạng yếu: hình tạm dừng, tiếng vẫn nghe", timeout=60_000)
        await expect(state).to_have_attribute("data-state", "weak")
        await expect(page.locator("#detail")).to_have_text("Hình tự trở lại")
        await hears(page, HUB_LOOK)
        await room.host.see_site(CODE, "weak")

        line.lift()
        await expect(headline).to_have_text("Đang nghe Hội trường", timeout=90_000)
        await expect(state).to_have_attribute("data-state", "online")
        await sees(page, HUB_LOOK)
