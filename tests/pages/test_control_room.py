"""The control room: snapshots as tiles, queue and totals; guarded actions; data as text."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig

pytestmark = [pytest.mark.browser]


async def control(rig: Rig, host: Page, *steps: str, **fields: str) -> str:
    briefing = await rig.briefing(*steps, **fields)
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")
    return briefing


async def test_the_host_makes_a_briefing_for_chosen_sites(rig: Rig, host: Page) -> None:
    await host.get_by_test_id("create-open").click()
    await host.get_by_test_id("create-title").fill("Giao ban tháng 4")
    await host.get_by_test_id(f"create-site-{BRAVO}").uncheck()
    await host.get_by_test_id(f"create-expected-{ALFA}").fill("20")
    await expect(host.get_by_text("2 điểm cầu, triệu tập 75 người")).to_be_visible()

    await host.get_by_test_id("create-submit").click()

    await host.wait_for_url("**/host/briefings/*")
    await expect(host.get_by_test_id("total-expected")).to_have_text("75")
    await expect(host.get_by_test_id(f"site-tile-{BRAVO}")).to_have_count(0)


async def test_phases_offer_only_what_can_be_done(rig: Rig, host: Page) -> None:
    await control(rig, host)

    for button, then in (("open", "start"), ("start", "break"), ("break", "resume"), ("resume", "end")):
        await host.get_by_test_id(f"phase-{button}").click()
        await expect(host.get_by_test_id(f"phase-{then}")).to_be_visible()
        await expect(host.get_by_test_id(f"phase-{button}")).to_be_hidden()


async def test_a_tile_follows_its_site_and_trouble_comes_first(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    tile = host.get_by_test_id(f"site-tile-{CHARLIE}")
    await expect(tile).to_have_attribute("data-state", "absent")

    page = await rig.on_line(CHARLIE, briefing)
    await page.say("alive", n=1, t_ms=1, media={"receiving": True, "mode": "full", "layer": "high"})

    await expect(tile).to_have_attribute("data-state", "online")
    tops = [
        (await host.get_by_test_id(f"site-tile-{code}").bounding_box() or {"y": 0.0})["y"]
        for code in (ALFA, CHARLIE)
    ]
    assert tops[0] < tops[1]


async def test_hands_stand_in_their_order_and_the_floor_is_given_and_taken(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    for code in (CHARLIE, ALFA):
        await (await rig.on_line(code, briefing)).say("raise-hand")
        await expect(host.get_by_test_id(f"hand-{code}")).to_be_visible()
    await expect(host.get_by_test_id("queue").locator("b")).to_have_text(
        ["Trung tâm Y tế huyện", "Xã Bản Thi"]
    )

    await host.get_by_test_id(f"give-floor-{CHARLIE}").click()
    await expect(host.get_by_test_id(f"site-tile-{CHARLIE}")).to_have_attribute("data-floor", "true")
    await host.get_by_test_id("take-floor").click()

    await expect(host.get_by_test_id(f"site-tile-{CHARLIE}")).not_to_have_attribute("data-floor", "true")


async def test_a_headcount_is_confirmed_and_totals_say_so_far(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    await expect(host.get_by_test_id("total-present")).to_have_text("–")
    await (await rig.on_line(ALFA, briefing)).say("headcount", present=31)

    await expect(host.get_by_test_id("total-rate")).to_have_text("91,2 %")
    await expect(host.get_by_text("Tỷ lệ tham gia (tạm tính)")).to_be_visible()
    await host.get_by_test_id(f"confirm-headcount-{ALFA}").click()

    await expect(host.get_by_test_id(f"confirm-headcount-{ALFA}")).to_have_count(0)
    await expect(host.get_by_test_id("roll-list").get_by_text("Đã xác nhận")).to_be_visible()


async def test_ending_needs_the_typed_word(rig: Rig, host: Page) -> None:
    await control(rig, host, "open", "start")
    await host.get_by_test_id("phase-end").click()
    confirm = host.get_by_test_id("end-confirm")
    await expect(confirm).to_be_disabled()
    await host.get_by_test_id("end-word").fill("KET")
    await expect(confirm).to_be_disabled()

    await host.get_by_test_id("end-word").fill("kết thúc")
    await confirm.click()

    await expect(host.get_by_test_id("phase")).to_have_text("Đã kết thúc")
    await expect(host.get_by_test_id("phase-end")).to_be_hidden()


async def test_a_refusal_is_told_in_words(rig: Rig, host: Page) -> None:
    await control(rig, host, "open", "start")

    await (
        host.get_by_test_id(f"site-tile-{ALFA}").get_by_role("button", name="Xã Bản Thi", exact=True).click()
    )
    await host.get_by_test_id("card-present").fill("999")
    await host.get_by_test_id("card-reason").fill("gọi điện")
    await host.get_by_test_id("card-send").click()

    await expect(host.locator("#toast-text")).not_to_be_empty()


async def test_data_is_shown_as_text_and_never_runs(rig: Rig, host: Page) -> None:
    evil = '<img src=x onerror="document.title=`owned`">'
    briefing = await control(rig, host, "open", "start", title=evil)
    await (await rig.on_line(ALFA, briefing)).say("raise-hand", topic=evil)

    await expect(host.locator("#title")).to_have_text(evil)
    await expect(host.get_by_test_id(f"hand-{ALFA}").locator("small")).to_have_text(evil)
    assert await host.title() == "Điều hành hội nghị"


async def test_all_of_it_fits_a_small_screen_of_the_hall(rig: Rig, host: Page) -> None:
    await control(rig, host, "open", "start")

    assert await host.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [
        1366,
        768,
    ]
