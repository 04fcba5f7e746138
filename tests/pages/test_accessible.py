"""axe-core finds nothing serious on any page; nobody scrolls sideways at 200 % zoom."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.documents.samples import pdf
from tests.pages.axe import expect_accessible, sideways
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig

pytestmark = [pytest.mark.browser]

ZOOMED = {"width": 683, "height": 384}  # 1366 x 768 at 200 %


async def under_way(rig: Rig) -> str:
    """A live briefing with a hand raised, a count to confirm and a message."""
    briefing = await rig.briefing("open", "start", document_number="05-NQ/HU")
    asks = await rig.on_line(ALFA, briefing)
    await asks.say("raise-hand", topic="Kinh phí đường truyền")
    await asks.say("headcount", present=31)
    await asks.say("message", text="Mất điện lưới")
    await asks.say("alive", n=1, t_ms=1, media={"receiving": True, "mode": "full", "layer": "high"})
    await rig.on_line(BRAVO, briefing)
    return briefing


async def ready(page: Page) -> None:
    await page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_pages_of_the_office(rig: Rig, host: Page, lang: str) -> None:
    briefing = await under_way(rig)
    ended = await rig.briefing("open", "start", "end")
    await host.goto(f"{rig.base}/language/{lang}?next=/host")
    await expect(host.get_by_test_id(f"briefing-{briefing}")).to_be_visible()
    await expect_accessible(host)
    await host.get_by_test_id("create-open").click()
    await expect_accessible(host, "the form of a new briefing")

    paths = ["/staff", "/staff/rosters", "/staff/trends", f"/staff/briefings/{ended}", "/host/join-sheets"]
    paths += [f"/staff/briefings/{ended}/{paper}" for paper in ("print", "roll-call", "quick")]
    paths += [f"/host/briefings/{briefing}/checks", "/help", "/no-such-page"]
    for path in paths:
        await host.goto(rig.base + path)
        await ready(host)
        await expect_accessible(host)


async def test_the_log_in_page_with_its_refusal(rig: Rig, browsers: Browsers) -> None:
    page = (await browsers.person("stranger")).page
    await page.goto(rig.base)
    await expect_accessible(page)
    await page.get_by_test_id("login-name").fill("nobody")
    await page.get_by_test_id("login-password").fill("wrong password")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("login-problem")).to_be_visible()
    await expect_accessible(page, "refused")


async def test_the_control_room_in_every_phase(rig: Rig, host: Page) -> None:
    await rig.briefing()
    briefing = await rig.briefing()
    program = await rig.program("host")
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    for step in ("", "open", "start", "break", "resume", "end"):
        if step == "open":
            await host.get_by_test_id("phase-cancel").click()
            await expect_accessible(host, "the question before cancelling")
            await host.keyboard.press("Escape")
        if step:
            await program.post(f"/api/briefings/{briefing}/{step}")
        words = {"": "scheduled", "open": "open", "break": "break", "end": "ended"}.get(step, "live")
        await expect(host.get_by_test_id("phase")).to_have_attribute("data-phase", words)
        await expect_accessible(host, f"control room, {step or 'scheduled'}")


async def test_the_control_room_at_work(rig: Rig, host: Page) -> None:
    briefing = await under_way(rig)
    program = await rig.program("host")
    await host.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(host.get_by_test_id(f"hand-{ALFA}")).to_be_visible()
    await expect_accessible(host, "a hand raised")
    await program.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(host.get_by_test_id("take-floor")).to_be_visible()
    await expect_accessible(host, "a site has the floor")

    await host.get_by_test_id(f"site-tile-{CHARLIE}").get_by_role("button").first.click()
    await expect_accessible(host, "the card of a site")
    await host.keyboard.press("Escape")
    await program.ask("POST", f"/api/briefings/{briefing}/documents", params={"name": "a.pdf"}, data=pdf(1))
    agenda = [{"title": "Ý kiến", "minutes": 10, "site": ALFA}]
    await program.put(f"/api/briefings/{briefing}/agenda", {"items": agenda})
    await program.post(f"/api/briefings/{briefing}/agenda/step", {"item": 1})
    for opener, name in (
        ("messages-open", "messages"),
        ("phrases-open", "the ready phrases"),
        ("tab-diary", "the diary"),
        ("tab-agenda", "the agenda"),
        ("agenda-edit", "the agenda's form"),
        ("tab-documents", "the documents"),
        ("documents-open", "who has received the documents"),
        ("phase-end", "the end's question"),
    ):
        await host.get_by_test_id(opener).click()
        await expect_accessible(host, name)
        await host.keyboard.press("Escape")


async def test_the_hall_screen(rig: Rig, host: Page) -> None:
    briefing = await under_way(rig)
    await host.goto(f"{rig.base}/host/briefings/{briefing}/hall")
    await ready(host)
    await expect_accessible(host)


async def test_the_operators_page(rig: Rig, browsers: Browsers) -> None:
    program = await rig.program("host")
    briefing = await rig.briefing()
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await expect(page.get_by_test_id("join-button")).to_be_enabled()
    await expect_accessible(page, "the devices")
    await page.get_by_test_id("join-button").click()
    for step in ("open", "start", "break", "resume", "end"):
        await program.post(f"/api/briefings/{briefing}/{step}")
        await expect(page.locator("#headline")).to_be_visible()
        await ready(page)
        await expect_accessible(page, f"operator, {step}")


async def test_nobody_scrolls_sideways_at_200_percent(rig: Rig, host: Page) -> None:
    briefing = await under_way(rig)
    await host.set_viewport_size(ZOOMED)  # type: ignore[arg-type]
    for path in ("/host", f"/host/briefings/{briefing}", f"/host/briefings/{briefing}/checks", "/help"):
        await host.goto(rig.base + path)
        await ready(host)
        assert await sideways(host) == 0, path


async def test_what_axe_finds_fails_the_test(rig: Rig, host: Page) -> None:
    await host.evaluate("document.body.append(document.createElement('button'))")
    with pytest.raises(AssertionError, match="button-name"):
        await expect_accessible(host)
