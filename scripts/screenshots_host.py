"""Pictures of the host's pages: `python -m scripts.screenshots_host docs/screenshots [part of a name]`.

The real pages over a real store with 25 sites that answer on the control socket; no camera is on, so that a
picture shows what the pages say and stays small. Three screens in Vietnamese, one in English.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, ViewportSize, async_playwright

from coordinator.config import Config, load
from coordinator.domain.commands import Actor
from tests.support.browsers import Browsers
from tests.support.server import ROOT
from tests.web.rig import Browser, Rig, Socket, running

SCREENS = {"1920": (1920, 1080), "1366": (1366, 768), "390": (390, 844)}
ENGLISH = ("1366",)
SETTLED_MS = 900  # sockets, snapshots and fonts are there
TITLE = "Quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
NUMBER = "01-CT/TW"
LONG = "Trung tâm Giáo dục nghề nghiệp và Giáo dục thường xuyên huyện Chợ Đồn"  # a name as they come


def district() -> Config:
    """The sites of config/sites.yaml, one of them with a long name."""
    config = load(ROOT / "config/sites.yaml")
    sites = [replace(site, name=LONG) if site.code == "cq-giao-duc" else site for site in config.sites]
    return replace(config, sites=tuple(sites))


async def states(rig: Rig, program: Browser) -> AsyncIterator[tuple[str, str]]:
    """(name of the picture, path of the page), with the briefing in the state of the name."""
    yield "briefings-first-run", "/host"
    await rig.briefing("open", "start", "end", title="Giao ban tháng 3", kind="meeting")
    await rig.briefing(title="Lớp bồi dưỡng nghiệp vụ công tác Đảng", kind="class")
    briefing = await rig.briefing(title=TITLE, document_number=NUMBER)
    room = f"/host/briefings/{briefing}"
    yield "control-room-scheduled", room
    await program.post(f"/api/briefings/{briefing}/open")
    codes = [site.code for site in rig.services.config.sites]
    sites = {code: await rig.on_line(code, briefing) for code in codes[:-2]}
    yield "control-room-open", room
    yield "line-checks", f"{room}/checks"
    await program.post(f"/api/briefings/{briefing}/start")
    await at_work(sites)
    await program.post(f"/api/briefings/{briefing}/roll-calls")
    yield "control-room-live", room
    yield "briefings", "/host"
    await program.post(f"/api/briefings/{briefing}/floor", {"site": codes[1]})
    yield "control-room-floor", room
    yield "hall-screen", f"{room}/hall"
    await program.post(f"/api/briefings/{briefing}/floor", {"site": None})
    await program.post(f"/api/briefings/{briefing}/stage", {"left": "slides", "right": codes[2]})
    yield "control-room-side-by-side", room
    await program.post(f"/api/briefings/{briefing}/break")
    yield "control-room-break", room
    yield "hall-screen-break", f"{room}/hall"
    await program.post(f"/api/briefings/{briefing}/end")
    yield "control-room-ended", room


async def at_work(sites: dict[str, Socket]) -> None:
    """All but a few are well, three ask for the floor, most have declared their headcount."""
    for number, socket in enumerate(sites.values()):
        media = {"receiving": True, "mode": "full", "layer": "off" if number == 4 else "high"}
        if number != 7:
            await socket.say("alive", n=1, t_ms=1, media=media)
        if number % 5:
            await socket.say("headcount", present=20 + number % 4)
        if number in (1, 8, 22):
            await socket.say("raise-hand", topic="Kinh phí cho đường truyền của các thôn vùng cao")


async def take(page: Page, rig: Rig, path: str, target: Path) -> None:
    """One picture of one page, in a palette of 128 colours."""
    await page.goto(rig.base + path)
    await page.wait_for_load_state("load")
    await page.wait_for_timeout(SETTLED_MS)
    await page.screenshot(path=target)
    Image.open(target).convert("RGB").quantize(128).save(target, optimize=True)


async def main(target: Path, part: str) -> None:
    """Walks the states, and takes a picture of each on each screen."""
    with tempfile.TemporaryDirectory() as name:
        async with running(Path(name) / "var", district()) as rig, async_playwright() as playwright:
            browsers = Browsers(playwright)
            try:
                page = (await browsers.person("host")).page
                program = await rig.program("host")
                await log_in(page, rig)
                async for state, path in states(rig, program):
                    if part in state:
                        await all_screens(page, rig, path, target, state)
            finally:
                await browsers.close()


async def all_screens(page: Page, rig: Rig, path: str, target: Path, state: str) -> None:
    for lang in ("vi", "en"):
        await page.goto(f"{rig.base}/language/{lang}?next=/static/img/star.svg")
        for screen, (width, height) in SCREENS.items():
            if lang == "en" and screen not in ENGLISH:
                continue
            await page.set_viewport_size(ViewportSize(width=width, height=height))
            await take(page, rig, path, target / f"{state}-{screen}-{lang}.png")


async def log_in(page: Page, rig: Rig) -> None:
    await rig.services.write(rig.services.accounts.add, "Nguyễn Thị Mai", "host", "mật khẩu dài")
    secret = await rig.services.write(rig.services.cookies.open, Actor("Nguyễn Thị Mai", "host"))
    await page.context.add_cookies([{"name": "coordinator_session", "value": secret, "url": rig.base}])


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted, sys.argv[2] if len(sys.argv) > 2 else ""))
