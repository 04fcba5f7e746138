"""The operator's page in states that are seldom seen; a part of `scripts.screenshots_site`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from scripts.site_album import OTHER, SITES, Album, rename, speak
from tests.support.browsers import REMEMBER_PEERS, Browsers
from tests.support.clips import HUB_LOOK
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.site_line import SiteLine, browser_in, site_line
from tests.support.watching import sees

THIN_BPS = 130_000
_OLD = "delete window.structuredClone;"
_NO_WAY = """
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = function (given) { return new Native({ ...given, iceTransportPolicy: 'relay' }); };
window.RTCPeerConnection.prototype = Native.prototype;
Object.setPrototypeOf(window.RTCPeerConnection, Native);
const configure = Native.prototype.setConfiguration;
Native.prototype.setConfiguration = function (given) {
  return configure.call(this, { ...given, iceTransportPolicy: 'relay' });
};
"""


async def rare(album: Album) -> None:
    """A browser too old, a network that is shut, called by name, a second briefing, a link taken back."""
    await album.enter(joined=False)
    album.pages = await _with(album, _OLD)
    await album.take("check-old-browser")
    album.pages = await _with(album, _NO_WAY)
    await album.each("line-measure")
    for page in album.pages.values():
        await expect(hook(page, "line-figures")).to_contain_text("UDP")
    await album.take("check-blocked")
    for page in album.pages.values():
        await page.context.close()
    await album.enter()
    room = await album.open()
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    path = f"/api/briefings/{room.briefing}"
    await album.call("POST", f"{path}/roll-calls", {"mode": "in_turn"})
    for language, page in album.pages.items():
        await album.call("POST", f"{path}/roll-calls/next", {"site": SITES[language]})
        await expect(page.locator("#headcount-panel")).to_be_visible()
        await album.take("called-by-name", {language: page})
        await hook(page, "headcount-more").click()
    other = await album.call("POST", "/api/briefings", {"title": OTHER, "kind": "meeting"})
    for step in ("open", "start"):
        await album.call("POST", f"/api/briefings/{other['id']}/{step}")
    for page in album.pages.values():
        await expect(hook(page, "choice-notice")).to_be_visible()
    await album.take("choice-while-live")
    for language, page in album.pages.items():
        album.server.run("links", "--rotate", SITES[language])
        await expect(page.locator("body")).to_have_attribute("data-view", "closed")
    await album.take("link-taken-back")


async def _with(album: Album, script: str) -> dict[str, Page]:
    """Another page of each site, in a browser in which `script` ran first."""
    found = {}
    for language, page in album.pages.items():
        browser = page.context.browser
        assert browser is not None
        context = await browser.new_context(locale="vi-VN")
        await speak(context, album.server, language)
        await context.add_init_script(script)
        found[language] = await context.new_page()
        await found[language].goto(album.server.links()[SITES[language]])
        await expect(hook(found[language], "join-button")).to_be_enabled()
    return found


async def weak(target: Path) -> None:
    """Two sites behind a line of 130 kbit/s: the picture is paused."""
    with tempfile.TemporaryDirectory() as name, site_line() as line:
        folder = Path(name)
        server = Server(folder, host=line.there.here)
        secure = f"--unsafely-treat-insecure-origin-as-secure={server.base}"
        rename(folder / "sites.yaml")
        await server.start()
        try:
            async with async_playwright() as playwright, browser_in(line, folder, secure) as far:
                browsers = Browsers(playwright)
                browsers.more = (secure,)
                await thin(Album(target, server, browsers, folder), far, line)
                await browsers.close()
        finally:
            server.stop()


async def thin(album: Album, far: Browser, line: SiteLine) -> None:
    for language, code in SITES.items():
        context = await far.new_context(locale="vi-VN")
        await context.add_init_script(REMEMBER_PEERS)
        await speak(context, album.server, language)
        album.pages[language] = await context.new_page()
        await album.pages[language].goto(album.server.links()[code])
        await hook(album.pages[language], "join-button").click()
    room = await album.open()
    await album.says("Đã vào phòng chờ", "In the waiting room")
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    line.limit(THIN_BPS)
    for page in album.pages.values():
        await expect(page.locator("#state-bar")).to_have_attribute("data-state", "weak", timeout=60_000)
    await album.take("weak")
