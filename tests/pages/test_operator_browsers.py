"""Each browser in its own words: allowing camera and microphone, and the way out of other programs."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import sideways
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_ANDROID = "Mozilla/5.0 (Linux; Android 12; SM-A135F Build/SP1A; wv) AppleWebKit/537.36 Version/4.0"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ALLOWS = {
    "Chrome": (f"{_WINDOWS} {_WEBKIT} Chrome/109.0.0.0 Safari/537.36", "Bấm biểu tượng bên trái địa chỉ"),
    "Edge": (
        f"{_WINDOWS} {_WEBKIT} Chrome/109.0.0.0 Safari/537.36 Edg/109.0.1518.140",
        "Edge: bấm hình ổ khóa",
    ),
    "Cốc Cốc": (
        f"{_WINDOWS} {_WEBKIT} coc_coc_browser/109.0.184 Chrome/103.0.5060.184 Safari/537.36",
        "Cốc Cốc: bấm hình ổ khóa",
    ),
    "Firefox": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
        "Firefox: bấm hình máy quay hoặc micrô bị gạch chéo",
    ),
    "Android": (
        f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
        "Chrome trên điện thoại",
    ),
    "iPhone": (f"{_IPHONE} Version/16.6 Mobile/15E148 Safari/604.1", "Safari: bấm “aA”"),
}
INSIDE = {
    "Zalo": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36 Zalo android/12100771 ZaloTheme/light",
    "Facebook": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/420.0.0.32.71;]",
    "Messenger": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/411.1;] Messenger",
    "Instagram": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36 Instagram 289.0.0.25.109 Android",
    "TikTok": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36 musical_ly_2022803040 BytedanceWebview/d8a21c6",
    "ứng dụng khác": f"{_ANDROID} Chrome/114.0 Mobile Safari/537.36",
}
ON_AN_IPHONE = {
    "Zalo": f"{_IPHONE} Mobile/15E148 Zalo iOS/530 ZaloTheme/light",
    "Facebook": f"{_IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/430.0.0.42.70;FBDV/iPhone12,1]",
}
_REFUSES = (
    "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('%s', 'NotAllowedError'); };"
)


async def opened(
    rig: Rig, browsers: Browsers, agent: str, script: str = "", size: tuple[int, int] = (1366, 768)
) -> Page:
    """The site's link in a browser that calls itself `agent`."""
    person = await browsers.person("operator")
    width, height = size
    context = await person.browser.new_context(
        locale="vi-VN", user_agent=agent, viewport={"width": width, "height": height},
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    await context.add_init_script(script)
    page = await context.new_page()
    await page.goto(rig.base + rig.link(ALFA))
    return page


@pytest.mark.parametrize("name", ALLOWS)
async def test_a_refused_camera_is_allowed_again_by_what_this_browser_has(
    rig: Rig, browsers: Browsers, name: str
) -> None:
    agent, words = ALLOWS[name]
    page = await opened(rig, browsers, agent, _REFUSES % "Permission denied")

    for kind in ("camera", "microphone"):
        await expect(page.locator(f"#{kind}-trouble")).to_contain_text(words)
    await expect(page.get_by_test_id("inside")).to_be_hidden()
    await expect(page.get_by_test_id("join-button")).to_be_enabled()


async def test_windows_own_switch_is_told_apart_from_the_browsers(rig: Rig, browsers: Browsers) -> None:
    page = await opened(rig, browsers, ALLOWS["Chrome"][0], _REFUSES % "Permission denied by system")

    await expect(page.locator("#camera-trouble")).to_contain_text("Windows đang chặn")


@pytest.mark.parametrize("program", INSIDE)
async def test_inside_another_program_chrome_is_one_press_away_and_the_link_can_be_copied(
    rig: Rig, browsers: Browsers, program: str
) -> None:
    page = await opened(rig, browsers, INSIDE[program], size=(390, 844))

    await expect(page.get_by_test_id("inside")).to_contain_text(f"đang mở trong {program}")
    await expect(page.get_by_test_id("inside")).to_contain_text("Chrome")
    opens = await page.get_by_test_id("inside-chrome").get_attribute("href")
    assert opens is not None
    assert opens.startswith("intent://")
    assert opens.endswith("package=com.android.chrome;end")
    await page.get_by_test_id("inside-copy").click()
    await expect(page.get_by_test_id("inside-copy")).to_have_text("Đã chép: mở Chrome rồi dán vào")
    assert (await page.evaluate("navigator.clipboard.readText()")).endswith(rig.link(ALFA))
    assert await sideways(page) == 0


@pytest.mark.parametrize("program", ON_AN_IPHONE)
async def test_on_an_iphone_the_link_is_copied_because_nothing_can_open_another_browser(
    rig: Rig, browsers: Browsers, program: str
) -> None:
    page = await opened(rig, browsers, ON_AN_IPHONE[program], size=(390, 844))

    await expect(page.get_by_test_id("inside")).to_contain_text(f"đang mở trong {program}")
    await expect(page.get_by_test_id("inside")).to_contain_text("Safari hoặc Chrome")
    await expect(page.get_by_test_id("inside-chrome")).to_be_hidden()
    await page.get_by_test_id("inside-copy").click()
    assert (await page.evaluate("navigator.clipboard.readText()")).endswith(rig.link(ALFA))


async def test_a_browser_that_is_too_old_is_told_so_even_where_no_script_of_the_page_runs(
    rig: Rig, browsers: Browsers
) -> None:
    page = await opened(rig, browsers, ALLOWS["Chrome"][0])
    await expect(page.get_by_test_id("old-browser")).to_be_hidden()
    await page.context.route("**/js/site.js", lambda route: route.fulfill(body="not even ( JavaScript"))
    await page.context.add_init_script("delete window.structuredClone")
    await page.reload()

    await expect(page.get_by_test_id("old-browser")).to_contain_text("Chrome 109")
    await expect(page.get_by_test_id("join-button")).to_be_disabled()
