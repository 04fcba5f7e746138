"""The operator's pages in two languages, and pictures of them as they stand."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from PIL import Image
from PIL.Image import Resampling
from playwright.async_api import BrowserContext, Page, expect

from tests.documents.samples import pdf
from tests.support.briefing_room import BriefingRoom, open_briefing
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, record
from tests.support.lines import token
from tests.support.pages import hook
from tests.support.server import Server, api

SIZES = ((1920, 1080), (1366, 768), (390, 844))
SITES = {"vi": "xa-ban-thi", "en": "cq-giao-duc"}
LONG_NAME = "Trung tâm Giáo dục nghề nghiệp - Giáo dục thường xuyên huyện Chợ Đồn"
TITLE = "Hội nghị quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
OTHER = "Giao ban công tác Đảng tháng 4 và triển khai nhiệm vụ tháng 5"
PEOPLE = "Nguyễn Văn An\tBí thư Đảng ủy\nTrần Thị Bình\tChủ tịch UBND\nHoàng Văn Cường\tTrưởng thôn Nà Bưa\n"
QUALITY, SCALE = 50, 2 / 3  # of the wide ones: legible, and small
SETTLED_MS = 350
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


def rename(config: Path) -> None:
    """One site gets a name as long as names are."""
    known = yaml.safe_load(config.read_text("utf-8"))
    for site in known["sites"]:
        if site["code"] == SITES["en"]:
            site["name"] = LONG_NAME
    config.write_text(yaml.safe_dump(known, allow_unicode=True), "utf-8")
