"""Makes the pictures of the operator's page: `python -m scripts.screenshots_site FOLDER [part…]`.

The real server and its relay; one site's page in Vietnamese, another one's (with a long name) in English, in
every state, each at three sizes of window. Files are named state-language-width.webp. A part has a server of
its own: before, during, after, weak (a thin line in a network namespace: root). Without one, all are made.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from PIL import Image
from PIL.Image import Resampling
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from scripts.on_stage import on_stage
from tests.documents.samples import pdf
from tests.support.briefing_room import BriefingRoom, open_briefing
from tests.support.browsers import REMEMBER_PEERS, Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, record
from tests.support.lines import token
from tests.support.pages import hook
from tests.support.server import Server, api
from tests.support.site_line import SiteLine, browser_in, site_line
from tests.support.watching import sees

SIZES = ((1920, 1080), (1366, 768), (390, 844))
SITES = {"vi": "xa-ban-thi", "en": "cq-giao-duc"}
LONG_NAME = "Trung tâm Giáo dục nghề nghiệp - Giáo dục thường xuyên huyện Chợ Đồn"
TITLE = "Hội nghị quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
OTHER = "Giao ban công tác Đảng tháng 4 và triển khai nhiệm vụ tháng 5"
PEOPLE = "Nguyễn Văn An\tBí thư Đảng ủy\nTrần Thị Bình\tChủ tịch UBND\nHoàng Văn Cường\tTrưởng thôn Nà Bưa\n"
ZALO = (
    "Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 Chrome/114.0 Mobile Safari/537.36 Zalo android/12"
)
QUALITY, SCALE = 50, 2 / 3  # of the wide ones: legible, and small
SETTLED_MS = 350
THIN_BPS = 130_000
_NAMES = """
const list = navigator.mediaDevices?.enumerateDevices.bind(navigator.mediaDevices);
if (list) navigator.mediaDevices.enumerateDevices = async () => (await list()).map((one) => {
  const { kind, deviceId, groupId, label } = one;
  const name = label && (kind === 'videoinput' ? 'USB camera' : label.replace('Fake', 'USB'));
  return { kind, deviceId, groupId, label: name };
});
"""


@dataclass
class Album:
    """Where the pictures go, and whose pages are pictured, by language."""

    target: Path
    server: Server
    browsers: Browsers
    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)

    async def take(self, state: str, pages: dict[str, Page] | None = None) -> None:
        """A picture of each page at each size, as it stands."""
        for language, page in (pages or self.pages).items():
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                await page.wait_for_timeout(SETTLED_MS)  # what is drawn anew for the size
                raw = await page.screenshot(full_page=width < 760)
                picture = Image.open(io.BytesIO(raw)).convert("RGB")
                if width > 760:
                    picture = picture.resize(
                        (round(picture.width * SCALE), round(picture.height * SCALE)), Resampling.LANCZOS
                    )
                picture.save(self.target / f"{state}-{language}-{width}.webp", quality=QUALITY, method=6)

    async def each(self, *presses: str) -> None:
        """The same presses on every page."""
        for page in self.pages.values():
            for name in presses:
                await hook(page, name).first.click()

    async def says(self, vi: str, en: str) -> None:
        """Waits for the one sentence of the bar."""
        for language, words in (("vi", vi), ("en", en)):
            await expect(self.pages[language].locator("#headline")).to_have_text(words)

    async def call(self, method: str, path: str, body: object = None) -> dict[str, str]:
        """One call of the API, as the host."""
        found = await api(self.server, token(self.server), method, path, body)
        return found if isinstance(found, dict) else {}

    async def names(self, code: str) -> None:
        """The office's list of who is summoned at this site."""
        headers = {"Authorization": f"Bearer {token(self.server)}"}
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.put(f"{self.server.base}/api/sites/{code}/roster", data=PEOPLE.encode()) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def people(self, allow: bool = True) -> dict[str, Page]:
        """A browser for each language, not yet at any page."""
        found = {}
        for number, (language, code) in enumerate(SITES.items()):
            clips = record(self.folder, code, SITE_LOOKS[number])
            person = await self.browsers.person(f"{code} {len(self.browsers.people)}", clips, allow=allow)
            await speak(person.context, self.server, language)
            found[language] = person.page
        return found

    async def enter(self, joined: bool = True) -> None:
        """Each site opens its link, and joins."""
        self.pages = await self.people()
        for language, page in self.pages.items():
            await page.goto(self.server.links()[SITES[language]])
            if joined:
                await hook(page, "join-button").click()

    async def open(self) -> BriefingRoom:
        """A briefing in its waiting room, the hall's picture on."""
        clips = record(self.folder, "hub", HUB_LOOK, 1280, 720)
        return await open_briefing(self.server, self.browsers, clips, TITLE)


async def speak(context: BrowserContext, server: Server, language: str) -> None:
    """In this language, and with devices that have names as bought ones have."""
    await context.add_init_script(_NAMES)
    await context.add_cookies([{"name": "lang", "value": language, "url": server.base}])


async def upload(album: Album, room: BriefingRoom) -> None:
    file = album.folder / "NQ 05.pdf"
    file.write_bytes(pdf(4))
    await hook(room.host.page, "document-file").set_input_files(file)
    for page in album.pages.values():
        await expect(hook(page, "waiting-document")).to_contain_text("4")


async def before(album: Album) -> None:
    """Days before and in the waiting room: the check, its troubles, the choice, documents, settings."""
    refused = await album.people(allow=False)
    for language, page in refused.items():
        await page.goto(album.server.links()[SITES[language]])
        await expect(page.locator("#camera-trouble")).to_be_visible()
    await album.take("check-refused", refused)
    for language, page in refused.items():
        browser = page.context.browser
        assert browser is not None
        inside = await browser.new_context(user_agent=ZALO)
        await speak(inside, album.server, language)
        there = await inside.new_page()
        await there.goto(album.server.links()[SITES[language]])
        await expect(hook(there, "inside")).to_be_visible()
        await album.take("check-inside-zalo", {language: there})
        await page.goto(f"{album.server.base}/join/{SITES[language]}?k=wrong")
        await album.take("wrong-link", {language: page})
    await album.enter(joined=False)
    await album.each("speaker-test")
    for page in album.pages.values():
        await expect(hook(page, "speaker-yes")).to_be_visible()
        await expect(page.locator("#microphone-step")).to_have_attribute("data-state", "online")
    await album.take("check")
    await album.each("speaker-yes", "line-measure")
    for page in album.pages.values():
        await page.locator("#operator-name").fill("Hoàng Văn Nam")
        await expect(hook(page, "line-figures")).to_contain_text("UDP")
        await expect(hook(page, "line-replay")).to_be_visible()
    await album.take("check-measured")
    await album.each("join-button")
    await album.says("Chưa có hội nghị nào mở", "No briefing is open yet")
    await album.take("waiting-none")
    room = await album.open()
    await room.host.publish_hall()  # pressed again: off until the briefing starts
    await album.says("Đã vào phòng chờ", "In the waiting room")
    await album.take("waiting")
    other = await album.call("POST", "/api/briefings", {"title": OTHER, "kind": "meeting"})
    await album.call("POST", f"/api/briefings/{other['id']}/open")
    for page in album.pages.values():
        await expect(hook(page, "choice-dialog")).to_be_visible()
    await album.take("choice")
    choosing = {language: await page.context.new_page() for language, page in album.pages.items()}
    for page in choosing.values():
        await page.goto(f"{album.server.base}/site")
    await album.take("choice-page", choosing)
    await album.each(f"choose-{room.briefing}")
    await album.call("POST", f"/api/briefings/{other['id']}/cancel")
    await upload(album, room)
    await album.take("waiting-documents")
    await album.each("settings-open")
    await album.take("settings")
    await album.each("phone-open")
    await album.take("telephone")


async def during(album: Album) -> None:
    """The hall, a hand, a message, called to speak, speaking, headcount, slides, a lost line, sound only."""
    await album.enter()
    room = await album.open()
    await album.says("Đã vào phòng chờ", "In the waiting room")
    await upload(album, room)
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    await album.take("live")
    await album.each("raise-hand")
    for page in album.pages.values():
        await expect(hook(page, "raise-hand")).to_have_attribute("aria-pressed", "true")
    await album.take("hand")
    await album.each("raise-hand")
    path = f"/api/briefings/{room.briefing}"
    await album.call(
        "POST", f"{path}/messages", {"text": "Đề nghị các điểm cầu báo số có mặt trước 8 giờ 30"}
    )
    for page in album.pages.values():
        await expect(hook(page, "hub-message")).to_be_visible()
    await album.take("message")
    await album.each("message-dismiss")
    await speeches(album, room)
    await numbers(album)
    await hook(room.host.page, "slide-show").click()
    for page in album.pages.values():
        await expect(hook(page, "stage-slide")).to_be_visible()
    await album.take("slides")
    await album.each("papers-open")
    await album.take("papers")
    for page in album.pages.values():
        await page.keyboard.press("Escape")
        await page.context.set_offline(True)
    await album.says("Mất kết nối - đang nối lại", "Line lost: connecting again")
    await album.take("lost")
    for page in album.pages.values():
        await page.context.set_offline(False)
        await expect(page.locator("body")).to_have_attribute("data-view", "live")
    await album.each("settings-open", "receive-sound", "settings-close")
    await album.says("Chỉ nghe tiếng", "Listening, sound only")
    await album.take("sound-only")


async def speeches(album: Album, room: BriefingRoom) -> None:
    """Each site is called to speak, and speaks."""
    for language, page in album.pages.items():
        await room.host.give_floor(SITES[language])
        await expect(hook(page, "ready-to-speak")).to_be_visible()
        await album.take("called", {language: page})
        await hook(page, "ready-to-speak").click()
        await expect(hook(page, "speaking-clock")).to_be_visible()
        await album.take("speaking", {language: page})
        await hook(page, "speech-end").click()


async def numbers(album: Album) -> None:
    """The headcount with a sum that is wrong, the names, the room's code, a check-in."""
    await album.each("headcount-more")
    for page in album.pages.values():
        for name, value in (("present", "20"), ("excused", "2"), ("unexcused", "1")):
            await hook(page, f"headcount-{name}").fill(value)
    await album.take("headcount-wrong")
    for code in SITES.values():
        await album.names(code)
    for page in album.pages.values():
        await page.reload()
        await hook(page, "headcount-more").click()
        await hook(page, "roster-tick-1").check()
    await album.take("names")
    await album.each("roster-qr")
    for page in album.pages.values():
        await expect(hook(page, "code-picture")).to_be_visible()
    await album.take("code")
    address = await hook(album.pages["vi"], "code-address").inner_text()
    await album.each("code-close", "headcount-more")
    for page in album.pages.values():
        await expect(page.locator("#headcount-panel")).to_be_hidden()
    phones = {}
    for language, page in album.pages.items():
        phones[language] = await page.context.new_page()
        await phones[language].goto(f"{album.server.base}/checkin/{address.split('/checkin/')[1]}")
        await hook(phones[language], "checkin-name").fill("Lý Thị Dung")
        await hook(phones[language], "checkin-submit").click()
        await expect(hook(phones[language], "checked-in")).to_be_visible()
    await album.take("checkin", phones)
    for phone in phones.values():
        await phone.close()


async def after(album: Album) -> None:
    """A break, another machine, the end with the site's answer, the page of help."""
    await album.enter()
    room = await album.open()
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    await album.each("headcount-more")
    for page in album.pages.values():
        await hook(page, "headcount-present").fill("31")
    await album.each("headcount-send")
    for page in album.pages.values():
        await expect(page.locator("#headcount-panel")).to_be_hidden()
    await room.host.press("phase-break")
    await album.says("Giải lao", "Break")
    await album.take("break")
    replacing = [await page.context.new_page() for page in album.pages.values()]
    for other in replacing:
        await other.goto(f"{album.server.base}/site")
        await hook(other, "join-button").click()
    await album.says("Máy khác đã vào thay", "Another machine took over")
    await album.take("replaced")
    for other in replacing:
        await other.close()
    await album.each("take-over")
    await room.host.press("phase-resume")
    await room.host.end()
    await album.says("Hội nghị đã kết thúc", "The briefing has ended")
    for page in album.pages.values():
        await expect(hook(page, "sign-right")).to_be_enabled()
    await album.take("ended")
    await album.each("sign-wrong")
    await album.take("ended-wrong")
    for page in album.pages.values():
        await page.goto(f"{album.server.base}/help")
    await album.take("help")


async def weak(target: Path) -> None:
    """Two sites behind a line of 130 kbit/s: the picture is paused."""
    with tempfile.TemporaryDirectory() as name, site_line() as line:
        folder = Path(name)
        server = Server(folder, host=line.there.here)
        secure = f"--unsafely-treat-insecure-origin-as-secure={server.base}"
        _rename(folder / "sites.yaml")
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


PARTS: dict[str, Callable[[Album], Awaitable[None]]] = {"before": before, "during": during, "after": after}


def _rename(config: Path) -> None:
    """One site gets a name as long as names are."""
    known = yaml.safe_load(config.read_text("utf-8"))
    for site in known["sites"]:
        if site["code"] == SITES["en"]:
            site["name"] = LONG_NAME
    config.write_text(yaml.safe_dump(known, allow_unicode=True), "utf-8")


async def main(target: Path, parts: list[str]) -> None:
    """Takes the pictures of these parts into the folder `target`."""
    expect.set_options(timeout=60_000)
    for part in parts:
        if part == "weak":
            await weak(target)
            continue
        async with on_stage(_rename) as (server, browsers, folder):
            await PARTS[part](Album(target, server, browsers, folder))


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    every = [*PARTS, *(["weak"] if os.geteuid() == 0 else [])]
    asyncio.run(main(wanted, sys.argv[2:] or every))
