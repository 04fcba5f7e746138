"""A site behind 64 kbit/s: the operator's page, loaded over that line, hears the hall and follows the slides.

The line is a network namespace of its own, limited with `tc`, both ways; whoever may make none is told so.
What may be asked of such a line is in docs/decisions/0042-thin-lines.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.documents.samples import text_pdf
from tests.support.briefing_room import BriefingRoom, open_briefing
from tests.support.browsers import REMEMBER_PEERS, Browsers
from tests.support.clips import Clips
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.site_line import SiteLine, browser_in, site_line
from tests.support.speech import speak
from tests.support.waiting import until
from tests.support.wire import Wire, wire

pytestmark = [
    pytest.mark.line,
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace with a limited line needs root"),
]

CODE = "xa-ban-thi"
RATE_BPS = 64_000
PAGES = 6
HEARD_FOR_MS = 15_000
READ_FOR_MS = 2_000
SETTLED_MS = 3_000
READY_S = 25.0
BESIDE_SOUND = 4
"""Beside the sound a quarter of the line is left for pages: they take so many times what they would alone."""
JOINED_S = 45.0
"""The media library, the way into the room, and all that belongs to that, before the pages begin."""
TURNED_S = 3.0
_SOUND = """async () => {
  const sum = {packets: 0, lost: 0, concealed: 0, samples: 0, bytes: 0, pictures: 0};
  for (const peer of window.peersForTests) {
    if (peer.connectionState === 'closed') continue;
    for (const one of (await peer.getStats()).values()) {
      if (one.type !== 'inbound-rtp') continue;
      if (one.kind === 'video') { sum.pictures += one.bytesReceived; continue; }
      sum.packets += one.packetsReceived; sum.lost += one.packetsLost; sum.bytes += one.bytesReceived;
      sum.concealed += one.concealedSamples - one.silentConcealedSamples;
      sum.samples += one.totalSamplesReceived;
    }
  }
  return sum;
}"""
_TILE = """code => {
  const tile = document.querySelector(`[data-testid=site-tile-${code}]`);
  const seen = window.tileForTests = [tile.dataset.state];
  const note = () => seen.at(-1) === tile.dataset.state || seen.push(tile.dataset.state);
  new MutationObserver(note).observe(tile, {attributes: true, attributeFilter: ['data-state']});
}"""


@pytest.fixture
def line() -> Iterator[SiteLine]:
    with site_line() as made:
        yield made


@pytest.fixture
async def server(tmp_path: Path, line: SiteLine) -> AsyncIterator[Server]:
    """A server that the far end of the line can reach."""
    running = Server(tmp_path, host=line.there.here)
    try:
        await running.start()
        yield running
    finally:
        running.stop()


def secure(server: Server) -> str:
    return f"--unsafely-treat-insecure-origin-as-secure={server.base}"


async def upload(room: BriefingRoom, folder: Path) -> int:
    """The host hands in a resolution of PAGES pages; the bytes of their small pictures."""
    file = folder / "NQ 05.pdf"
    file.write_bytes(text_pdf(PAGES))
    await hook(room.host.page, "document-file").set_input_files(file)

    async def drawn() -> list[Path]:
        pictures = list(room.server.data.glob("documents/b*/*/small-*.webp"))
        return pictures if len(pictures) == PAGES else []

    pictures = await until("all pages are drawn", drawn)
    await expect(hook(room.host.page, "document-list")).to_contain_text("NQ 05")
    return sum(picture.stat().st_size for picture in pictures)


async def sound_of(page: Page) -> dict[str, Any]:
    """All that has come: packets, bytes, lost, samples and concealed ones of sound, pictures in bytes."""
    counted: dict[str, Any] = await page.evaluate(_SOUND)
    return counted


async def turn(page: Page, number: int) -> float:
    """Waits until the site shows page `number`; the seconds that took."""
    began = time.monotonic()
    await expect(hook(page, "stage-slide")).to_have_attribute("alt", f"Trang {number}", timeout=60_000)
    await expect(hook(page, "stage-slide")).to_be_visible()
    return time.monotonic() - began


def told(counts: Wire, span_s: float) -> str:
    rates = ", ".join(
        f"{kind} {8 * one.size / span_s / 1000:.0f}" for kind, one in counts.take().items() if one.size
    )
    return f"kbit/s: {rates}"


def heard(what: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What came between two counts; printed."""
    one = {name: after[name] - before[name] for name in after}
    seconds = max(1, one["samples"]) / 48_000
    print(
        f"sound {what}: {100 * one['concealed'] / max(1, one['samples']):.1f} % made up,"
        f" {one['packets']} packets, {one['lost']} lost, {one['packets'] / seconds:.1f} a second,"
        f" {8 * one['bytes'] / seconds / 1000:.1f} kbit/s; picture {one['pictures']} bytes"
    )
    return one


async def come_in(page: Page, link: str, counts: Wire) -> tuple[float, float]:
    """Opens the link and presses the button; seconds until the page was ready, and when that was pressed."""
    began = time.monotonic()
    await page.goto(link, timeout=120_000)
    await expect(page.locator("body")).to_have_attribute("data-ready", "true", timeout=120_000)
    ready_s = time.monotonic() - began
    print(f"\n64 kbit/s: the page can be used after {ready_s:.1f} s, {told(counts, ready_s)}")
    pressed = time.monotonic()
    await hook(page, "join-button").click()
    await until("sound arrives", lambda: page.evaluate(f"({_SOUND})().then((one) => one.samples > 0)"), 120)
    sound_s = time.monotonic() - pressed
    print(f"the hall is heard {sound_s:.1f} s after the press, {told(counts, sound_s)}")
    return ready_s, pressed


async def briefing_on(room: BriefingRoom, page: Page) -> tuple[list[float], dict[str, Any]]:
    """The host turns all pages; seconds until the site showed each, and what was heard meanwhile."""
    await room.host.press("phase-start")
    await hook(room.host.page, "slide-show").click()
    turned = [await turn(page, 1)]
    before = await sound_of(page)
    await page.wait_for_timeout(HEARD_FOR_MS)
    for number in range(2, PAGES + 1):
        await room.host.page.locator("body").press("ArrowRight")
        turned.append(await turn(page, number))
        await page.wait_for_timeout(READ_FOR_MS)
    print(f"pages turned within {', '.join(f'{one:.1f}' for one in turned)} s")
    return turned, heard("of the briefing", before, await sound_of(page))


async def test_behind_64_kbit_a_site_hears_the_hall_and_follows_the_slides(
    server: Server,
    browsers: Browsers,
    hub_clips: Clips,
    line: SiteLine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    browsers.more = (secure(server),)
    speak(tmp_path / "speech.wav")
    hall = Clips(hub_clips.look, hub_clips.camera, tmp_path / "speech.wav")
    room = await open_briefing(server, browsers, hall)
    size = await upload(room, tmp_path)
    await room.host.page.evaluate(_TILE, CODE)
    line.limit(RATE_BPS)
    line.limit_up(RATE_BPS)
    with capsys.disabled(), wire(f"{line.there.link}a") as counts:
        async with browser_in(line, tmp_path, secure(server), "--use-fake-device-for-media-stream") as far:
            context = await far.new_context(locale="vi-VN", viewport={"width": 1366, "height": 768})
            await context.add_init_script(REMEMBER_PEERS)
            page = await context.new_page()
            ready_s, pressed = await come_in(page, server.links()[CODE], counts)
            await page.wait_for_timeout(SETTLED_MS)
            before, settled = await sound_of(page), time.monotonic()
            listed = hook(room.host.page, "document-list")
            await expect(listed).to_contain_text("1/25 điểm cầu", timeout=240_000)
            held_s = time.monotonic() - pressed
            rates = told(counts, time.monotonic() - settled)
            print(f"{PAGES} pages, {size} bytes, are there {held_s:.0f} s after it, {rates}")
            waiting = heard("in the waiting room", before, await sound_of(page))
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            turned, live = await briefing_on(room, page)
            states = await room.host.page.evaluate("window.tileForTests")
            print(f"the host saw the site {', '.join(states)}")

    assert ready_s < READY_S
    assert held_s < JOINED_S + BESIDE_SOUND * 8 * size / RATE_BPS
    for one in (waiting, live):
        assert one["packets"] < 20 * one["samples"] / 48_000, "60 ms of sound in a packet"
        assert one["lost"] < 0.02 * one["packets"]
        assert one["concealed"] < 0.02 * one["samples"]
    assert max(turned) < TURNED_S
    assert not [url for url in asked if url.endswith(".webp")], "pages were there before"
    assert not {"unstable", "lost"} & set(states), "heartbeats are not held up"
