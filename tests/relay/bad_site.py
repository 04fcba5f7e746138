"""A hall, a site on a good line and one on a bad line, and what each of the two sees and hears.

The hall replays a recorded camera in three layers (720p at 1.4 Mbit/s) and a recorded voice, so that no
encoder decides the result. The sites are real browsers, 100 ms further away by the road there and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import statistics
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
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
WINDOWS, MAX_WINDOWS = 5, 20


@dataclass
class Seen:
    """What a site got in `seconds`: shares 0..1, gaps between frames and times in seconds.

    `typical_fps` and `typical_frozen` (a share) are of the middle one of its windows.
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

    @classmethod
    def over(cls, windows: list[Seen]) -> Seen:
        """Put windows together, as if they had followed each other."""
        seconds = sum(one.seconds for one in windows)

        def mean(value: Callable[[Seen], float]) -> float:
            return sum(value(one) * one.seconds for one in windows) / seconds

        return cls(
            seconds, mean(lambda one: one.audio_gaps), sum(one.frames for one in windows),
            max(one.longest_gap_s for one in windows), sum(one.frozen_s for one in windows),
            mean(lambda one: one.bps), windows[-1].width,
            statistics.median(one.typical_fps for one in windows),
            statistics.median(one.typical_frozen for one in windows),
        )  # fmt: skip

    @property
    def undisturbed(self) -> bool:
        """Whether a site on a good line saw and heard without a gap: the machine had time for everybody."""
        return self.audio_gaps < 0.002 and self.longest_gap_s < 0.25

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s: audio gaps {100 * self.audio_gaps:.2f} %, "
            f"{self.frames / self.seconds:.1f} fps, longest gap {self.longest_gap_s:.2f} s, "
            f"frozen {self.frozen_s:.2f} s, "
            f"{self.bps / 1000:.0f} kbit/s, {self.width} wide"
        )


@dataclass
class Site:
    """One browser that watches `camera` and hears `voice`, the hall's."""

    client: Client
    camera: str
    voice: str

    async def figures(self) -> dict[str, float]:
        page = self.client.page
        found: dict[str, float] = await page.evaluate(
            """async camera => {
                const all = await inbound();
                const sum = key => all.reduce((total, s) => total + (s[key] || 0), 0);
                return { at: performance.now() / 1000, frames: frames[camera] || 0,
                    width: await width(camera), bytes: sum('bytes'), frozen: sum('frozen') };
            }""",
            self.camera,
        )
        concealed, samples = await self.heard(self.voice)
        return found | {"concealed": concealed, "samples": samples}

    async def watch(self, seconds: float) -> Seen:
        """Watch for a while; a picture that stands at the end counts as a gap until then."""
        page, camera = self.client.page, self.camera
        await page.evaluate(f"gaps['{camera}'] = 0")
        before = await self.figures()
        await asyncio.sleep(seconds)
        after = await self.figures()
        gap_ms = await page.evaluate(
            f"Math.max(gaps['{camera}'] || 0, performance.now() - (lastFrameAt['{camera}'] || 0))"
        )
        new = {key: after[key] - before[key] for key in after}
        return Seen(
            new["at"], new["concealed"] / max(new["samples"], 1), int(new["frames"]), gap_ms / 1000,
            new["frozen"], 8 * new["bytes"] / new["at"], int(after["width"]), new["frames"] / new["at"],
            new["frozen"] / new["at"],
        )  # fmt: skip

    async def heard(self, sid: str) -> list[float]:
        """Return how many samples of one track were made up so far, and how many there were."""
        figures: list[float] = await self.client.page.evaluate(f"""(async () => {{
            const report = await remote('{sid}').track.receiver.getStats();
            const s = [...report.values()].find(s => s.type === 'inbound-rtp');
            return s ? [s.concealedSamples - s.silentConcealedSamples, s.totalSamplesReceived] : [0, 0];
        }})()""")
        return figures

    async def missing(self, sid: str, before: list[float]) -> float:
        """Return the share of one track that was made up since `before` (see `heard`)."""
        after = await self.heard(sid)
        return (after[0] - before[0]) / max(1.0, after[1] - before[1])

    async def shows_width(self, width: int, within_s: float) -> float:
        """Wait until a new picture has this width; returns how long that took, in seconds."""
        loop, camera = asyncio.get_running_loop(), self.camera
        began = loop.time()
        seen = await self.client.page.evaluate(f"frames['{camera}'] || 0")
        wide = f"width('{camera}').then(w => w === {width} && frames['{camera}'] > {seen + 5})"
        await self.client.until(wide, within_s)
        return loop.time() - began


async def side_by_side(bad: Site, good: Site) -> tuple[Seen, Seen]:
    """Watch both sites for `WINDOWS` windows; returns what the bad one saw, and what the good one did.

    For the bad one only windows count in which the good one was undisturbed: in the others it is this machine
    that stood still. For the good one all of them count.
    """
    of_bad: list[Seen] = []
    of_good: list[Seen] = []
    while len(of_bad) < WINDOWS:
        assert len(of_good) < MAX_WINDOWS, f"this machine is too busy: {Seen.over(of_good)}"
        windows = await asyncio.gather(bad.watch(WINDOW_S), good.watch(WINDOW_S))
        of_good.append(windows[1])
        if windows[1].undisturbed:
            of_bad.append(windows[0])
    return Seen.over(of_bad), Seen.over(of_good)


@dataclass
class Hall:
    """Everything that runs; `enter` lets a site in."""

    running: Running
    line: SiteLine
    hub: LightClient
    camera: str
    voice: str
    near: Browser
    far: Browser
    page: str

    async def open(self, browser: Browser) -> Client:
        """Load the page, while the line is still good."""
        return await open_client(browser, self.page)

    async def enter(self, client: Client, identity: str) -> Site:
        url = f"ws://{self.line.there.here}:{self.running.port}"
        await client.call("join", url, token(identity))
        site = Site(client, self.camera, self.voice)
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
        voice = await hub.publish_microphone()
        yield Hall(running, line, hub, camera.sid, voice.sid, near, far, page)


def _announce(patch: pytest.MonkeyPatch, address: str, port: int) -> None:
    true_local = Room.local

    def local(room: Room, fragment: str, password: str) -> sdp.Local:
        told = true_local(room, fragment, password)
        return dataclasses.replace(told, addresses=[address], port=port)

    patch.setattr(Room, "local", local)
