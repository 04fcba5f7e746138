"""The operator's page without a mouse, and at twice its size."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import sideways
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]

# What is cut off: an element in use whose words or box reach beyond the window, or that nobody can scroll to.
_CUT = """() => {
  const cut = [];
  const words = 'button, a, input, select, h1, h2, #headline, #detail, [role=timer]';
  for (const one of document.querySelectorAll(words)) {
    const style = getComputedStyle(one);
    const gone = one.closest('.sr-only, dialog:not([open])') || style.visibility === 'hidden';
    if (gone || !one.getBoundingClientRect().width) continue;
    one.scrollIntoView({block: 'center', inline: 'nearest'});
    const at = one.getBoundingClientRect();
    const told = (why) => cut.push(`${one.id || one.textContent.trim().slice(0, 40)}: ${why}`);
    const [x, y] = [(at.left + at.right) / 2, (at.top + at.bottom) / 2];
    const over = document.elementFromPoint(x, y);
    const own = over && (one.contains(over) || over.contains(one) || over.closest('label')?.control === one);
    if (at.left < -1 || at.right > innerWidth + 1) told('beside the window');
    else if (at.bottom < 1 || at.top > innerHeight - 1) told('out of reach');
    else if (!own && !over?.closest('dialog[open]')) told(`covered by ${over?.id || over?.className}`);
    const clips = style.overflowX !== 'visible' && !one.matches('input, select');
    if (clips && one.scrollWidth > one.clientWidth + 1) told('words cut');
  }
  return cut;
}"""


async def open_page(rig: Rig, browsers: Browsers, size: tuple[int, int] = (1366, 768)) -> Page:
    page = (await browsers.person(f"operator {len(browsers.people)}", size=size)).page
    await page.goto(rig.base + rig.link(ALFA))
    await expect(page.locator("body")).to_have_attribute("data-ready", "true")
    return page


async def walk_to(page: Page, hook: str) -> None:
    """Tab, and only Tab, until the control has the focus; it must show that it has."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement?.dataset.testid") == hook:
            break
    control = page.get_by_test_id(hook)
    await expect(control).to_be_focused()
    seen = await control.evaluate(
        "one => { const s = getComputedStyle(one); return s.outlineStyle + s.boxShadow; }"
    )
    assert seen != "nonenone", f"{hook} does not show that it has the focus"


async def test_a_whole_briefing_goes_without_a_mouse(rig: Rig, browsers: Browsers) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await open_page(rig, browsers)
    headline = page.locator("#headline")
    await walk_to(page, "speaker-test")
    await page.keyboard.press("Enter")
    await walk_to(page, "speaker-yes")
    await page.keyboard.press("Space")
    await walk_to(page, "join-button")
    await page.keyboard.press("Enter")
    await expect(headline).to_have_text("Đang nghe Hội trường")

    await walk_to(page, "headcount-present")
    await page.keyboard.type("31")
    await walk_to(page, "headcount-send")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Hội trường đã nhận số có mặt")).to_be_visible()

    await walk_to(page, "raise-hand")
    await page.keyboard.press("Space")
    await expect(headline).to_have_text("Đã giơ tay, thứ tự 1")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(headline).to_have_text("Chuẩn bị phát biểu")
    await walk_to(page, "ready-to-speak")
    await page.keyboard.press("Space")
    await expect(headline).to_have_text("Đang phát biểu")
    await walk_to(page, "speech-end")
    await page.keyboard.press("Enter")
    await expect(headline).to_have_text("Đang nghe Hội trường")

    await walk_to(page, "settings-open")
    await page.keyboard.press("Enter")
    await walk_to(page, "receive-all")
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_test_id("receive-sound")).to_be_checked()
    await page.keyboard.press("Escape")
    await expect(headline).to_have_text("Chỉ nghe tiếng")
    await expect(page.get_by_test_id("settings-open")).to_be_focused()


@pytest.mark.parametrize(
    "size", [(683, 384), (960, 540), (390, 844)], ids=["1366 at 200 %", "1920 at 200 %", "phone"]
)
async def test_at_twice_the_size_nothing_is_cut_off(
    rig: Rig, browsers: Browsers, size: tuple[int, int]
) -> None:
    briefing, host = await rig.briefing("open"), await rig.program("host")
    page = await open_page(rig, browsers, size)
    found = {"check": await page.evaluate(_CUT)}
    await page.get_by_test_id("join-button").click()
    headline = page.locator("#headline")
    await expect(headline).to_have_text("Đã vào phòng chờ")
    found["waiting"] = await page.evaluate(_CUT)
    for step, words in (
        ("start", "Đang nghe Hội trường"),
        ("break", "Giải lao"),
        ("resume", "Đang nghe Hội trường"),
    ):
        await host.post(f"/api/briefings/{briefing}/{step}")
        await expect(headline).to_have_text(words)
        found[step] = await page.evaluate(_CUT)
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await expect(headline).to_have_text("Chuẩn bị phát biểu")
    found["cue"] = await page.evaluate(_CUT)
    await page.get_by_test_id("ready-to-speak").click()
    await expect(headline).to_have_text("Đang phát biểu")
    found["speaking"] = await page.evaluate(_CUT)
    await page.get_by_test_id("speech-end").click()
    await page.get_by_test_id("settings-open").click()
    found["settings"] = await page.evaluate(_CUT)

    assert await sideways(page) == 0
    assert not {state: cut for state, cut in found.items() if cut}


async def test_a_long_name_leaves_the_button_of_the_call_in_sight(rig: Rig, browsers: Browsers) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await open_page(rig, browsers)
    await page.evaluate(
        "for (const one of document.querySelectorAll('.site-name, .site-head h1')) {"
        " one.textContent = 'Trung tâm Giáo dục nghề nghiệp - Giáo dục thường xuyên huyện Chợ Đồn';"
        " one.classList.add('is-long'); }"
    )
    await page.get_by_test_id("join-button").click()
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})

    await expect(page.get_by_test_id("ready-to-speak")).to_be_in_viewport(ratio=1)

    below = await page.evaluate(
        "document.getElementById('ready-to-speak').getBoundingClientRect().bottom"
        " - document.getElementById('state-bar').getBoundingClientRect().top"
    )
    assert below <= 0
    assert await sideways(page) == 0
    assert await page.evaluate(_CUT) == []
