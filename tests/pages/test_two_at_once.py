"""More than one in the control room, by keyboard alone, and a site that is called to two briefings."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from coordinator.domain.commands import Actor
from tests.pages.axe import expect_accessible
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, BRAVO, PASSWORD, Rig

pytestmark = [pytest.mark.browser]


async def person(rig: Rig, browsers: Browsers, name: str, role: str) -> Page:
    """A browser of its own in which `name` has logged in."""
    await rig.services.write(rig.services.accounts.add, name, role, PASSWORD)
    secret = await rig.services.write(rig.services.cookies.open, Actor(name, role))
    someone = await browsers.person(name)
    await someone.context.add_cookies([{"name": "coordinator_session", "value": secret, "url": rig.base}])
    return someone.page


async def enter(rig: Rig, page: Page, briefing: str) -> None:
    await page.goto(f"{rig.base}/host/briefings/{briefing}")
    await expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")


async def test_the_secretary_follows_along_confirms_and_steers_nothing(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open", "start")
    site = await rig.on_line(ALFA, briefing)
    await site.say("raise-hand", topic="Kinh phí")
    await site.say("headcount", present=31)
    secretary = await person(rig, browsers, "thu", "staff")
    await secretary.goto(f"{rig.base}/staff")
    await secretary.get_by_test_id(f"follow-{briefing}").click()
    await expect(secretary.get_by_test_id(f"hand-{ALFA}")).to_contain_text("Kinh phí")
    await expect_accessible(secretary, "the secretary in the control room")

    steering = ["phase-break", "phase-end", "preview-hub", "mute-all", "publish-hall", "document-upload"]
    for name in [*steering, f"give-floor-{ALFA}", f"queue-give-floor-{ALFA}", "roll-call", "open-hall"]:
        await expect(secretary.get_by_test_id(name)).to_be_hidden()
    for key in "ptxd1234osha":
        await secretary.locator("body").press(key)
    await secretary.get_by_test_id(f"confirm-headcount-{ALFA}").click()

    await expect(secretary.get_by_test_id(f"confirm-headcount-{ALFA}")).to_have_count(0)
    happened = await rig.events(briefing)
    assert "HeadcountConfirmed" in happened
    assert not {"FloorGiven", "StageSet"} & set(happened)
    assert happened.count("RollCallStarted") == 1  # the one that every start brings
    await expect(secretary.locator("#toast-text")).to_be_empty()  # no key was tried and refused


async def test_two_hosts_in_two_browsers_see_each_others_presses(rig: Rig, browsers: Browsers) -> None:
    briefing = await rig.briefing("open", "start")
    for code in (ALFA, BRAVO):
        await rig.on_line(code, briefing)
    one = await person(rig, browsers, "mai", "host")
    other = await person(rig, browsers, "lan", "host")
    for page in (one, other):
        await enter(rig, page, briefing)

    await one.get_by_test_id(f"give-floor-{ALFA}").click()
    await expect(other.get_by_test_id(f"site-tile-{ALFA}")).to_have_attribute("data-floor", "true")
    await other.get_by_test_id(f"give-floor-{BRAVO}").click()
    await expect(one.get_by_test_id(f"site-tile-{BRAVO}")).to_have_attribute("data-floor", "true")
    await expect(one.get_by_test_id(f"site-tile-{ALFA}")).not_to_have_attribute("data-floor", "true")
    await one.locator("body").press("t")
    await expect(other.get_by_test_id("take-floor")).to_be_hidden()
    await other.get_by_test_id("phase-break").click()

    await expect(one.get_by_test_id("phase")).to_have_attribute("data-phase", "break")


async def focus_on(page: Page, name: str) -> None:
    """Tab, as often as it takes; at most once round the page."""
    for _ in range(150):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement?.dataset.testid") == name:
            return
    pytest.fail(f"Tab does not reach {name}")


async def test_a_briefing_from_opening_to_end_without_a_mouse(rig: Rig, host: Page) -> None:
    briefing = await rig.briefing()
    await enter(rig, host, briefing)
    phase = host.get_by_test_id("phase")
    for step, then in (("open", "open"), ("start", "live")):
        await focus_on(host, f"phase-{step}")
        await host.keyboard.press("Enter")
        await expect(phase).to_have_attribute("data-phase", then)
    site = await rig.on_line(ALFA, briefing)
    await site.say("raise-hand", topic="Kinh phí")
    await expect(host.get_by_test_id(f"hand-{ALFA}")).to_be_visible()

    await host.keyboard.press("p")
    await expect(host.get_by_test_id("floor-clock")).to_have_text(re.compile(r"^00:\d\d$"))
    await host.keyboard.press("t")
    await expect(host.get_by_test_id("take-floor")).to_be_hidden()
    await focus_on(host, f"give-floor-{ALFA}")
    await host.keyboard.press("Enter")
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).to_have_attribute("data-floor", "true")
    await host.keyboard.press("x")
    await expect(host.get_by_test_id(f"site-tile-{ALFA}")).not_to_have_attribute("data-floor", "true")
    await host.keyboard.press("d")
    await rig.logged(briefing, lambda events: "RollCallStarted" in events)
    await host.keyboard.press("m")
    await expect(host.get_by_test_id("message-list")).to_be_attached()
    await expect(host.get_by_test_id("message-text")).to_be_focused()
    await host.keyboard.type("Xin ổn định chỗ ngồi")
    await host.keyboard.press("Enter")
    await expect(host.get_by_test_id("message-list")).to_contain_text("Xin ổn định chỗ ngồi")
    await host.keyboard.press("Escape")

    await focus_on(host, "phase-end")
    await host.keyboard.press("Enter")
    await focus_on(host, "end-word")
    await host.keyboard.type("KET THUC")
    await focus_on(host, "end-confirm")
    await host.keyboard.press("Enter")

    await expect(phase).to_have_attribute("data-phase", "ended")
    await expect(host.locator("#to-report")).to_be_visible()
    await expect(host.locator("#urgent-title")).to_be_hidden()  # nobody is missed any more
    await expect(host.get_by_test_id("publish-hall")).to_be_hidden()


async def test_the_operator_of_a_site_with_two_briefings_chooses_one(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start", title="Quán triệt nghị quyết")
    second = await rig.briefing("open", "start", title="Giao ban tháng 4")
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    await expect_accessible(page, "the choice between two briefings")

    await page.get_by_test_id(f"choose-{second}").click()
    await page.get_by_test_id("join-button").click()

    await rig.logged(second, lambda events: "ConnectionOpened" in events)
    await expect(page.locator("#briefing-title")).to_contain_text("Giao ban tháng 4")


async def test_an_empty_list_says_what_to_do_first(rig: Rig, host: Page) -> None:
    guide = host.get_by_test_id("first-run")
    await expect(guide.locator("li")).to_have_count(4)
    await expect_accessible(host, "the first run")
    await rig.briefing()
    await host.reload()

    await expect(host.locator("tbody tr").first).to_be_visible()
    await expect(guide).to_be_hidden()
