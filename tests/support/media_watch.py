"""When a site's page got sound and pictures: the moments at which its counters went on."""

from __future__ import annotations

from playwright.async_api import Page

from tests.support.waiting import until

_WATCH = """() => {
  const stage = document.querySelector('[data-testid=stage-video]');
  const seen = window.seenForTests = {audio: [], video: []};
  const before = {audio: 0, video: 0};
  setInterval(async () => {
    const now = {audio: 0, video: stage.getVideoPlaybackQuality().totalVideoFrames};
    for (const peer of window.peersForTests) {
      if (peer.connectionState === 'closed') continue;
      for (const one of (await peer.getStats()).values())
        if (one.type === 'inbound-rtp' && one.kind === 'audio') now.audio += one.packetsReceived;
    }
    for (const kind of ['audio', 'video']) {
      if (now[kind] > before[kind]) seen[kind].push(Date.now() / 1000);
      before[kind] = now[kind];
    }
  }, 40);
}"""


async def watch_media(page: Page) -> None:
    """Begin to note when packets of sound arrive and frames are shown."""
    await page.evaluate(_WATCH)


async def first_after(page: Page, kind: str, at: float) -> float:
    """How long after `at` (Unix seconds) sound ("audio") or picture ("video") went on first, in seconds."""

    async def seen() -> float:
        return float(await page.evaluate(f"() => window.seenForTests.{kind}.find((one) => one > {at}) ?? 0"))

    return await until(f"{kind} goes on", seen, within_s=60) - at


async def came_between(page: Page, kind: str, begin: float, end: float) -> bool:
    """Whether any came between two moments."""
    found = f"window.seenForTests.{kind}.some((one) => one > {begin} && one < {end})"
    return bool(await page.evaluate(found))
