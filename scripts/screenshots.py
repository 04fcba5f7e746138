"""Makes the two pictures of README.md: `python -m scripts.screenshots docs/screenshots`.

The real server, one real site and 24 light ones, a briefing under way with one site speaking.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from playwright.async_api import Page, expect

from coordinator.simulate import RecordedMedia
from scripts.on_stage import on_stage
from tests.support.briefing_room import join, open_briefing
from tests.support.browsers import Browsers
from tests.support.district import District
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.waiting import until
from tests.support.watching import picture

HERE = "xa-ban-thi"  # the site whose page is pictured; all others are light clients
SPEAKER = "tt-bang-lung"
TITLE = "Quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"


async def take(server: Server, browsers: Browsers, folder: Path, target: Path) -> None:
    """Writes control-room.png and site.png into `target`."""
    room = await open_briefing(server, browsers, None, TITLE)
    others = [code for code in server.links() if code != HERE]
    RecordedMedia.load(folder / "recorded")
    district = District.start(server, others, folder, folder / "recorded")
    try:
        site = await join(room, browsers, HERE, None)
        await room.host.press("phase-start")
        await expect(hook(room.host.page, "total-connected")).to_have_text("25/25", timeout=60_000)
        await expect(hook(room.host.page, "total-reported")).to_have_text(
            re.compile("2[0-9]/25"), timeout=60_000
        )
        await site.raise_hand()
        await room.host.give_floor(SPEAKER)
        for page in (room.host.page, site.page):
            await until("the speaker is on the stage", lambda page=page: moves(page), within_s=30)
        await room.host.page.screenshot(path=target / "control-room.png")
        await site.page.screenshot(path=target / "site.png")
    finally:
        district.end()


async def moves(page: Page) -> bool:
    """Whether the stage's picture goes on."""
    first = await picture(page)
    await page.wait_for_timeout(1000)
    second = await picture(page)
    return first is not None and second is not None and second.frames > first.frames


async def main(target: Path) -> None:
    """Takes the pictures into the folder `target`."""
    async with on_stage() as (server, browsers, folder):
        await take(server, browsers, folder, target)


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
