"""Pictures of the pages of host and office: `python -m scripts.screenshots_host FOLDER [pattern]`.

The real pages over a real store with 25 sites that answer on the control socket; no camera is on, so that a
picture shows what the pages say and stays small. Every state on three screens in both languages, as
state-language-width.webp; `pattern`: only the states whose names fit it.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Page, ViewportSize, async_playwright

from coordinator.config import Config, load
from coordinator.domain.commands import Actor
from tests.documents.samples import pdf
from tests.support.browsers import Browsers
from tests.support.server import ROOT
from tests.web.rig import Browser, Rig, Socket, running

SIZES = ((390, 844), (1366, 768), (1920, 1080))
LANGUAGES = ("vi", "en")
SETTLED_MS = 700  # sockets, snapshots and fonts are there
COLOURS, RARE = 28, 20
BEAT_S = 4.0
DRAWN_MS = 350  # a page is drawn anew for another size
TITLE = "Quán triệt Chỉ thị số 01-CT/TW về học tập Nghị quyết Đại hội XIII"
NUMBER = "01-CT/TW"
LONG = "Trung tâm Giáo dục nghề nghiệp và Giáo dục thường xuyên huyện Chợ Đồn"  # a name as they come
TOPIC = "Kinh phí cho đường truyền của các thôn vùng cao"
AGENDA: tuple[tuple[str, int | None, str | None], ...] = (
    ("Chào cờ, giới thiệu đại biểu", 10, None),
    ("Phát biểu khai mạc", 10, None),
    ("Quán triệt Chỉ thị số 01-CT/TW", 100, None),
    ("Giải lao", 15, None),
    ("Ý kiến điểm cầu", 15, "xa-dong-thang"),
    ("Kết luận, giao nhiệm vụ", 20, None),
)
ROSTER = "Họ và tên\tChức vụ\nNguyễn Văn An\tBí thư Đảng ủy\nHoàng Thị Bình\tChủ tịch UBND\n"


@dataclass(frozen=True)
class State:
    """A page to picture: `presses` (test ids) are pressed first; `keys` then."""

    name: str
    path: str
    presses: tuple[str, ...] = ()
    keys: str = ""
    part: str = ""  # of the page: this element alone
    whole: bool = False  # on the telephone the whole length of the page


def district() -> Config:
    """The sites of config/sites.yaml, one of them with a long name."""
    config = load(ROOT / "config/sites.yaml")
    sites = [replace(site, name=LONG) if site.code == "cq-giao-duc" else site for site in config.sites]
    return replace(config, sites=tuple(sites))


async def states(rig: Rig, program: Browser) -> AsyncIterator[State]:
    """Every page in every state; the briefing is brought into the state of the name first."""
    yield State("list-first-run", "/host")
    yield State("new-briefing", "/host", ("create-open",))
    yield State("help", "/help")
    yield State("not-found", "/host/briefings/b0")
    codes = [site.code for site in rig.services.config.sites]
    await earlier(rig, codes)
    await rig.briefing(title="Lớp bồi dưỡng nghiệp vụ công tác Đảng", kind="class", starts_at=LATER)
    briefing = await rig.briefing(title=TITLE, document_number=NUMBER)
    room, api = f"/host/briefings/{briefing}", f"/api/briefings/{briefing}"
    yield State("control-planned", room)
    yield State("control-cancel-question", room, ("phase-cancel",))
    yield State("join-sheets", f"{room}/join-sheets")
    await program.post(f"{api}/open")
    sites = {code: await rig.on_line(code, briefing) for code in codes[:-2]}
    beating = asyncio.create_task(beat(list(sites.values())))
    await checked(rig, list(sites))
    await prepared(program, api)
    for socket in list(sites.values())[:-3]:
        await socket.say("document-received", document=await document_of(program, api))
    yield State("control-open", room, whole=True)
    yield State("agenda-form", room, ("tab-agenda", "agenda-edit"))
    yield State("documents", room, ("tab-documents", "documents-open"))
    yield State("line-checks", f"{room}/checks")
    await program.post(f"{api}/start")
    await at_work(sites, program, api)
    async for one in during(rig, program, briefing, codes):
        yield one
    beating.cancel()
    await program.post(f"{api}/end")
    yield State("control-ended", room)
    async for one in afterwards(briefing, codes[0]):
        yield one


async def during(rig: Rig, program: Browser, briefing: str, codes: list[str]) -> AsyncIterator[State]:
    """The briefing is live."""
    room, api = f"/host/briefings/{briefing}", f"/api/briefings/{briefing}"
    yield State("list", "/host")
    yield State("control-live", room, ("tab-agenda",), whole=True)
    yield State("control-preview", room, ("tab-documents",), "2", part=".column.left")
    yield State("control-messages", room, ("tab-messages",), part=".column.right")
    yield State("control-phrases", room, ("tab-messages", "phrases-open"), part=".column.right")
    yield State("control-diary", room, ("tab-diary",), part=".column.right")
    yield State("control-found", room, (), "/", part="main")
    yield State("control-keys", room, ("keys-open",))
    yield State("site-card", room, ("tile-name",))
    yield State("control-end-question", room, ("phase-end",))
    await program.post(f"{api}/floor", {"site": codes[1]})
    yield State("control-floor", room)
    yield State("hall-screen-floor", f"{room}/hall")
    await program.post(f"{api}/floor", {"site": None})
    document = await document_of(program, api)
    await program.post(f"{api}/slide", {"slide": 2, "document": document})
    await program.post(f"{api}/stage", {"left": "slides", "right": codes[2]})
    yield State("control-side-by-side", room, ("tab-documents",))
    await program.post(f"{api}/stage", {"left": "slides"})
    yield State("hall-screen-slides", f"{room}/hall")
    await program.post(f"{api}/stage", {"left": "hub"})
    yield State("hall-screen", f"{room}/hall")
    await program.post(f"{api}/roll-calls", {"mode": "in_turn", "label": "middle"})
    await program.post(f"{api}/roll-calls/next")
    yield State("control-roll-in-turn", room, ("tab-roll",), part=".column.right")
    for socket in rig.sockets[14:]:
        await socket.raw.close()
    yield State("control-much-trouble", room)
    await program.post(f"{api}/break")
    yield State("control-break", room)
    yield State("hall-screen-break", f"{room}/hall")


async def afterwards(briefing: str, site: str) -> AsyncIterator[State]:
    """The pages of the office."""
    report = f"/staff/briefings/{briefing}"
    yield State("reports", "/staff")
    yield State("report", report)
    yield State("report-note", report, ("note-open",))
    yield State("trends", "/staff/trends")
    yield State("rosters", "/staff/rosters")
    yield State("print-report", f"{report}/print")
    yield State("print-roll-call", f"{report}/roll-call")
    yield State("print-quick", f"{report}/quick")
    yield State("print-one-site", f"{report}/sites/{site}/print")


LATER = "2027-04-16T00:30:00Z"


async def earlier(rig: Rig, codes: list[str]) -> None:
    """Briefings that are over, so that lists and trends have something to show."""
    for number, (title, kind) in enumerate(
        (("Giao ban tháng 2", "meeting"), ("Giao ban tháng 3", "meeting"), ("Lớp đảng viên mới", "class"))
    ):
        briefing = await rig.briefing("open", "start", title=title, kind=kind)
        program = await rig.program("host")
        for place, code in enumerate(codes):
            expected = rig.services.config.sites[place].expected
            body = {"present": expected - (place + number) % 6, "reason": "báo qua điện thoại"}
            await program.put(f"/api/briefings/{briefing}/sites/{code}/headcount", body)
        await program.post(f"/api/briefings/{briefing}/end")
    await rig.briefing("cancel", title="Giao ban đột xuất", kind="meeting")
    program = await rig.program("staff")
    await program.ask("PUT", f"/api/sites/{codes[0]}/roster", data=ROSTER.encode())


async def checked(rig: Rig, codes: list[str]) -> None:
    """All but two have checked their line: one is poor, three are fair."""
    for number, code in enumerate(codes[:-2]):
        site = await rig.site(code)
        slow = 0.1 if number == 4 else 0.25 if number in (6, 11, 17) else 1.0
        figures: dict[str, Any] = {
            "sound": True, "picture": number != 4, "speakers": number != 6,
            "loss": 0.048 if number == 4 else 0.004, "rtt_ms": 198 if number == 4 else 40 + number,
            "rate_bps": int(slow * (2_000_000 + 90_000 * number)),
            "up_bps": int(slow * (900_000 + 70_000 * number)), "route": "udp", "camera": "Logitech C270",
            "microphone": "USB Audio", "operator": "Hà Thị Lan", "jitter_ms": 4,
        }  # fmt: skip
        answer = await site.post("/api/line-checks", figures)
        assert answer.status == 201, await answer.text()


async def prepared(program: Browser, api: str) -> None:
    """An agenda and a document."""
    items = [{"title": title, "minutes": minutes, "site": site} for title, minutes, site in AGENDA]
    assert (await program.put(f"{api}/agenda", {"items": items})).status == 200
    name = {"name": "Chỉ thị 01-CT-TW.pdf"}
    made = await program.ask("POST", f"{api}/documents", params=name, data=pdf(36))
    assert made.status == 201, await made.text()


async def document_of(program: Browser, api: str) -> str:
    found: str = (await (await program.get(f"{api}/documents")).json())[0]["id"]
    return found


async def beat(sockets: list[Socket]) -> None:
    """Heartbeats, for ever: one site without media, one with a reduced picture, all others are well."""
    for n in range(1, 10_000):
        for number, socket in enumerate(sockets):
            media = {"receiving": True, "mode": "full", "layer": "off" if number == 4 else "high"}
            if not socket.raw.closed:
                await socket.say("alive", n=n, t_ms=n, media={} if number == 7 else media)
        await asyncio.sleep(BEAT_S)


async def at_work(sites: dict[str, Socket], program: Browser, api: str) -> None:
    """All but a few are well, three ask for the floor, most have declared their headcount, some write."""
    await program.post(f"{api}/agenda/step", {"item": 3})
    for number, (code, socket) in enumerate(sites.items()):
        if number % 5:
            await socket.say("headcount", present=20 + number % 4)
        if number in (1, 8, 22):
            await socket.say("raise-hand", topic=TOPIC)
        if number % 3 == 1:
            await program.post(f"{api}/sites/{code}/headcount/confirm")
    names = list(sites)
    await sites[names[1]].say("message", text="Mất điện lưới, đang chạy máy phát.")
    await program.post(f"{api}/messages", {"site": names[1], "text": "Có điện cứ mở lại trang."})
    await program.post(f"{api}/messages", {"site": None, "text": "Đề nghị các điểm cầu ổn định chỗ ngồi."})
    await sites[names[5]].say("message", text="Tiếng rõ, hình đứng.")


async def take(page: Page, rig: Rig, state: State, target: Path) -> None:
    """One state at each size, in few colours: the pictures stay small."""
    await page.set_viewport_size(ViewportSize(width=SIZES[0][0], height=SIZES[0][1]))
    await page.goto(rig.base + state.path)
    await page.wait_for_load_state("load")
    await page.wait_for_timeout(SETTLED_MS)
    for press in state.presses:
        place = page.locator(".tile-name").nth(3) if press == "tile-name" else page.get_by_test_id(press)
        if await place.is_visible():
            await place.click()
    if state.keys:
        await page.keyboard.press(state.keys)
        if state.keys == "/":
            await page.keyboard.type("yen")
    for width, height in SIZES:
        await page.set_viewport_size(ViewportSize(width=width, height=height))
        await page.wait_for_timeout(DRAWN_MS)
        dialog = page.locator("dialog[open]")
        if await dialog.count():
            raw = await dialog.screenshot()
        elif state.part:
            raw = await page.locator(state.part).screenshot()
        else:
            raw = await page.screenshot(full_page=width < 760 and state.whole)
        picture = Image.open(io.BytesIO(raw)).convert("RGB")
        few_colours(picture).save(target.with_name(f"{target.name}-{width}.webp"), lossless=True, method=4)


def few_colours(picture: Image.Image) -> Image.Image:
    """The surfaces' colours as they are, and of the rare ones some that are far apart."""
    counted = sorted(picture.getcolors(2**24) or [], reverse=True)[:COLOURS]
    rare = (picture.quantize(RARE, method=Image.Quantize.MAXCOVERAGE).getpalette() or [])[: 3 * RARE]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for _, colour in counted for part in colour), *rare])  # type: ignore[misc]
    return picture.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")


async def main(target: Path, part: str) -> None:
    """Walks the states, and takes a picture of each on each screen."""
    with tempfile.TemporaryDirectory() as name:
        async with running(Path(name) / "var", district()) as rig, async_playwright() as playwright:
            browsers = Browsers(playwright)
            try:
                page = (await browsers.person("host")).page
                page.on("pageerror", lambda problem: sys.exit(f"a script failed: {problem}"))
                await in_both(page, rig, State("log-in", "/"), target, part)
                program = await rig.program("host")
                await log_in(page, rig)
                async for state in states(rig, program):
                    await in_both(page, rig, state, target, part)
            finally:
                await browsers.close()


async def in_both(page: Page, rig: Rig, state: State, target: Path, part: str) -> None:
    """The state's pictures in Vietnamese and in English."""
    if not re.search(part, state.name):
        return
    for lang in LANGUAGES:
        await page.goto(f"{rig.base}/language/{lang}?next=/static/img/star.svg")
        await take(page, rig, state, target / f"{state.name}-{lang}")


async def log_in(page: Page, rig: Rig) -> None:
    """The host's cookie, with a name as it is read on the page."""
    await rig.services.write(rig.services.accounts.add, "Nguyễn Thị Mai", "host", "mật khẩu dài")
    secret = await rig.services.write(rig.services.cookies.open, Actor("Nguyễn Thị Mai", "host"))
    await page.context.add_cookies([{"name": "coordinator_session", "value": secret, "url": rig.base}])


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted, sys.argv[2] if len(sys.argv) > 2 else ""))
