"""Whether a page's stage is truly seen and heard: decoded frames, their colour, received sound and its tone.

Rule 1: frames count when they were decoded and the picture's clock went on, not when an element exists.
Rule 2: who is on the stage is told by the colour in the middle of the picture and by the strongest tone.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

from playwright.async_api import Page

from tests.support.clips import Look
from tests.support.waiting import until

_VIDEO = """
const video = () => {
  const hook = document.querySelector('[data-testid=stage-video]');
  if (!hook) return null;
  const all = hook.tagName === 'VIDEO' ? [hook] : [...hook.querySelectorAll('video')];
  return all.find((one) => one.srcObject && one.offsetParent !== null) ?? all[0] ?? null;
};
"""
_PICTURE = (
    "() => {"
    + _VIDEO
    + """
  const one = video();
  if (!one || !one.videoWidth) return null;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d');
  const [width, height] = [one.videoWidth, one.videoHeight];
  pen.drawImage(one, width * 0.4, height * 0.4, width * 0.2, height * 0.2, 0, 0, 1, 1);
  return {frames: one.getVideoPlaybackQuality().totalVideoFrames, time: one.currentTime, width,
    colour: [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3)};
}"""
)
_SOUND = """async () => {
  let packets = 0, energy = 0;
  for (const peer of window.peersForTests) {
    if (peer.connectionState === 'closed') continue;
    for (const one of (await peer.getStats()).values()) {
      if (one.type === 'inbound-rtp' && one.kind === 'audio') {
        packets += one.packetsReceived; energy += one.totalAudioEnergy ?? 0;
      }
    }
  }
  return {packets, energy};
}"""
_TONE = """async () => {
  const hook = document.querySelector('[data-testid=stage-audio]');
  const all = !hook ? [] : hook.tagName === 'AUDIO' ? [hook] : [...hook.querySelectorAll('audio')];
  const playing = all.filter((one) => one.srcObject && !one.paused && !one.muted);
  if (!playing.length) return null;
  const context = new AudioContext();
  const ear = new AnalyserNode(context, {fftSize: 8192, smoothingTimeConstant: 0});
  for (const one of playing) context.createMediaStreamSource(one.srcObject).connect(ear);
  await context.resume();
  const bins = new Float32Array(ear.frequencyBinCount);
  let best = {hz: 0, db: -Infinity};
  for (let n = 0; n < 30; n++) {
    await new Promise((done) => setTimeout(done, 50));
    ear.getFloatFrequencyData(bins);
    bins.forEach((db, at) => {
      if (db > best.db) best = {hz: at * context.sampleRate / ear.fftSize, db};
    });
  }
  await context.close();
  return best.db > -70 ? best.hz : null;
}"""


@dataclass(frozen=True)
class Picture:
    """`hue` in degrees; `frames` decoded so far; `time` the element's clock in seconds."""

    frames: int
    time: float
    width: int
    hue: int
    vivid: bool


async def picture(page: Page) -> Picture | None:
    """The stage as it is now, None while it has no picture."""
    found = await page.evaluate(_PICTURE)
    if found is None:
        return None
    hue, saturation, _ = colorsys.rgb_to_hsv(*(part / 255 for part in found["colour"]))
    return Picture(found["frames"], found["time"], found["width"], round(hue * 360), saturation > 0.4)


async def sees(page: Page, look: Look, within_s: float = 45.0) -> None:
    """Waits until the stage shows `look` and its frames go on."""

    seen: list[Picture | None] = []

    async def moving() -> bool:
        seen.append(await picture(page))
        first, second = seen[-5] if len(seen) > 4 else None, seen[-1]
        if first is None or second is None or not second.vivid or not _near(second.hue, look.hue):
            return False
        return second.frames >= first.frames + 2 and second.time > first.time

    try:
        await until(f"the stage shows the colour at {look.hue}°, moving", moving, within_s)
    except AssertionError as late:
        raise AssertionError(f"{late}; seen last: {seen[-5:]}") from None


async def hears(page: Page, look: Look, within_s: float = 45.0) -> None:
    """Waits until sound arrives on the stage and its strongest tone is that of `look`."""

    heard: list[object] = []

    async def tone() -> bool:
        before = await page.evaluate(_SOUND)
        hz = await page.evaluate(_TONE)
        after = await page.evaluate(_SOUND)
        heard.append((hz, before, after))
        arrived = after["packets"] > before["packets"] and after["energy"] > before["energy"]
        return arrived and hz is not None and abs(hz - look.tone_hz) < 30

    try:
        await until(f"the stage sounds at {look.tone_hz} Hz", tone, within_s)
    except AssertionError as late:
        raise AssertionError(f"{late}; heard last (Hz, before, after): {heard[-2:]}") from None


def _near(hue: int, wanted: int) -> bool:
    return abs((hue - wanted + 180) % 360 - 180) < 25
