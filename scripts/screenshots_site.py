"""Makes the pictures of the operator's page: `python -m scripts.screenshots_site docs/screenshots/site`.

The real server and its relay; one site's page in Vietnamese, another one's (with a long name) in English, in
every state, each at three sizes of window. Files are named state-language-width.png, with few colours: they
stay small.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import yaml
from PIL import Image
from playwright.async_api import Page, expect

from scripts.on_stage import on_stage
from tests.documents.samples import pdf
from tests.support.briefing_room import BriefingRoom, open_briefing
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, record
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.watching import sees

SIZES = ((1920, 1080), (1366, 768), (390, 844))
SITES = {"vi": "xa-ban-thi", "en": "cq-giao-duc"}
LONG_NAME = "Trung tâm Giáo dục nghề nghiệp - Giáo dục thường xuyên huyện Chợ Đồn"
TITLE = "Hội nghị quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
COLOURS = 64


class Album:
    """Where the pictures go, and whose pages are pictured."""

    def __init__(self, target: Path, pages: dict[str, Page]) -> None:
        self.target, self.pages = target, pages

    async def take(self, state: str, pages: dict[str, Page] | None = None) -> None:
        """A picture of each page at each size, as it stands."""
        for language, page in (pages or self.pages).items():
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                await page.wait_for_timeout(400)  # what is drawn anew for the size
                raw = await page.screenshot(full_page=width < 760)
                picture = Image.open(io.BytesIO(raw)).convert("RGB").quantize(COLOURS)
                picture.save(self.target / f"{state}-{language}-{width}.png", optimize=True)

    async def each(self, *presses: str) -> None:
        """The same presses on every page."""
        for page in self.pages.values():
            for name in presses:
                await hook(page, name).first.click()

    async def says(self, vi: str, en: str) -> None:
        """Waits for the one sentence of the bar."""
        for language, words in (("vi", vi), ("en", en)):
            await expect(self.pages[language].locator("#headline")).to_have_text(words)


async def before(album: Album, room: BriefingRoom, folder: Path) -> None:
    """Device check, waiting room with documents, settings, the telephone's code."""
    for page in album.pages.values():
        await expect(page.locator("#microphone-step")).to_have_attribute("data-state", "online")
    await album.each("speaker-test")
    for page in album.pages.values():
        await expect(hook(page, "speaker-yes")).to_be_visible()
    await album.take("check")
    await album.each("join-button")
    await album.says("Đã vào phòng chờ", "In the waiting room")
    file = folder / "NQ 05.pdf"
    file.write_bytes(pdf(4))
    await hook(room.host.page, "document-file").set_input_files(file)
    for page in album.pages.values():
        await expect(hook(page, "waiting-document")).to_contain_text("4")
    await album.take("waiting")
    await album.each("settings-open")
    await album.take("settings")
    await album.each("phone-open")
    await album.take("telephone")
    for page in album.pages.values():
        await page.keyboard.press("Escape")


async def during(album: Album, room: BriefingRoom) -> None:
    """The hall, slides, called to speak, speaking, a message, break, a lost line, sound only."""
    await room.host.publish_hall()
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    await album.take("live")
    for language, page in album.pages.items():
        await room.host.give_floor(SITES[language])
        await expect(hook(page, "ready-to-speak")).to_be_visible()
        await album.take("called", {language: page})
        await hook(page, "ready-to-speak").click()
        await expect(hook(page, "speaking-clock")).to_be_visible()
        await album.take("speaking", {language: page})
        await hook(page, "speech-end").click()
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
    await album.each("headcount-more")
    await album.take("headcount")
    await album.each("headcount-more", "settings-open", "receive-sound", "settings-close")
    await album.says("Chỉ nghe tiếng", "Listening, sound only")
    await album.take("sound-only")
    await room.host.press("phase-break")
    await album.says("Giải lao", "Break")
    await album.take("break")


async def after(album: Album, room: BriefingRoom) -> None:
    """The end and the site's answer; the page of help."""
    await room.host.press("phase-resume")
    await room.host.end()
    await album.says("Hội nghị đã kết thúc", "The briefing has ended")
    await album.take("ended")
    for page in album.pages.values():
        await page.goto(f"{room.server.base}/help")
    await album.take("help")


async def main(target: Path) -> None:
    """Takes the pictures into the folder `target`."""
    async with on_stage(_rename) as (server, browsers, folder):
        await _pictures(server, browsers, folder, target)


def _rename(config: Path) -> None:
    """One site gets a name as long as names are."""
    known = yaml.safe_load(config.read_text("utf-8"))
    for site in known["sites"]:
        if site["code"] == SITES["en"]:
            site["name"] = LONG_NAME
    config.write_text(yaml.safe_dump(known, allow_unicode=True), "utf-8")


async def _pictures(server: Server, browsers: Browsers, folder: Path, target: Path) -> None:
    room = await open_briefing(server, browsers, record(folder, "hub", HUB_LOOK, 1280, 720), TITLE)
    await room.host.publish_hall()  # pressed again: off until the briefing starts
    pages: dict[str, Page] = {}
    for number, (language, code) in enumerate(SITES.items()):
        person = await browsers.person(code, record(folder, code, SITE_LOOKS[number]))
        await person.context.add_cookies([{"name": "lang", "value": language, "url": server.base}])
        await person.page.goto(server.links()[code])
        pages[language] = person.page
    album = Album(target, pages)
    await before(album, room, folder)
    await during(album, room)
    await after(album, room)


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
