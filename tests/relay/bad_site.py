"""A hall, a site on a good line and one on a bad line, and what each of the two sees and hears.

The hall replays a recorded camera in three layers (720p at 1.4 Mbit/s) and a recorded voice, so that no
encoder decides the result. The sites are real browsers, 100 ms further away by the road there and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Browser

from coordinator.relay import sdp
from coordinator.relay.main import Running
from coordinator.relay.participant import Participant
from coordinator.relay.room import Room
from coordinator.simulate import LightClient, RecordedMedia
from tests.relay.bad_line import BadLine, Condition, Way
from tests.relay.harness import Client, browser, open_client, page_server, running_relay, token
from tests.support.site_line import SiteLine, browser_in, site_line

DELAY_S = 0.05
WINDOW_S = 2.0


@dataclass
class Seen:
    """What a site got in `seconds`: shares 0..1, gaps between frames and times in seconds.

    `typical_fps` and `typical_frozen` are of the middle one of all windows of `WINDOW_S`: a machine that
    stands still now and then does not move them, a picture that suffers does.
    """

    seconds: float
    audio_gaps: float
    frames: int
    longest_gap_s: float
    frozen_s: float
    bps: float
    width: int
    typical_fps: float
    typical_frozen: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s: audio gaps {100 * self.audio_gaps:.2f} %, "
            f"{self.frames / self.seconds:.1f} fps, longest gap {self.longest_gap_s:.2f} s, "
            f"frozen {self.frozen_s:.2f} s, "
            f"{self.bps / 1000:.0f} kbit/s, {self.width} wide"
        )


@dataclass
class Site:
    """One browser that watches `camera` and hears the hall."""

    client: Client
    camera: str

    async def figures(self) -> dict[str, float]:
        page = self.client.page
        found: dict[str, float] = await page.evaluate(
            """async camera => {
                const all = await inbound(), sound = all.filter(s => s.kind === 'audio');
                const sum = (list, key) => list.reduce((total, s) => total + (s[key] || 0), 0);
                return { at: performance.now() / 1000, frames: frames[camera] || 0,
                    width: await width(camera),
                    concealed: sum(sound, 'concealed') - sum(sound, 'silent'), samples: sum(sound, 'samples'),
                    bytes: sum(all, 'bytes'), frozen: sum(all, 'frozen') };
            }""",
            self.camera,
        )
        return found

    async def watch(self, seconds: float) -> Seen:
        """Watch for a while; a picture that stands at the end counts as a gap until then."""
        page, camera = self.client.page, self.camera
        await page.evaluate(f"gaps['{camera}'] = 0")
        marks = [await self.figures()]
        for _ in range(max(1, round(seconds / WINDOW_S))):
            await asyncio.sleep(WINDOW_S)
            marks.append(await self.figures())
        before, after = marks[0], marks[-1]
        gap_ms = await page.evaluate(
            f"Math.max(gaps['{camera}'] || 0, performance.now() - (lastFrameAt['{camera}'] || 0))"
        )
        new = {key: after[key] - before[key] for key in after}
        return Seen(
            new["at"], new["concealed"] / max(new["samples"], 1), int(new["frames"]), gap_ms / 1000,
            new["frozen"], 8 * new["bytes"] / new["at"], int(after["width"]), _typical(marks, "frames"),
            _typical(marks, "frozen"),
        )  # fmt: skip

    async def hears(self, sid: str, seconds: float) -> float:
        """Listen to one track for a while; returns the share of it that had to be made up."""
        figures = f"""(async () => {{
            const report = await remote('{sid}').track.receiver.getStats();
            const s = [...report.values()].find(s => s.type === 'inbound-rtp');
            return [s.concealedSamples - s.silentConcealedSamples, s.totalSamplesReceived];
        }})()"""
        before: list[float] = await self.client.page.evaluate(figures)
        await asyncio.sleep(seconds)
        after: list[float] = await self.client.page.evaluate(figures)
        return (after[0] - before[0]) / max(1.0, after[1] - before[1])

    async def shows_width(self, width: int, within_s: float) -> float:
        """Wait until a new picture has this width; returns how long that took, in seconds."""
        loop, camera = asyncio.get_running_loop(), self.camera
        began = loop.time()
        seen = await self.client.page.evaluate(f"frames['{camera}'] || 0")
        wide = f"width('{camera}').then(w => w === {width} && frames['{camera}'] > {seen + 5})"
        await self.client.until(wide, within_s)
        return loop.time() - began


def _typical(marks: list[dict[str, float]], key: str) -> float:
    """Return the middle one of the rates (per second) between the marks."""
    return statistics.median(
        (after[key] - before[key]) / (after["at"] - before["at"]) for before, after in pairwise(marks)
    )


@dataclass
class Hall:
    """Everything that runs; `enter` lets a site in."""

    running: Running
    line: SiteLine
    hub: LightClient
    camera: str
    near: Browser
    far: Browser
    page: str

    async def open(self, browser: Browser) -> Client:
        """Load the page, while the line is still good."""
        return await open_client(browser, self.page)

    async def enter(self, client: Client, identity: str) -> Site:
        url = f"ws://{self.line.there.here}:{self.running.port}"
        await client.call("join", url, token(identity))
        site = Site(client, self.camera)
        await site.shows_width(1280, 15)
        return site

    def participant(self, identity: str) -> Participant:
        room = self.running.rooms.get("hall")
        assert room is not None
        return room.participants[identity]


@contextlib.asynccontextmanager
async def hall(patch: pytest.MonkeyPatch, recorded: RecordedMedia, folder: Path) -> AsyncIterator[Hall]:
    """Run a hall with its relay here, and browsers for sites here and at the far end of a `SiteLine`."""
    async with contextlib.AsyncExitStack() as stack:
        line = stack.enter_context(site_line())
        here = line.there.here
        running = await stack.enter_async_context(running_relay(host="0.0.0.0", public_ip=here))
        road = BadLine(running.rooms.mux.port, host=here)
        await road.open()
        stack.callback(road.close)
        road.next = Condition(Way(delay_s=DELAY_S), Way(delay_s=DELAY_S))
        _announce(patch, here, road.port)
        page = await stack.enter_async_context(page_server(host=here))
        secure = f"--unsafely-treat-insecure-origin-as-secure={page.rstrip('/')}"
        near = await stack.enter_async_context(browser(secure))
        far = await stack.enter_async_context(browser_in(line, folder, secure))
        hub = LightClient(f"ws://{here}:{running.port}", token("hub"), recorded, auto_subscribe=False)
        await hub.connect()
        stack.push_async_callback(hub.close)
        camera = await hub.publish_camera(simulcast=True)
        await hub.publish_microphone()
        yield Hall(running, line, hub, camera.sid, near, far, page)


def _announce(patch: pytest.MonkeyPatch, address: str, port: int) -> None:
    true_local = Room.local

    def local(room: Room, fragment: str, password: str) -> sdp.Local:
        told = true_local(room, fragment, password)
        return dataclasses.replace(told, addresses=[address], port=port)

    patch.setattr(Room, "local", local)
