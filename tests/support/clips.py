"""Recorded cameras and microphones: each briefing point has its own colour and its own tone.

Rule 1: a colour and a tone on another page prove who is seen and heard there, not that something moves.
Rule 2: tones come in bursts, because browsers take a steady tone for noise and remove it.
"""

from __future__ import annotations

import math
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class Look:
    """`hue`: the colour's angle in degrees; `tone_hz`: the microphone's tone."""

    hue: int
    tone_hz: int


HUB_LOOK = Look(hue=0, tone_hz=440)
SITE_LOOKS = (Look(hue=120, tone_hz=700), Look(hue=240, tone_hz=1100), Look(hue=60, tone_hz=1700))


@dataclass(frozen=True)
class Clips:
    """Files for one browser's fake camera and microphone, with what they show."""

    look: Look
    camera: Path
    microphone: Path


def record(folder: Path, name: str, look: Look, width: int = 640, height: int = 360) -> Clips:
    """Writes `name`.y4m (one second, 10 frames a second, a moving bar on one colour) and `name`.wav."""
    camera, microphone = folder / f"{name}.y4m", folder / f"{name}.wav"
    camera.write_bytes(_film(look.hue, width, height, frames=10))
    _burst(microphone, look.tone_hz)
    return Clips(look, camera, microphone)


def _film(hue: int, width: int, height: int, frames: int) -> bytes:
    luma, blue, red = _yuv(hue)
    colour = bytes([blue]) * (width * height // 4) + bytes([red]) * (width * height // 4)
    parts = [f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode()]
    for number in range(frames):
        row = bytearray([luma]) * width
        start = number * width // frames
        row[start : start + width // 20] = bytes([min(luma + 40, 235)]) * (width // 20)
        parts.append(b"FRAME\n" + bytes(row) * height + colour)
    return b"".join(parts)


def _yuv(hue: int) -> tuple[int, int, int]:
    """ITU-R BT.601 luma and chroma of the fully saturated colour at `hue` degrees."""
    red, green, blue = (_channel(hue + offset) for offset in (0, -120, 120))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue - luma) / 1.772),
        round(128 + 224 * (red - luma) / 1.402),
    )


def _channel(angle: int) -> float:
    return min(1.0, max(0.0, 2 - abs((angle + 180) % 360 - 180) / 60))


def _burst(path: Path, tone_hz: int, seconds: float = 2.0) -> None:
    """Half a second of tone, a fifth of silence, and so on."""
    samples = (
        int(16_000 * math.sin(2 * math.pi * tone_hz * n / SAMPLE_RATE)) if n % 33_600 < 24_000 else 0
        for n in range(int(SAMPLE_RATE * seconds))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
