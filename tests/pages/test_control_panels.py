"""The control room's panels: what comes next, the agenda, the diary, what is ready, and finding a site."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.documents.samples import pdf
from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig

pytestmark = [pytest.mark.browser]


async def control(rig: Rig, host: Page, *steps: str) -> str:
    briefing = await rig.briefing(*steps)
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")
    return briefing


async def test_what_comes_next_is_looked_at_before_it_goes_on_air_and_the_way_back_is_one_press(
    rig: Rig, host: Page
) -> None:
    briefing = await control(rig, host, "open", "start")
    await rig.on_line(BRAVO, briefing)
    await expect(host.get_by_test_id("stage-site").locator("option")).to_have_count(2)
    on_air = host.locator("#stage-caption")

    await host.get_by_test_id("stage-site").select_option(BRAVO)
    await expect(host.get_by_test_id("preview-name")).to_have_text("Xã Đại Sảo")
    await expect(on_air).to_have_text("Huyện Chợ Đồn")
    await host.get_by_test_id("preview-take").click()
    await expect(on_air).to_have_text("Xã Đại Sảo")

    await expect(host.get_by_test_id("preview-hub")).to_have_attribute("aria-pressed", "true")
    await host.get_by_test_id("phase").click()
    await host.locator("body").press("Enter")
    await expect(on_air).to_have_text("Huyện Chợ Đồn")
    assert (await rig.events(briefing)).count("StageSet") == 2


async def test_the_next_page_of_a_document_is_in_the_preview(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    program = await rig.program("host")
    await program.ask("POST", f"/api/briefings/{briefing}/documents", params={"name": "a.pdf"}, data=pdf(2))
    await expect(host.locator("#documents-count")).to_have_text("1")

    await host.locator("body").press("2")
    await expect(host.get_by_test_id("preview-slide")).to_have_attribute("alt", "Trang 1")
    await host.locator("body").press("Enter")
    await expect(host.get_by_test_id("stage-slide")).to_have_attribute("alt", "Trang 1")
    await host.locator("body").press("2")
    await expect(host.get_by_test_id("preview-slide")).to_have_attribute("alt", "Trang 2")
    await host.locator("body").press("Enter")
    await expect(host.get_by_test_id("stage-slide")).to_have_attribute("alt", "Trang 2")
    await expect(host.get_by_test_id("preview-take")).to_be_disabled()  # there is no page 3


async def test_while_a_site_has_the_floor_nothing_else_goes_on_air(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    await rig.on_line(ALFA, briefing)
    await host.get_by_test_id(f"give-floor-{ALFA}").click()

    await expect(host.get_by_test_id("preview-take")).to_be_disabled()
    await expect(host.get_by_test_id("preview-hub")).to_be_disabled()


async def test_the_agenda_is_written_gone_through_and_invites_from_the_list(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    await rig.on_line(ALFA, briefing)
    await host.get_by_test_id("tab-agenda").click()
    await host.get_by_test_id("agenda-edit").click()
    rows = host.get_by_test_id("agenda-rows").locator("li")
    await rows.nth(0).locator("[name=title]").fill("Quán triệt <b>nghị quyết</b>")
    await rows.nth(0).locator("[name=minutes]").fill("100")
    await host.get_by_test_id("agenda-add").click()
    await rows.nth(1).locator("[name=title]").fill("Ý kiến điểm cầu")
    await rows.nth(1).locator("[name=site]").select_option(ALFA)
    await host.get_by_test_id("agenda-save").click()

    await expect(host.get_by_test_id("agenda-item-1")).to_contain_text("Quán triệt <b>nghị quyết</b>")
    await host.locator("body").press("a")
    await expect(host.get_by_test_id("agenda-item-1")).to_have_attribute("aria-current", "step")
    await expect(host.get_by_test_id("agenda-left")).to_have_text(
        re.compile(r"^còn 1:39:\d\d$|^còn 1:40:00$")
    )
    await host.get_by_test_id("agenda-next").click()
    await expect(host.get_by_test_id("agenda-item-1")).to_contain_text("xong")
    await host.get_by_test_id("agenda-invite-2").click()

    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_have_attribute("data-floor", "true")


async def test_the_diary_tells_who_did_what_and_of_one_site_alone(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    for code in (ALFA, BRAVO):
        await (await rig.on_line(code, briefing)).say("headcount", present=20)
    await host.locator("body").press("j")
    lines = host.get_by_test_id("diary-list").locator("li")
    await expect(lines.filter(has_text="Xã Đại Sảo báo có mặt 20/33")).to_have_count(1)

    await host.get_by_test_id(f"give-floor-{ALFA}").click()

    await expect(lines.first).to_contain_text("mai mời Xã Bản Thi phát biểu")
    await expect(lines.first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    await host.get_by_test_id("diary-site").select_option(BRAVO)
    await expect(lines.first).to_contain_text("Xã Đại Sảo báo có mặt 20/33")
    await expect(lines.filter(has_text="Xã Bản Thi")).to_have_count(0)


async def test_a_site_is_found_without_accents_and_its_card_opens(rig: Rig, host: Page) -> None:
    await control(rig, host, "open", "start")
    await host.locator("body").press("/")
    await host.keyboard.type("dai sao")

    await expect(host.get_by_test_id(f"site-tile-{BRAVO}")).to_be_visible()
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_be_hidden()
    await host.keyboard.press("Enter")
    await expect(host.locator("#card-title")).to_have_text("Xã Đại Sảo")
    await host.keyboard.press("Escape")
    await host.get_by_test_id("gallery-find").press("Escape")
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_be_visible()
    await host.get_by_test_id("gallery-find").fill("không có")
    await expect(host.locator("#gallery-none")).to_contain_text("Không có điểm cầu nào")


async def test_trouble_comes_first_until_another_order_is_chosen(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    page = await rig.on_line(ALFA, briefing)
    await page.say("alive", n=1, t_ms=1, media={"receiving": True, "mode": "full", "layer": "high"})
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_have_attribute("data-state", "online")

    async def lefts() -> dict[str, float]:
        boxes = {
            code: await host.get_by_test_id(f"site-tile-{code}").bounding_box() for code in (ALFA, BRAVO)
        }
        return {code: box["y"] * 10_000 + box["x"] for code, box in boxes.items() if box}

    places = await lefts()
    assert places[BRAVO] < places[ALFA]
    await host.get_by_test_id("gallery-sort").select_option("name")
    places = await lefts()
    assert places[ALFA] < places[BRAVO]


async def test_before_the_start_the_host_sees_what_is_missing(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open")
    point = host.get_by_test_id
    for name in ("camera", "microphone", "sites", "checked", "documents", "agenda"):
        await expect(point(f"ready-{name}")).to_have_attribute("data-good", "false")
    await expect(point("ready-sites")).to_contain_text("còn thiếu: Xã Bản Thi, Xã Đại Sảo")

    program = await rig.program("host")
    for code in (ALFA, BRAVO, CHARLIE):
        await rig.on_line(code, briefing)
        await (await rig.site(code)).post("/api/line-checks", {"sound": True, "rate_bps": 100_000})
    await program.put(f"/api/briefings/{briefing}/agenda", {"items": [{"title": "Khai mạc"}]})

    for name in ("sites", "checked", "agenda"):
        await expect(point(f"ready-{name}")).to_have_attribute("data-good", "true")
    await expect(point("ready-poor")).to_contain_text("Đường truyền kém")
    await point("phase-start").click()
    await expect(host.get_by_test_id("ready")).to_be_hidden()


async def test_sites_that_have_not_reported_are_reminded_in_one_press(rig: Rig, host: Page) -> None:
    briefing = await control(rig, host, "open", "start")
    site = await rig.on_line(ALFA, briefing)
    await rig.on_line(BRAVO, briefing)
    await site.say("headcount", present=20)
    await expect(host.locator("#roll-figures")).to_contain_text("1/3")  # so it is not that site any more
    await expect(host.get_by_test_id("remind")).to_contain_text("Nhắc 1 điểm cầu")

    await host.get_by_test_id("remind").click()

    await expect(host.locator("#toast-text")).to_contain_text("Đã nhắc 1 điểm cầu")
    recorded = await rig.services.read(rig.services.reader.events, briefing)
    sent = [one.event.site for one in recorded if type(one.event).__name__ == "MessageSent"]
    assert sent == [BRAVO]


async def test_the_board_of_line_checks_tells_of_one_site_what_its_line_means(rig: Rig, host: Page) -> None:
    briefing = await rig.briefing("open")
    alfa = await rig.on_line(ALFA, briefing)
    poor = {"sound": True, "rate_bps": 100_000, "microphone": "USB Audio", "operator": "Lan"}
    await (await rig.site(BRAVO)).post("/api/line-checks", poor)
    await host.goto(f"{rig.base}/host/briefings/{briefing}/checks")

    await expect(host.get_by_test_id("one-line")).to_contain_text("Xã Đại Sảo")
    await expect(host.get_by_test_id("one-line")).to_contain_text("Không đủ cho hình")
    await expect(host.get_by_test_id("lights").locator("li").nth(2)).to_contain_text("Kém1")
    await host.keyboard.press("ArrowDown")
    await expect(host.get_by_test_id("one-line")).to_contain_text("Xã Bản Thi")
    await host.keyboard.press("k")

    await alfa.get("measure")
    await expect(host.locator("#measure-words")).to_contain_text("1 điểm cầu đang đo")


async def test_the_list_of_briefings_tells_sites_and_rate(rig: Rig, host: Page) -> None:
    ended = await rig.briefing("open", "start")
    program = await rig.program("host")
    body = {"present": 31, "reason": "báo qua điện thoại"}
    await program.put(f"/api/briefings/{ended}/sites/{ALFA}/headcount", body)
    await program.post(f"/api/briefings/{ended}/end")
    running = await rig.briefing("open", "start")
    await rig.on_line(ALFA, running)
    await host.reload()

    await expect(host.get_by_test_id(f"briefing-{ended}")).to_contain_text("91,2 %")
    await expect(host.get_by_test_id(f"briefing-{ended}")).to_contain_text("0/3")
    await expect(host.get_by_test_id(f"briefing-{running}")).to_contain_text("1/3")
    await expect(host.get_by_test_id(f"briefing-{running}")).to_contain_text("Triệu tập 122")
