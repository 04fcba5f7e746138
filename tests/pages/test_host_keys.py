"""The host's keys, the stage side by side, which page of a machine is heard, and two hosts at once."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from coordinator.storage import verify
from tests.pages.axe import expect_accessible
from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def control(rig: Rig, host: Page, *steps: str) -> str:
    briefing = await rig.briefing(*steps)
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")
    return briefing


async def test_the_first_hand_is_invited_and_the_floor_taken_back_by_one_key_each(
    rig: Rig, host: Page
) -> None:
    briefing = await control(rig, host, "open", "start")
    await (await rig.on_line(ALFA, briefing)).say("raise-hand", topic="Kinh phí")
    await expect(host.get_by_test_id(f"hand-{ALFA}")).to_contain_text("Kinh phí")

    await host.locator("body").press("p")
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_have_attribute("data-floor", "true")
    await expect(host.get_by_test_id("floor-clock")).to_have_text(re.compile(r"00:(0[1-9]|[1-5]\d)"))
    await host.locator("body").press("t")

    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).not_to_have_attribute("data-floor", "true")
    assert {"FloorGiven", "FloorTaken"} <= set(await rig.events(briefing))


async def test_a_question_mark_lists_the_keys_and_a_key_shows_hall_and_site_side_by_side(
    rig: Rig, host: Page
) -> None:
    briefing = await control(rig, host, "open", "start")
    await rig.on_line(BRAVO, briefing)
    await host.locator("body").press("?")
    await expect(host.locator("#keys-dialog")).to_be_visible()
    await expect_accessible(host, "the list of keys")
    await host.keyboard.press("Escape")

    await expect(host.get_by_test_id("stage-site").locator("option")).to_have_count(2)
    await host.get_by_test_id("stage-site").select_option(BRAVO)
    await expect(host.get_by_test_id("preview-name")).to_have_text("Xã Đại Sảo")
    await host.get_by_test_id("phase").click()
    await host.locator("body").press("4")
    await expect(host.get_by_test_id("preview-split")).to_have_attribute("aria-pressed", "true")
    await expect(host.locator("#stage-caption")).to_have_text("Huyện Chợ Đồn")  # chosen, not yet on air
    await host.locator("body").press("Enter")

    await expect(host.locator("#stage-caption")).to_have_text("Huyện Chợ Đồn · Xã Đại Sảo")
    await expect(host.get_by_test_id("stage-beside")).to_be_visible()


async def test_the_control_room_is_silent_while_this_browser_has_the_hall_screen(
    rig: Rig, host: Page
) -> None:
    briefing = await control(rig, host, "open", "start")
    listens = host.get_by_test_id("listen-here")
    await expect(listens).to_have_attribute("aria-pressed", "true")

    screen = await host.context.new_page()
    await screen.goto(f"{rig.base}/host/briefings/{briefing}/hall")

    await expect(listens).to_have_attribute("aria-pressed", "false")
    assert await host.get_by_test_id("stage-audio").evaluate("one => one.muted")
    await screen.close()
    await expect(listens).to_have_attribute("aria-pressed", "true")


async def test_all_sites_are_asked_to_measure_from_the_board(rig: Rig, host: Page) -> None:
    briefing = await rig.briefing("open")
    site = await rig.on_line(ALFA, briefing)
    await host.goto(f"{rig.base}/host/briefings/{briefing}/checks")
    await expect(host.get_by_test_id(f"measure-{ALFA}")).to_be_enabled()

    await host.get_by_test_id("measure-all").click()

    await site.get("measure")
    await expect(host.locator("#measure-words")).to_contain_text("1 điểm cầu đang đo")


async def test_two_hosts_at_once_leave_one_holder_and_a_whole_log(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    for code in (ALFA, BRAVO):
        await rig.on_line(code, briefing)
    hosts = [await rig.person("host"), await rig.person("admin")]
    path = f"/api/briefings/{briefing}"

    async def press(number: int) -> None:
        for turn in range(12):
            site = (ALFA, BRAVO, None)[(turn + number) % 3]
            answer = await hosts[number].post(f"{path}/floor", {"site": site})
            assert answer.status in (200, 409)  # 409: the other host has begun a break
            step = "break" if (turn + number) % 2 else "resume"
            assert (await hosts[number].post(f"{path}/{step}")).status in (200, 409)
            await hosts[number].post(f"{path}/resume")

    await asyncio.gather(press(0), press(1))

    held: str | None = None
    for one in await rig.services.read(rig.services.reader.events, briefing):
        kind = type(one.event).__name__
        if kind == "FloorGiven":
            assert held is None
            held = one.event.site  # type: ignore[attr-defined]
        elif kind == "FloorTaken":
            assert held == one.event.site  # type: ignore[attr-defined]
            held = None
    assert await rig.services.read(verify, rig.services.reader, briefing) == []
