"""All 25 sites on line at once: three in browsers, 22 light clients that speak the same protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.briefing_room import join, open_briefing, read_log
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.district import District
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.waiting import until
from tests.support.watching import hears, picture, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow]

IN_BROWSERS = ("tt-bang-lung", "xa-ban-thi", "xa-bang-lang")


async def test_twenty_five_sites_at_once(
    server: Server,
    browsers: Browsers,
    hub_clips: Clips,
    site_clips: list[Clips],
    recorded: Path,
    tmp_path: Path,
) -> None:
    codes = list(server.links())
    assert len(codes) == 25
    room = await open_briefing(server, browsers, hub_clips)
    light = [code for code in codes if code not in IN_BROWSERS]
    district = District.start(server, light, tmp_path, recorded)
    try:
        for code, clips in zip(IN_BROWSERS, site_clips, strict=True):
            await join(room, browsers, code, clips)
        await room.host.press("phase-start")
        for code in codes:
            await room.host.see_site(code, "online", "weak", within_s=60)
        await expect(hook(room.host.page, "total-connected")).to_have_text("25/25")
        for site in room.sites.values():
            await sees(site.page, HUB_LOOK)
            await hears(site.page, HUB_LOOK)
        await _a_light_one_speaks(room.host.page, room.sites[IN_BROWSERS[0]].page, light[0])
        outcome = district.stop()
        assert outcome["joined"] == 22
        assert outcome["received_bytes"] > 22 * 10_000
        for code in light:
            await room.host.see_site(code, "lost", within_s=10)
    finally:
        district.end()
    await room.host.end()
    log = read_log(await room.host.download_log(room.briefing, tmp_path))
    assert sorted(row.code for row in log) == sorted(codes), "one row a connection, none twice"


async def _a_light_one_speaks(host: Page, site: Page, code: str) -> None:
    """It is on the stage of the hall and of a site: another picture than the hub's, and it moves."""
    await hook(host, f"give-floor-{code}").click()
    for page in (host, site):
        await until(f"{code} is on the stage", lambda page=page: _shows_another(page))
    await hook(host, "take-floor").click()
    await sees(site, HUB_LOOK)


async def _shows_another(page: Page) -> bool:
    first = await picture(page)
    await page.wait_for_timeout(500)
    second = await picture(page)
    if first is None or second is None or (second.vivid and second.hue in (*range(20), *range(340, 361))):
        return False
    return second.frames > first.frames
