"""Second pages: a site has one, the hall as many as it likes."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.support.briefing_room import join, open_briefing, read_log
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.pages import HostPage
from tests.support.server import Server, api
from tests.support.waiting import until
from tests.support.watching import picture, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-ban-thi"


async def test_the_newest_device_of_a_site_takes_over_and_it_stays_one_attendance(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    old = await join(room, browsers, CODE, site_clips[0])
    await room.host.press("phase-start")
    await sees(old.page, HUB_LOOK)

    new = await join(room, browsers, CODE, site_clips[1])

    await sees(new.page, HUB_LOOK)
    token = server.run("token", "tester", "--role", "staff").strip()
    log = await api(server, token, "GET", f"/api/briefings/{room.briefing}/log.csv")
    first, second = read_log(log.encode())
    assert first.reason == "thay bằng máy khác" and first.left is not None
    assert second.left is None, "the older page must not fight back"
    summary = await api(server, token, "GET", f"/api/briefings/{room.briefing}/attendance")
    (site,) = [entry for entry in summary["sites"] if entry["code"] == CODE]
    assert site["interruptions"] == 0
    assert await _is_still(old.page)


async def _is_still(page: Page) -> bool:
    """The replaced page plays no more."""

    async def same() -> bool:
        before = await picture(page)
        await page.wait_for_timeout(500)
        after = await picture(page)
        return after is None or (before is not None and after.frames == before.frames)

    return await until("the replaced page stopped", same)


async def test_a_second_host_follows_and_may_steer(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    await join(room, browsers, CODE, site_clips[0])
    await room.host.press("phase-start")
    second = HostPage(await browsers.person("second host"), server.base)
    await second.log_in(*server.printed_login())
    await second.enter(room.briefing)
    await second.see_site(CODE, "online")

    await room.host.give_floor(CODE)
    await second.see_floor(CODE)
    await second.press("take-floor")

    await room.host.see_floor(CODE, held=False)
    await room.host.see_site(CODE, "online")
