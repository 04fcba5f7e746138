"""The power of a site fails and comes back: the same link, one press, and it takes part again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.support.briefing_room import open_briefing
from tests.support.browsers import Browsers
from tests.support.clicks import AS_BROWSERS_ARE, Visit
from tests.support.clips import HUB_LOOK, Clips
from tests.support.pages import hook
from tests.support.profiles import Machine
from tests.support.server import Server
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-ban-thi"


@pytest.fixture
async def machine(tmp_path: Path, site_clips: list[Clips]) -> AsyncIterator[Machine]:
    async with async_playwright() as playwright:
        made = Machine(playwright, tmp_path / "profile", site_clips[0])
        try:
            yield made
        finally:
            await made.switch_off()


async def test_after_a_power_cut_one_press_on_the_same_link_brings_the_site_back(
    server: Server, browsers: Browsers, hub_clips: Clips, machine: Machine
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    await room.host.press("phase-start")
    page = await machine.switch_on(AS_BROWSERS_ARE)
    await page.goto(server.links()[CODE])
    await hook(page, "join-button").click()
    await hook(page, "headcount-present").fill("31")
    await hook(page, "headcount-send").click()
    await room.host.see_site(CODE, "online")

    await machine.cut_power()
    await room.host.see_site(CODE, "lost")

    page = await machine.switch_on(AS_BROWSERS_ARE)
    visit = await Visit.watch(page.context)
    visit.opens()
    await page.goto(server.links()[CODE])
    await expect(page.get_by_test_id("camera-select")).not_to_have_value("")
    await hook(page, "join-button").click()
    await sees(page, HUB_LOOK)
    await hears(page, HUB_LOOK)
    assert len(visit.presses) == 1
    await expect(page.locator("#detail")).to_have_text("Đã báo 31/34 có mặt")
    await room.host.see_site(CODE, "online")
