"""The relay with PyPI `livekit`: another SDK joins, publishes, subscribes and leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from livekit import rtc
from livekit.protocol import models

from coordinator.relay.liveness import GRACE_S
from tests.relay.harness import running_relay, token

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 640, 360


async def until(condition: Callable[[], object], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.02)


async def send_picture(source: rtc.VideoSource) -> None:
    shade = 0
    while True:
        shade = (shade + 5) % 256
        pixels = bytes((shade, 128, 255 - shade, 255)) * (WIDTH * HEIGHT)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels))
        await asyncio.sleep(0.05)


async def send_sound(source: rtc.AudioSource) -> None:
    half = 48000 // 440 // 2
    wave = b"".join(
        (12000 if n // half % 2 else -12000).to_bytes(2, "little", signed=True) for n in range(480)
    )
    while True:
        await source.capture_frame(rtc.AudioFrame(wave, 48000, 1, 480))


class Receiver:
    """Counts the frames of every track that a room gives."""

    def __init__(self, room: rtc.Room) -> None:
        self.frames: dict[str, int] = {}
        self.data: list[bytes] = []
        self._readers: list[asyncio.Task[None]] = []
        room.on("track_subscribed", self._subscribed)
        room.on("data_received", lambda packet: self.data.append(packet.data))

    def _subscribed(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: object) -> None:
        self._readers.append(asyncio.create_task(self._read(track, publication.sid)))

    async def _read(self, track: rtc.Track, sid: str) -> None:
        video = track.kind == rtc.TrackKind.KIND_VIDEO
        stream = rtc.VideoStream(track) if video else rtc.AudioStream(track)
        async for _ in stream:
            self.frames[sid] = self.frames.get(sid, 0) + 1


async def decodes(room: rtc.Room, timeout_s: float = 30.0) -> None:
    """Wait until the SDK's own statistics tell of more than ten decoded frames.

    Its VideoStream now and then hands out nothing of a track that is being decoded.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            stats = await room.get_rtc_stats()
            every = [*stats.publisher_stats, *stats.subscriber_stats]
            if any(one.inbound_rtp.inbound.frames_decoded > 10 for one in every):
                return
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def joined(
    url: str, identity: str, *, one_line: bool = True
) -> AsyncIterator[tuple[rtc.Room, Receiver]]:
    """Join; `one_line` False = by v0, with two peer connections."""
    room = rtc.Room()
    receiver = Receiver(room)
    await room.connect(url, token(identity), rtc.RoomOptions(single_peer_connection=one_line))
    try:
        yield room, receiver
    finally:
        await room.disconnect()


@contextlib.asynccontextmanager
async def publishing(room: rtc.Room) -> AsyncIterator[tuple[str, str]]:
    """Publish a camera and a microphone; gives their sids."""
    picture, sound = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(48000, 1)
    video = rtc.LocalVideoTrack.create_video_track("camera", picture)
    audio = rtc.LocalAudioTrack.create_audio_track("microphone", sound)
    me = room.local_participant
    options = rtc.TrackPublishOptions
    camera = await me.publish_track(video, options(source=rtc.TrackSource.SOURCE_CAMERA))
    microphone = await me.publish_track(audio, options(source=rtc.TrackSource.SOURCE_MICROPHONE))
    feeders = [asyncio.create_task(send_picture(picture)), asyncio.create_task(send_sound(sound))]
    try:
        yield camera.sid, microphone.sid
    finally:
        for feeder in feeders:
            feeder.cancel()


@pytest.mark.parametrize("one_line", [True, False])
async def test_picture_sound_and_data_go_both_ways_and_leaving_is_seen(one_line: bool) -> None:
    async with running_relay() as running:
        url = f"ws://127.0.0.1:{running.port}"
        async with (
            joined(url, "one", one_line=one_line) as (one, at_one),
            joined(url, "two") as (two, at_two),
        ):
            async with publishing(one) as (_, sound_one), publishing(two) as (_, sound_two):
                hall = running.rooms.get("hall")
                assert hall is not None and (hall.participants["one"].offering is None) == one_line
                for room, receiver, sound in ((two, at_two, sound_one), (one, at_one, sound_two)):
                    await decodes(room)
                    await until(lambda r=receiver, s=sound: r.frames.get(s, 0) > 50)  # type: ignore[misc]
            await one.local_participant.publish_data(b"hello", reliable=True)
            await until(lambda: at_two.data == [b"hello"])
            await one.disconnect()
            await until(lambda: "one" not in two.remote_participants)
        left = running.rooms.get("hall")
        assert left is not None
        await until(lambda: left.participants == {}, 2 * GRACE_S)  # the SDK may cut its socket without a word


async def test_a_late_joiner_hears_and_sees_what_was_published_before() -> None:
    async with running_relay() as running:
        url = f"ws://127.0.0.1:{running.port}"
        async with joined(url, "early") as (early, _), publishing(early) as (_, sound):
            await asyncio.sleep(0)
            async with joined(url, "late") as (late, at_late):
                await decodes(late)
                await until(lambda: at_late.frames.get(sound, 0) > 20)


async def test_being_removed_is_told() -> None:
    async with running_relay() as running:
        url = f"ws://127.0.0.1:{running.port}"
        async with joined(url, "guest") as (guest, _):
            reasons: list[object] = []
            guest.on("disconnected", reasons.append)
            room = running.rooms.get("hall")
            assert room is not None
            room.participants["guest"].remove(models.DisconnectReason.PARTICIPANT_REMOVED)
            await until(lambda: reasons)
            assert reasons[0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
