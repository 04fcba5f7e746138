"""A voice for tests that judge rates: syllables, pauses and a moving pitch, for which an encoder has to work
as for a speaker. A tone in bursts takes a third of the bytes."""

from __future__ import annotations

import math
import random
import struct
import wave
from pathlib import Path

from tests.support.clips import SAMPLE_RATE

SYLLABLE_S, FADE_S = 0.2, 0.02
LOUDEST = 9000


def speak(path: Path, seconds: float = 8.0) -> None:
    """Write a recording; it is the same each time, and may be played in a circle."""
    chance = random.Random(5)
    samples: list[int] = []
    while len(samples) < SAMPLE_RATE * seconds:
        samples += _syllable(chance)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def _syllable(chance: random.Random) -> list[int]:
    length, pitch = int(SAMPLE_RATE * SYLLABLE_S), chance.uniform(110, 190)
    first, second = chance.uniform(300, 800), chance.uniform(900, 2400)  # formants
    loud = 0.0 if chance.random() < 0.08 else chance.uniform(0.5, 1.0)
    hiss = chance.random() < 0.3
    weights = [(k, _near(k * pitch, first) + 0.5 * _near(k * pitch, second)) for k in range(1, 24)]
    fade = SAMPLE_RATE * FADE_S
    made = []
    for n in range(length):
        at = n / SAMPLE_RATE
        swell = min(1.0, n / fade, (length - n) / fade) * loud
        if hiss and n < length / 3:
            value = chance.uniform(-0.4, 0.4)
        else:
            turn = 2 * math.pi * pitch * at * (1 + 0.15 * at)
            value = sum(weight * math.sin(k * turn) for k, weight in weights) / 3
        made.append(int(LOUDEST * max(-1.0, min(1.0, swell * value))))
    return made


def _near(frequency: float, formant: float) -> float:
    return 1 / (1 + ((frequency - formant) / 150) ** 2)
