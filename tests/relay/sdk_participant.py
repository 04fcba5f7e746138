"""A participant by PyPI `livekit`, as a program: what it is asked on stdin, it answers on stdout.

Its first line says that it has joined. From then on one line in, `[name, *arguments]` for a method of
`Participant`, gives one line out: what that method returned, as JSON. It ends with its stdin; what goes
wrong ends it with 1, and stderr tells why.

The SDK's native library is not to be relied on at its end: disposing of it may hang, and a garbage
collection that drops its handles may crash. So there is no collection, and no end but the process's.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import json
import os
import sys
import traceback
from typing import Any

from livekit import rtc

WIDTH, HEIGHT = 640, 360


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


class Participant:
    """What can be asked for, and what is counted meanwhile."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.room = rtc.Room()
        self._tasks = tasks
        self._feeders: list[asyncio.Task[None]] = []
        self._frames: dict[str, int] = {}
        self._data: list[tuple[str | None, str]] = []
        self._disconnected: list[str] = []
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("data_received", lambda packet: self._data.append((packet.topic, packet.data.decode())))
        self.room.on("disconnected", lambda why: self._disconnected.append(rtc.DisconnectReason.Name(why)))

    def _subscribed(self, track: rtc.Track, publication: rtc.RemoteTrackPublication) -> None:
        self._frames[publication.sid] = 0
        self._tasks.create_task(self._read(track, publication.sid))

    async def _read(self, track: rtc.Track, sid: str) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            async for _ in rtc.VideoStream(track):
                self._frames[sid] += 1
        else:
            async for event in rtc.AudioStream(track):
                self._frames[sid] += any(event.frame.data)

    async def publish(self) -> tuple[str, str]:
        """Publish a camera and a microphone; gives their sids."""
        picture, sound = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(48000, 1)
        video = rtc.LocalVideoTrack.create_video_track("camera", picture)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", sound)
        me = self.room.local_participant
        options = rtc.TrackPublishOptions
        camera = await me.publish_track(video, options(source=rtc.TrackSource.SOURCE_CAMERA))
        microphone = await me.publish_track(audio, options(source=rtc.TrackSource.SOURCE_MICROPHONE))
        for feeder in (send_picture(picture), send_sound(sound)):
            self._feeders.append(self._tasks.create_task(feeder))
        return camera.sid, microphone.sid

    async def send(self, text: str) -> None:
        """Send data to everybody, reliably."""
        await self.room.local_participant.publish_data(text, reliable=True)

    async def state(self) -> dict[str, Any]:
        """Tell what came so far; `frames` has every subscribed track, and counts no silence."""
        return {
            "frames": self._frames,
            "data": self._data,
            "participants": list(self.room.remote_participants),
            "disconnected": self._disconnected,
        }

    async def decoded(self) -> int:
        """Tell the most frames decoded of one track, by the SDK's own statistics."""
        stats = await self.room.get_rtc_stats()
        every = [*stats.publisher_stats, *stats.subscriber_stats]
        return max((one.inbound_rtp.inbound.frames_decoded for one in every), default=0)

    async def leave(self) -> None:
        """Stop what is published, and leave the room."""
        for feeder in self._feeders:
            feeder.cancel()
        await self.room.disconnect()


async def serve(wanted: argparse.Namespace) -> None:
    """Join, and answer until stdin ends; then nothing is left of this process."""
    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    options = rtc.RoomOptions(
        auto_subscribe=not wanted.subscribe_nothing, single_peer_connection=not wanted.two_lines
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            participant = Participant(tasks)
            await participant.room.connect(wanted.url, wanted.token, options)
            print(json.dumps("joined"), flush=True)
            async for line in asked:
                name, *arguments = json.loads(line)
                print(json.dumps(await getattr(participant, name)(*arguments)), flush=True)
            os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--two-lines", action="store_true", help="join by v0, with two peer connections")
    parser.add_argument("--subscribe-nothing", action="store_true", help="let others subscribe it")
    gc.disable()
    faulthandler.enable()
    asyncio.run(serve(parser.parse_args()))
