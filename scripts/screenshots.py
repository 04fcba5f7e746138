"""Makes the two pictures of README.md: `python -m scripts.screenshots docs/screenshots`.

The real server, real browsers with recorded cameras, a briefing under way with one site speaking.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from tests.support.briefing_room import join, open_briefing
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, record
from tests.support.server import Server
from tests.support.watching import sees

CODES = ("tt-bang-lung", "xa-ban-thi", "xa-bang-lang")


async def take(server: Server, browsers: Browsers, folder: Path, target: Path) -> None:
    """Writes control-room.png and site.png into `target`."""
    hub = record(folder, "hub", HUB_LOOK, 1280, 720)
    room = await open_briefing(
        server, browsers, hub, "Quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
    )
    for number, (code, look) in enumerate(zip(CODES, SITE_LOOKS, strict=True)):
        await join(room, browsers, code, record(folder, f"site-{number}", look))
    await room.host.press("phase-start")
    for site in room.sites.values():
        await sees(site.page, HUB_LOOK)
    await room.sites[CODES[1]].raise_hand()
    await room.host.give_floor(CODES[0])
    await sees(room.host.page, SITE_LOOKS[0])
    await sees(room.sites[CODES[1]].page, SITE_LOOKS[0])
    await room.host.page.screenshot(path=target / "control-room.png")
    await room.sites[CODES[1]].page.screenshot(path=target / "site.png")


async def main(target: Path) -> None:
    """Starts the server and the browsers, takes the pictures into the folder `target`, ends all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        await server.start()
        try:
            async with async_playwright() as playwright:
                browsers = Browsers(playwright)
                try:
                    await take(server, browsers, folder, target)
                finally:
                    await browsers.close()
        finally:
            server.stop()


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
