"""Recorded media: a few seconds of VP8 and Opus, made once from a synthetic picture and replayed for ever.

Rule 1: encoding happens here only, once for a folder; a client that runs merely copies the frames.
Rule 2: a video recording has one keyframe, its first frame, so a loop can restart there at any time.
Rule 3: the files are ordinary WebM and Ogg, so that anybody can look at what is sent.
"""

import math
import os
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

LOOP_S = 4
OPUS_FRAME = 960
"""Samples in one Opus frame: 20 ms at 48 kHz."""


@dataclass(frozen=True)
class Picture:
    """What one video recording looks like."""

    width: int
    height: int
    fps: int
    bitrate_bps: int


@dataclass(frozen=True)
class Recording:
    """A loop of encoded frames; `step` is the time between them in ticks of `clock_hz`."""

    frames: tuple[bytes, ...]
    clock_hz: int
    step: int
    picture: Picture | None = None

    @property
    def seconds(self) -> float:
        """How long one round takes."""
        return len(self.frames) * self.step / self.clock_hz

    @property
    def bitrate_bps(self) -> float:
        """The mean rate of the payload."""
        return 8 * sum(map(len, self.frames)) / self.seconds


PICTURES = {
    "low": Picture(320, 180, 15, 140_000),
    "mid": Picture(640, 360, 20, 450_000),
    "high": Picture(1280, 720, 25, 1_400_000),
    "screen": Picture(1280, 720, 5, 250_000),
}
SOUND_BPS = 32_000


@dataclass(frozen=True)
class RecordedMedia:
    """The recordings of one folder: three layers of a camera, a screen, and a voice."""

    low: Recording
    mid: Recording
    high: Recording
    screen: Recording
    sound: Recording

    @classmethod
    def load(cls, folder: Path) -> "RecordedMedia":
        """Read the recordings in `folder`, making those that are missing (a few seconds, the first time)."""
        folder.mkdir(parents=True, exist_ok=True)
        video = {name: _video(folder / f"{name}.webm", picture) for name, picture in PICTURES.items()}
        return cls(**video, sound=_sound(folder / "sound.ogg"))


def _video(path: Path, picture: Picture) -> Recording:
    if not path.exists():
        _make(path, lambda part: _record_video(part, picture))
    with av.open(str(path)) as file:
        frames = tuple(bytes(packet) for packet in file.demux(video=0) if packet.size)
    return Recording(frames, 90_000, 90_000 // picture.fps, picture)


def _sound(path: Path) -> Recording:
    if not path.exists():
        _make(path, _record_sound)
    with av.open(str(path)) as file:
        frames = tuple(bytes(packet) for packet in file.demux(audio=0) if packet.size)
    return Recording(frames[: LOOP_S * 50], 48_000, OPUS_FRAME)


def _make(path: Path, record: Callable[[Path], None]) -> None:
    """Record to a file of this process first, so that a reader never sees half a recording."""
    part = path.with_name(f"{os.getpid()}-{path.name}")
    record(part)
    part.replace(path)


def _record_video(path: Path, picture: Picture) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libvpx", rate=picture.fps)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.bit_rate, stream.gop_size = picture.bitrate_bps, 100_000
        stream.options = {
            "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1",
            "minrate": str(picture.bitrate_bps), "maxrate": str(picture.bitrate_bps),
            "bufsize": str(picture.bitrate_bps // 2), "auto-alt-ref": "0",
        }  # fmt: skip
        texture = _texture(picture)
        for number in range(LOOP_S * picture.fps):
            file.mux(stream.encode(_frame(picture, texture, number)))
        file.mux(stream.encode(None))


def _texture(picture: Picture) -> list[bytes]:
    """Return rows of soft random blocks, twice as wide as the picture."""
    dice = random.Random(7)
    block = max(8, picture.height // 18)
    rows = []
    for top in range(0, picture.height, block):
        greys = [dice.randrange(60, 200) for _ in range(2 * picture.width // block + 2)]
        row = b"".join(bytes((grey,)) * block for grey in greys)
        rows += [row] * min(block, picture.height - top)
    return rows


def _frame(picture: Picture, texture: list[bytes], number: int) -> av.VideoFrame:
    """Draw picture `number`: every band of blocks glides at its own speed, as far as one round goes."""
    frame = av.VideoFrame(picture.width, picture.height, "yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, picture.fps)
    width, line = picture.width, frame.planes[0].line_size
    luma = bytearray()
    for y, row in enumerate(texture):
        shift = int(width / 4 * (1 + math.sin(2 * math.pi * number / (LOOP_S * picture.fps) + y // 40)))
        luma += row[shift : shift + width].ljust(line, b"\0")
    frame.planes[0].update(bytes(luma))
    for plane, tint in ((frame.planes[1], 110), (frame.planes[2], 150)):
        plane.update(bytes((tint,)) * plane.buffer_size)
    return frame


def _record_sound(path: Path) -> None:
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = SOUND_BPS
        stream.options = {"application": "voip", "frame_duration": "20", "vbr": "off"}
        for number in range(LOOP_S * 50 + 2):
            file.mux(stream.encode(_note(number)))
        file.mux(stream.encode(None))


def _note(number: int) -> av.AudioFrame:
    """Return 20 ms of a tone that rises and falls like a voice."""
    frame = av.AudioFrame(format="s16", layout="mono", samples=OPUS_FRAME)
    frame.sample_rate, frame.pts, frame.time_base = 48_000, number * OPUS_FRAME, Fraction(1, 48_000)
    pitch_hz = 180 + 40 * ((number // 10) % 5)
    start = number * OPUS_FRAME
    wave = (math.sin(2 * math.pi * pitch_hz * (start + i) / 48_000) for i in range(OPUS_FRAME))
    frame.planes[0].update(array("h", (int(9000 * sample) for sample in wave)).tobytes())
    return frame
