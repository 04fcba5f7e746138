"""Two browsers, one hub: a technician's PC sends the hall, the host conducts from another."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.support.briefing_room import BriefingRoom, join
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, Clips
from tests.support.pages import HostPage, hook
from tests.support.server import Server
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow]

CODE = "xa-ban-thi"


async def test_sites_get_the_technicians_hall_while_the_host_conducts_and_the_projector_follows(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    host = HostPage(await browsers.person("host", site_clips[1], size=(1920, 1080)), server.base)
    await host.log_in(*server.printed_login())
    room = BriefingRoom(server, host, await host.create("Quán triệt"))
    await host.press("phase-open")
    technician = HostPage(await browsers.person("technician", hub_clips), server.base)
    await technician.log_in(*server.printed_login())
    await technician.enter(room.briefing)
    await technician.publish_hall()
    await expect(host.page.locator("#hall-elsewhere")).to_be_visible()

    site = await join(room, browsers, CODE, site_clips[0])
    await host.press("phase-start")
    await sees(site.page, HUB_LOOK)
    await hears(site.page, HUB_LOOK)
    projector = await host.person.context.new_page()
    await projector.goto(f"{server.base}/host/briefings/{room.briefing}/hall")
    await sees(projector, HUB_LOOK)

    await host.give_floor(CODE)
    await site.ready_to_speak()
    await sees(projector, SITE_LOOKS[0])
    await hears(projector, SITE_LOOKS[0])
    await host.press("take-floor")
    await sees(site.page, HUB_LOOK)
    await sees(projector, HUB_LOOK)

    technician.person.kill()  # its PC is dead: the host's own camera takes its place with one press
    await expect(host.page.locator("#hall-elsewhere")).to_be_hidden(timeout=60_000)
    await expect(hook(host.page, "publish-hall")).to_have_class(re.compile("primary"))
    await host.publish_hall()
    await sees(site.page, SITE_LOOKS[1])
    await hears(site.page, SITE_LOOKS[1])
    await sees(projector, SITE_LOOKS[1])
