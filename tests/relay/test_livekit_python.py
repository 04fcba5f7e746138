"""The relay with PyPI `livekit`: another SDK joins, publishes, subscribes and leaves."""

from __future__ import annotations

import asyncio

import pytest
from livekit.protocol import models

from coordinator.relay.liveness import GRACE_S
from tests.relay.harness import running_relay, token
from tests.relay.sdk import joined

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("one_line", [True, False])
async def test_picture_sound_and_data_go_both_ways_and_leaving_is_seen(one_line: bool) -> None:
    async with running_relay() as running:
        url = f"ws://127.0.0.1:{running.port}"
        options = [] if one_line else ["--two-lines"]
        async with joined(url, token("one"), *options) as one, joined(url, token("two")) as two:
            _, sound_one = await one.call("publish")
            _, sound_two = await two.call("publish")
            hall = running.rooms.get("hall")
            assert hall is not None and (hall.participants["one"].offering is None) == one_line
            for receiver, sound in ((two, sound_one), (one, sound_two)):
                await receiver.decodes()
                await receiver.until(lambda told, sid=sound: told["frames"].get(sid, 0) > 50)  # type: ignore[misc]
            await one.call("send", "hello")
            await two.until(lambda told: told["data"] == [["", "hello"]])
            await two.until(lambda told: told["participants"] == ["one"])
            await one.call("leave")
            await two.until(lambda told: told["participants"] == [])
            await two.call("leave")
        assert running.rooms.get("hall") is hall
        async with asyncio.timeout(2 * GRACE_S):  # the SDK may cut its socket without a word
            while hall.participants:  # noqa: ASYNC110 - the relay runs by itself
                await asyncio.sleep(0.02)


async def test_a_late_joiner_hears_and_sees_what_was_published_before() -> None:
    async with running_relay() as running:
        url = f"ws://127.0.0.1:{running.port}"
        async with joined(url, token("early")) as early:
            _, sound = await early.call("publish")
            async with joined(url, token("late")) as late:
                await late.decodes()
                await late.until(lambda told: told["frames"].get(sound, 0) > 20)


async def test_being_removed_is_told() -> None:
    async with running_relay() as running, joined(f"ws://127.0.0.1:{running.port}", token("guest")) as guest:
        room = running.rooms.get("hall")
        assert room is not None
        room.participants["guest"].remove(models.DisconnectReason.PARTICIPANT_REMOVED)
        await guest.until(lambda told: told["disconnected"] == ["PARTICIPANT_REMOVED"])
