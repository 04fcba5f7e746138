"""The operator's page: what it says in each state, the headcount's sum, a second machine."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Browser, Rig

pytestmark = [pytest.mark.browser]


async def enter(rig: Rig, browsers: Browsers, *, size: tuple[int, int] = (1366, 768)) -> Page:
    """The site's link, opened and joined."""
    page = (await browsers.person(f"operator {len(browsers.people)}", size=size)).page
    await page.goto(rig.base + rig.link(ALFA))
    await page.get_by_test_id("join-button").click()
    return page


async def says(page: Page, words: str) -> None:
    await expect(
        page.get_by_role("status").filter(has_text=re.compile(re.escape(words), re.I))
    ).to_be_visible()


async def test_the_page_waits_until_a_briefing_opens_and_comes_in_by_itself(
    rig: Rig, browsers: Browsers
) -> None:
    page = await enter(rig, browsers)
    await says(page, "Chưa có hội nghị nào mở")

    await rig.briefing("open")

    await expect(page.locator("#headline")).to_have_text("Đã vào phòng chờ", timeout=45_000)


async def test_each_phase_has_its_own_sentence(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open")
    host = await rig.program("host")
    page = await enter(rig, browsers)
    headline = page.locator("#headline")
    await expect(headline).to_have_text("Đã vào phòng chờ")

    for step, words in (
        ("start", "Đang nghe Hội trường"),
        ("break", "Giải lao"),
        ("resume", "Đang nghe Hội trường"),
        ("end", "Hội nghị đã kết thúc"),
    ):
        await host.post(f"/api/briefings/{briefing}/{step}")
        await expect(headline).to_have_text(words)


async def test_a_sum_that_is_wrong_is_not_sent_and_the_likely_correction_is_offered(
    rig: Rig, browsers: Browsers
) -> None:
    briefing = await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await page.get_by_test_id("headcount-more").click()
    for field, number in (("present", "31"), ("excused", "4"), ("unexcused", "0")):
        await page.get_by_test_id(f"headcount-{field}").fill(number)

    await expect(page.get_by_text("Thừa 1 người so với 34")).to_be_visible()
    await expect(page.get_by_test_id("headcount-send")).to_be_disabled()
    await page.get_by_role("button", name="Sửa vắng có lý do thành 3").click()
    await expect(page.get_by_text("31 + 3 + 0 = 34")).to_be_visible()
    await page.get_by_test_id("headcount-send").click()

    await expect(page.get_by_text("Hội trường đã nhận số có mặt")).to_be_visible()
    host = await rig.program("host")
    snapshot = (await (await host.get(f"/api/briefings/{briefing}")).json())["snapshot"]
    count = next(site["headcount"] for site in snapshot["sites"] if site["code"] == ALFA)
    assert (count["present"], count["excused"], count["unexcused"]) == (31, 3, 0)
    assert count["members"] is None, "a field left empty is unknown, not zero"


async def test_the_details_that_were_closed_stay_closed_while_the_sum_is_wrong(
    rig: Rig, browsers: Browsers
) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await enter(rig, browsers)
    await page.get_by_test_id("headcount-present").fill("31")
    await page.get_by_test_id("headcount-more").click()
    await page.get_by_test_id("headcount-excused").fill("1")
    await page.get_by_test_id("headcount-unexcused").fill("1")
    await expect(page.locator("#headcount-fixes button").first).to_be_visible()

    await page.get_by_test_id("headcount-more").click()
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(page.locator("#headline")).to_have_text("Chuẩn bị phát biểu")

    await expect(page.locator("#headcount-panel")).to_be_hidden()


async def test_the_number_present_alone_may_be_sent(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers)

    await page.get_by_test_id("headcount-present").fill("30")
    await page.get_by_test_id("headcount-send").click()

    await expect(page.get_by_text("Hội trường đã nhận số có mặt")).to_be_visible()


async def test_more_than_were_called_are_counted_apart(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers)

    await page.get_by_test_id("headcount-present").fill("36")
    await page.get_by_role("button", name="Có 2 người đến ngoài giấy mời").click()

    await expect(page.get_by_test_id("headcount-present")).to_have_value("34")
    await expect(page.get_by_test_id("headcount-extra")).to_have_value("2")
    await expect(page.get_by_test_id("headcount-send")).to_be_enabled()


async def test_called_to_speak_the_page_asks_for_one_press(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await page.get_by_test_id("raise-hand").click()
    await expect(page.locator("#headline")).to_have_text("Đã giơ tay, thứ tự 1")
    host = await rig.program("host")

    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await page.get_by_test_id("ready-to-speak").click()

    await expect(page.locator("#headline")).to_have_text("Đang phát biểu")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": None})
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await expect(page.locator("#mic-caption")).to_have_text("Mic đang tắt")


async def called(rig: Rig, browsers: Browsers) -> tuple[Page, str, Browser]:
    """A site in a live briefing that has just been given the floor, the briefing, and who gave it."""
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await enter(rig, browsers)
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(page.locator("#headline")).to_have_text("Chuẩn bị phát biểu")
    return page, briefing, host


async def written(host: Browser, briefing: str) -> list[str]:
    """What sites wrote to the hall."""
    answer = await host.get(f"/api/briefings/{briefing}/messages")
    return [message["text"] for message in await answer.json() if message["to_hub"]]


async def test_a_speaker_sees_for_how_long_and_ends_its_statement_itself(
    rig: Rig, browsers: Browsers
) -> None:
    page, briefing, host = await called(rig, browsers)
    await expect(page.get_by_test_id("speaking-clock")).to_be_hidden()

    await page.get_by_test_id("ready-to-speak").click()
    await expect(page.get_by_test_id("speaking-clock")).to_have_text(re.compile(r"^Đã nói 0\d:\d\d$"))
    await page.get_by_test_id("speech-end").click()

    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await expect(page.locator("#mic-caption")).to_have_text("Mic đang tắt")
    await expect(page.get_by_test_id("speaking-clock")).to_be_hidden()
    assert await written(host, briefing) == []


async def test_who_is_not_ready_asks_the_hall_to_wait_and_keeps_the_floor(
    rig: Rig, browsers: Browsers
) -> None:
    page, briefing, host = await called(rig, browsers)

    await page.get_by_test_id("cue-wait").click()

    await expect(page.get_by_test_id("cue-wait")).to_be_disabled()
    await expect(page.get_by_test_id("cue-wait")).to_have_text("Hội trường đang chờ")
    await rig.logged(briefing, lambda seen: "MessageSent" in seen)
    assert await written(host, briefing) == ["Xin chờ một chút: điểm cầu đang chuẩn bị phát biểu"]
    await expect(page.get_by_test_id("ready-to-speak")).to_be_visible()


async def test_who_does_not_wish_to_speak_gives_the_floor_back(rig: Rig, browsers: Browsers) -> None:
    page, briefing, host = await called(rig, browsers)

    await page.get_by_test_id("cue-decline").click()

    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    assert "FloorTaken" in await rig.events(briefing)
    assert await written(host, briefing) == ["Điểm cầu xin không phát biểu"]


async def test_a_page_that_was_replaced_stays_quiet_until_it_takes_over_again(
    rig: Rig, browsers: Browsers
) -> None:
    await rig.briefing("open", "start")
    old = await enter(rig, browsers)
    await expect(old.locator("#headline")).to_have_text("Đang nghe Hội trường")

    new = await enter(rig, browsers)

    await expect(old.locator("#headline")).to_have_text("Máy khác đã vào thay")
    await old.get_by_test_id("take-over").click()
    await expect(new.locator("#headline")).to_have_text("Máy khác đã vào thay")
    await expect(old.locator("#headline")).to_have_text("Đang nghe Hội trường")


async def test_a_reload_goes_on_where_it_was_with_the_same_devices(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await expect(page.get_by_test_id("camera-select")).not_to_have_value("")
    chosen = await page.get_by_test_id("camera-select").input_value()

    await page.reload()

    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await expect(page.get_by_test_id("camera-select")).to_have_value(chosen)


async def test_nothing_is_wider_than_a_phone(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers, size=(390, 844))
    await page.get_by_test_id("headcount-more").click()

    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
