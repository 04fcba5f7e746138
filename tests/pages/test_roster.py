"""Names on the operator's page: ticks, check-ins by telephone, the code; and being called for the number."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
from playwright.async_api import Page, expect

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, BRAVO, Rig, until

pytestmark = [pytest.mark.browser]

PEOPLE = "Nguyễn Văn An\tBí thư\nTrần Thị Bình\tChủ tịch\nHoàng Văn Cường\t\n"


async def with_names(rig: Rig, browsers: Browsers) -> tuple[Page, str]:
    """The operator's page in a running briefing, its list of three people open."""
    staff, briefing = await rig.program("staff"), await rig.briefing("open", "start")
    put = await staff.ask("PUT", f"/api/sites/{ALFA}/roster", data=PEOPLE.encode())
    assert put.status == 200
    page = await enter(rig, browsers)
    await page.get_by_test_id("headcount-more").click()
    await expect(page.get_by_test_id("roster-list").get_by_role("listitem")).to_have_count(3)
    return page, briefing


async def enter(rig: Rig, browsers: Browsers) -> Page:
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await page.get_by_test_id("join-button").click()
    return page


async def present_names(rig: Rig, briefing: str) -> set[str]:
    staff = await rig.program("staff")
    told = await (await staff.get(f"/api/briefings/{briefing}/sites/{ALFA}/attendees")).json()
    return {one["name"] for one in told["attendees"] if one["state"] == "present"}


async def test_ticked_names_make_the_number_and_stay_over_a_reload(rig: Rig, browsers: Browsers) -> None:
    page, briefing = await with_names(rig, browsers)
    present = page.get_by_test_id("headcount-present")

    await page.get_by_test_id("roster-tick-1").check()
    await expect(present).to_have_value("1")
    await page.get_by_test_id("roster-search").fill("tran thi")
    await expect(page.get_by_test_id("roster-list").get_by_role("listitem")).to_have_count(1)
    await page.get_by_test_id("roster-all").click()
    await expect(present).to_have_value("2")
    await expect(page.get_by_test_id("roster-count")).to_have_text("Đã đánh dấu 2/3")
    await until(
        lambda: present_names(rig, briefing), lambda names: names == {"Nguyễn Văn An", "Trần Thị Bình"}
    )
    assert "HeadcountDeclared" not in await rig.events(briefing), "nothing is declared by a tick"

    await page.reload()
    await page.get_by_test_id("headcount-more").click()
    await expect(page.get_by_test_id("roster-tick-2")).to_be_checked()
    await expect(page.get_by_test_id("roster-tick-3")).not_to_be_checked()
    await expect(present).to_have_value("2")
    await page.get_by_test_id("headcount-send").click()
    await rig.logged(briefing, lambda kinds: "HeadcountDeclared" in kinds)


async def test_ticks_made_without_a_line_are_sent_when_it_is_back(rig: Rig, browsers: Browsers) -> None:
    page, briefing = await with_names(rig, browsers)
    await page.context.set_offline(True)
    await page.get_by_test_id("roster-tick-3").check()
    await expect(page.get_by_text("dấu đã đánh được giữ trên máy này")).to_be_visible()
    await expect(page.get_by_test_id("headcount-present")).to_have_value("1")

    await page.context.set_offline(False)

    await expect(page.get_by_text("dấu đã đánh được giữ trên máy này")).to_be_hidden(timeout=15_000)
    assert await present_names(rig, briefing) == {"Hoàng Văn Cường"}


async def test_who_scans_the_rooms_code_counts_once_accepted(rig: Rig, browsers: Browsers) -> None:
    page, briefing = await with_names(rig, browsers)
    await page.get_by_test_id("roster-qr").click()
    picture = page.get_by_test_id("code-picture")
    await expect(picture).to_be_in_viewport(ratio=1)
    assert await picture.evaluate("image => image.decode().then(() => image.width)") > 300
    address = await page.get_by_test_id("code-address").inner_text()
    await page.get_by_test_id("code-close").click()

    phone = (await browsers.person("phone", size=(390, 844))).page
    for name in ("Lý Thị Dung", "Người Lạ"):
        await phone.goto(rig.base + "/checkin/" + address.split("/checkin/")[1])
        await phone.get_by_test_id("checkin-name").fill(name)
        await phone.get_by_test_id("checkin-submit").click()
        await expect(phone.get_by_test_id("checked-in")).to_contain_text(name)

    await page.get_by_test_id("checkin-accept-1").click(timeout=15_000)
    await page.get_by_test_id("checkin-decline-2").click()
    await expect(page.get_by_test_id("checkin-accept-2")).to_have_count(0)
    await expect(page.get_by_test_id("headcount-present")).to_have_value("1")
    assert await present_names(rig, briefing) == {"Lý Thị Dung"}


async def test_the_site_that_is_called_is_told_and_its_last_numbers_are_offered(
    rig: Rig, browsers: Browsers
) -> None:
    briefing = await rig.briefing("open", "start")
    other = await rig.on_line(BRAVO, briefing)
    page, host = await enter(rig, browsers), await rig.program("host")
    headline, calls = page.locator("#headline"), f"/api/briefings/{briefing}/roll-calls"
    await expect(page.locator("#detail")).to_have_text(
        "Hội trường đang điểm danh: mời điểm cầu Xã Bản Thi báo số có mặt"
    )
    await page.get_by_test_id("headcount-present").fill("31")
    await page.get_by_test_id("headcount-send").click()
    await expect(page.locator("#detail")).to_contain_text("31/34")

    assert (await host.post(calls, {"mode": "in_turn", "label": "middle"})).status == 201
    assert (await host.post(f"{calls}/next", {"site": BRAVO})).status == 200
    await other.until(
        lambda said: said["type"] == "snapshot" and (said.get("calling") or {}).get("called") == BRAVO
    )
    await expect(headline).to_have_text("Đang nghe Hội trường")
    assert (await host.post(f"{calls}/next", {"site": ALFA})).status == 200

    await expect(headline).to_have_text("Hội trường đang điểm danh")
    await expect(page.locator("#detail")).to_have_text("Mời điểm cầu Xã Bản Thi báo số có mặt")
    await expect(page.locator("#headcount")).to_have_class(re.compile("is-asked"))
    await expect(page.get_by_test_id("headcount-present")).to_have_value("31")
    await page.get_by_test_id("headcount-send").click()
    await expect(headline).to_have_text("Đang nghe Hội trường")
    await expect(page.get_by_text("Hội trường đã nhận số có mặt")).to_be_visible()


async def test_numbers_typed_stay_over_a_reload_until_the_hall_has_them(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await page.get_by_test_id("headcount-more").click()
    for field, number in (("present", "30"), ("excused", "4"), ("unexcused", "0"), ("note", "Mưa lũ")):
        await page.get_by_test_id(f"headcount-{field}").fill(number)

    await page.reload()

    await expect(page.get_by_test_id("headcount-present")).to_have_value("30")
    await expect(page.get_by_test_id("headcount-note")).to_have_value("Mưa lũ")
    await page.get_by_test_id("headcount-send").click()
    await rig.logged(briefing, lambda kinds: "HeadcountDeclared" in kinds)
    await expect(page.get_by_text("Hội trường đã nhận số có mặt")).to_be_visible()
    kept = await page.evaluate("Object.keys(localStorage)")
    assert not [key for key in kept if key.startswith("headcount:")]


async def test_the_office_loads_a_list_after_looking_at_it(rig: Rig, host: Page) -> None:
    book, raw = openpyxl.Workbook(), io.BytesIO()
    for row in (("STT", "Họ và tên", "Chức vụ"), (1, "Nguyễn Văn An", "Bí thư"), (2, "Lý Thị Dung", "")):
        book.worksheets[0].append(row)
    book.save(raw)
    await host.goto(f"{rig.base}/staff")
    await host.get_by_test_id("rosters-open").click()
    await host.get_by_test_id("rosters-site").select_option(BRAVO)
    news, save = host.get_by_test_id("rosters-news"), host.get_by_test_id("rosters-save")

    await host.get_by_test_id("rosters-text").fill("Nguyễn Văn An\tBí thư\n\tChủ tịch")
    await expect(news).to_contain_text("dòng 2, cột A")
    await expect(save).to_be_disabled()
    await host.get_by_test_id("rosters-file").set_input_files(
        {"name": "danh-sach.xlsx", "mimeType": "application/octet-stream", "buffer": raw.getvalue()}
    )
    await expect(news).to_contain_text("Đọc được 2 người")
    await expect(host.get_by_test_id("rosters-rows")).to_contain_text("Lý Thị Dung")
    await expect(host.get_by_test_id(f"rosters-count-{BRAVO}")).to_have_text("0")
    await save.click()

    await expect(host.get_by_test_id(f"rosters-count-{BRAVO}")).to_have_text("2")
    await expect(news).to_contain_text("Đã lưu 2 người cho Xã Đại Sảo")
    await expect(save).to_be_disabled()
