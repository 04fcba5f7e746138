"""The fast path of the plane in use beside the long way, with the same media: both come to the same."""

from __future__ import annotations

import contextlib
import math
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay import uplink
from coordinator.relay.forwarding import engine, red, rtp, twcc
from coordinator.relay.forwarding.history import Packet
from coordinator.relay.forwarding.route import Formats, Route
from coordinator.relay.media_track import MediaTrack
from coordinator.relay.uplink import Binding, Uplink

COMPILED = pytest.mark.skipif(engine.compiled is None, reason="the compiled plane is not in use")
OPUS, RED, VP8, RTX = 111, 63, 96, 97
VOICE, CAMERA, REPEATS = 7, 8, 9
COUNTED, LEVEL, MID = 5, 1, 3
SOUND: Formats = {"opus": (OPUS, None)}
PICTURE: Formats = {"vp8": (VP8, RTX)}


class World:
    """One participant's way in, to two subscribers of its voice and two of its camera.

    On the fast path packets may wait for more of their kind (`held`), until anything else happens; then
    feedback, which is about what came so far, comes at another time, and is left out (`quiet`).
    """

    def __init__(self, fast: bool, *, held: bool = False, quiet: bool = False) -> None:
        self.now = 100.0
        self.taken = 0
        self.sent: list[Any] = []
        self.uplink = Uplink(self.sent.append)
        self._fast, self._held, self._quiet = fast, held, quiet
        self.hush()
        if not fast:
            self.uplink.fast_path = None
        self.voice, self.camera = (
            MediaTrack(name, name == "TR_camera", self.sent.append) for name in ("TR_voice", "TR_camera")
        )
        self.bindings = {
            "0": Binding(self.voice, {OPUS: "opus", RED: "red"}, {}, {}, [VOICE]),
            "1": Binding(self.camera, {VP8: "vp8"}, {RTX: VP8}, {REPEATS: CAMERA}, [CAMERA]),
        }
        self.configure()
        self.routes = [
            self._subscribe(track, Route(ssrc, None, track.clock_rate, formats))
            for ssrc, (track, formats) in enumerate(
                [(self.voice, SOUND), (self.voice, SOUND), (self.camera, PICTURE), (self.camera, PICTURE)],
                100,
            )
        ]

    def configure(self) -> None:
        self.uplink.configure(
            {rtp.TRANSPORT_CC: COUNTED, rtp.AUDIO_LEVEL: LEVEL, rtp.MID: MID}, self.bindings
        )

    def _subscribe(self, track: MediaTrack, route: Route) -> tuple[MediaTrack, Route]:
        sender = engine.Sender(self.sent.append, engine.Flight())
        sender.configure(0, COUNTED)

        def deliver(route: Route, packet: Packet, mapped: tuple[int, int, bytes], now: float) -> None:
            sequence, timestamp, payload = mapped
            kind = route.cursor.payload_type
            sender.send(kind, packet.marker, sequence, timestamp, route.ssrc, payload, now)

        outlet: Any = SimpleNamespace(sender=sender, deliver=deliver)
        track.attach(route, outlet)
        return track, route

    def take(self, data: bytes) -> None:
        self.now += 0.007
        if self._fast:
            assert self.uplink.fast_path is not None
            path = self.uplink.fast_path
            if (path.hold if self._held else path.take)(data, self.now):
                self.taken += 1
                return
            path.settle()
        try:
            self.uplink.on_rtp(data)
        except ValueError as error:
            self.sent.append(str(error))

    def hush(self) -> None:
        """Let no feedback be due, where that is left out."""
        if self._quiet:
            self.uplink._recorder.due_at = math.inf

    def settle(self) -> None:
        """Let what waits go on."""
        if self._fast and self.uplink.fast_path is not None:
            self.uplink.fast_path.settle()

    def sent_to(self) -> dict[Any, list[Any]]:
        """What each got: media by its SSRC, all else under 0 (feedback and requests come in any order)."""
        found: dict[Any, list[Any]] = {}
        for each in self.sent:
            media = isinstance(each, bytes) and not 192 <= each[1] <= 223
            found.setdefault(each[8:12] if media else 0, []).append(each)
        found.get(0, []).sort(key=repr)
        return found

    def aim(self, place: int, wanted: bool) -> None:
        track, route = self.routes[place]
        route.aim(next(iter(track.streams.values()), None) if wanted else None)

    def known(self) -> list[Any]:
        """All that is known of what came, and all that was sent."""
        recorder = self.uplink._recorder
        streams = [*self.voice.streams.values(), *self.camera.streams.values()]
        return [
            self.sent_to(),
            self.uplink.received,
            [
                (
                    s.intake.top,
                    s.intake.received,
                    s.intake.jitter,
                    s.intake.last_arrival,
                    list(s.intake.frame_times),
                )
                for s in streams
            ],
            [s.rate.bps(self.now) for s in streams],
            [(route.cursor.sequence, route.cursor.packets, route.cursor.octets) for _, route in self.routes],
            (len(recorder), recorder.feedback(), recorder.reported, recorder.take_loss()),
            self.voice.take_level(),
        ]


pictures = st.tuples(
    st.sampled_from(
        [b"\x90\x80\x05\x00", b"\x90\x80\x05\x01", b"\x90\xe0\x85\x39\x44\x20\x01", b"\x10\x01", b"\x00", b""]
    ),
    st.binary(max_size=60),
).map(b"".join)
steps = st.sampled_from([1, 1, 1, 1, 1, 1, 0, -1, 2, 3, 1500])
extensions = st.sampled_from(["both", "number", "level", "none", "mid", "two-byte", "short"])


def written(extension: str, number: int, level: int) -> bytes:
    """A header extension block."""
    counted = bytes((COUNTED << 4 | 1,)) + struct.pack("!H", number & 0xFFFF)
    loud = bytes((LEVEL << 4, level))
    elements = {
        "both": counted + loud, "number": counted, "level": loud, "mid": bytes((MID << 4,)) + b"1" + counted,
        "short": bytes((COUNTED << 4,)) + b"\1" + counted + b"\xf0",
        "two-byte": bytes((COUNTED, 2)) + struct.pack("!H", number & 0xFFFF) + bytes((LEVEL, 1, level)),
    }.get(extension, b"")  # fmt: skip
    if not elements:
        return b""
    elements += bytes(-len(elements) % 4)
    profile = 0x1000 if extension == "two-byte" else rtp.ONE_BYTE_PROFILE
    return struct.pack("!HH", profile, len(elements) // 4) + elements


@st.composite
def days(draw: st.DrawFn) -> list[Any]:
    """What comes one after the other: packets of two streams, and what the relay is told meanwhile."""
    day: list[Any] = []
    voice, camera, number = draw(st.integers(0, 65535)), draw(st.integers(65500, 65535)), 65530
    for _ in range(draw(st.integers(1, 40))):
        number += draw(st.sampled_from([1, 1, 1, 0, 2, 700]))
        extension = written(draw(extensions), number, draw(st.integers(0, 127)))
        marker = draw(st.booleans())
        what = draw(
            st.sampled_from(
                ["voice", "voice", "voice", "camera", "camera", "camera", "red", "rtx", "else", "told"]
            )
        )
        if what == "voice":
            voice += draw(steps)
            day.append(
                rtp.build(OPUS, marker, voice, 960 * voice, VOICE, extension, draw(st.binary(max_size=30)))
            )
        elif what == "camera":
            camera += draw(steps)
            day.append(rtp.build(VP8, marker, camera, 3000 * camera, CAMERA, extension, draw(pictures)))
        elif what == "red":
            voice += draw(steps)
            payload = red.wrap(OPUS, [(960, b"earlier")], b"frame")
            day.append(rtp.build(RED, marker, voice, 960 * voice, VOICE, extension, payload))
        elif what == "rtx":
            payload = rtp.wrap_rtx(camera - draw(st.integers(-1, 3)), draw(pictures))
            day.append(rtp.build(RTX, marker, number, 3000 * camera, REPEATS, extension, payload))
        elif what == "else":
            whole = rtp.build(
                draw(st.sampled_from([OPUS, 5])), marker, voice + 1, 0, VOICE, extension, b"\x01\x02"
            )
            spoilt = [
                whole[: draw(st.integers(0, len(whole)))],
                bytes((whole[0] | 0x20,)) + whole[1:],
                draw(st.binary(max_size=30)),
            ]
            day.append(draw(st.sampled_from(spoilt)))
        else:
            day.append(
                (
                    draw(st.sampled_from(["aim", "drop", "silence", "speak", "renegotiate", "ask", "tick"])),
                    draw(st.integers(0, 3)),
                )
            )
    return day


def live(world: World, day: list[Any]) -> None:
    for number in range(2):  # both streams are known, and wanted
        world.take(rtp.build(OPUS, False, 0, 0, VOICE, b"", b"first"))
        world.take(rtp.build(VP8, True, 65000 + number, 0, CAMERA, b"", b"\x10\x00first"))
        for place in range(4):
            world.settle()
            world.aim(place, True)
    for event in day:
        if isinstance(event, bytes):
            world.take(event)
            continue
        world.settle()
        what, place = event
        if what in ("aim", "drop"):
            world.aim(place, what == "aim")
        elif what == "renegotiate":
            world.configure()
        elif what == "ask":
            world.camera.want_keyframe(next(iter(world.camera.streams.values())), world.now)
        elif what == "tick":
            world.now += 0.6
            world.uplink.tick(world.now)
            world.hush()
        else:
            world.voice.silenced = what == "silence"
    world.settle()


@settings(max_examples=400, deadline=None)
@given(days())
def test_the_fast_path_does_what_the_long_way_does(day: list[Any]) -> None:
    worlds = [World(fast, quiet=quiet) for quiet in (False, True) for fast in (False, True)]
    worlds.append(World(fast=True, held=True, quiet=True))
    for world in worlds:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(uplink, "time", SimpleNamespace(monotonic=lambda world=world: world.now))
            live(world, day)
    known = [world.known() for world in worlds]
    assert known[0] == known[1]
    assert known[2] == known[3] == known[4]


def test_media_in_its_usual_course_takes_the_fast_path() -> None:
    world = World(fast=True)
    day = [
        packet
        for number in range(1, 51)
        for packet in (
            rtp.build(OPUS, False, number, 960 * number, VOICE, written("both", 2 * number, 30), b"sound"),
            rtp.build(
                VP8,
                True,
                65001 + number,
                3000 * number,
                CAMERA,
                written("number", 2 * number + 1, 0),
                b"\x10\x01picture",
            ),
        )
    ]
    live(world, day)
    assert world.taken >= len(day)
    assert world.voice.take_level() == pytest.approx(10 ** (-30 / 20))


def test_what_ended_takes_it_no_more() -> None:
    world = World(fast=True)
    live(world, [])
    assert world.uplink.fast_path is not None
    world.uplink.unbind(world.camera)
    assert not world.uplink.fast_path.take(rtp.build(VP8, True, 65002, 9, CAMERA, b"", b"\x10\x01late"), 1.0)
    assert world.uplink.fast_path.take(rtp.build(OPUS, False, 1, 9, VOICE, b"", b"sound"), 1.0)


@COMPILED
@settings(max_examples=300)
@given(
    st.integers(0, 65535),
    st.lists(
        st.tuples(st.one_of(st.integers(-8, 32), st.integers(400, 700)), st.integers(0, 400), st.booleans()),
        max_size=120,
    ),
)
def test_both_recorders_write_the_same_feedback(first: int, steps: list[tuple[int, int, bool]]) -> None:
    recorders: list[Any] = [twcc.Recorder(), engine.compiled.Recorder()]
    number, now = first, 5.0
    for step, wait, tells in steps:
        number, now = number + step, now + wait / 1000
        told = []
        for recorder in recorders:
            recorder.arrived(number & 0xFFFF, now)
            told.append(
                [
                    len(recorder),
                    (recorder.packet(7, now) if number % 2 else recorder.feedback()) if tells else None,
                    recorder.reported,
                    recorder.due_at,
                ]
            )
            if recorder.reported > 50:
                told[-1].append(recorder.take_loss())
        assert told[0] == told[1]


@COMPILED
def test_the_fast_path_refuses_what_is_none_of_its_own() -> None:
    with pytest.raises(TypeError):
        engine.compiled.FastPath(twcc.Recorder(), print)
    path = engine.compiled.FastPath(engine.compiled.Recorder(), print)
    with contextlib.suppress(OverflowError), pytest.raises(TypeError):
        path.put(1, [96], None, [], None, None)
    assert path.take(b"", 1.0) is False and path.take(b"\x80" * 11, 1.0) is False
