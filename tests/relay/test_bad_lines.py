"""Bad lines between Chromium and the relay: loss is repaired, a narrow line gets what fits, sound first."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from coordinator.relay import sdp
from coordinator.relay.room import Room
from tests.relay.bad_line import BadLine, Condition, Way
from tests.relay.harness import Client, browser, page_server, running_relay
from tests.relay.test_livekit_client import Stage, shows

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@contextlib.asynccontextmanager
async def stage_with_line(patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Stage, BadLine]]:
    """A stage on which all media passes a `BadLine`, good until `line.next` says otherwise."""
    async with running_relay() as running, page_server() as address, browser() as started:
        line = BadLine(running.rooms.mux.port)
        await line.open()
        true_local = Room.local

        def local(room: Room, fragment: str, password: str) -> sdp.Local:
            told = true_local(room, fragment, password)
            return dataclasses.replace(told, addresses=["127.0.0.1"], port=line.port)

        patch.setattr(Room, "local", local)
        try:
            yield Stage(running, address, started), line
        finally:
            line.close()


async def test_picture_and_sound_go_on_with_5_percent_loss_both_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage_with_line(monkeypatch) as (stage, line):
        line.next = Condition(Way(loss=0.05, delay_s=0.02), Way(loss=0.05, delay_s=0.02))
        hub = await stage.enter("hub")
        camera = await hub.call("publishCamera")
        await hub.call("publishMicrophone")
        viewer = await stage.enter("viewer")
        await shows(viewer, camera, 30, 20)
        await viewer.page.evaluate(f"gaps['{camera}'] = 0")
        await shows(viewer, camera, 100, 30)

        assert await viewer.page.evaluate(f"gaps['{camera}']") < 1500
        sound = next(s for s in await viewer.call("inbound") if s["kind"] == "audio" and s["packets"])
        assert sound["concealed"] / sound["samples"] < 0.05
        assert stage.participant("viewer").plane.line.budget_bps > 1_000_000, "no narrow line"


async def share_lost(client: Client) -> float:
    """Return what share of the next 50 packets of sound is lost: 3 s of it, silence left out."""
    before = next(s for s in await client.call("inbound") if s["kind"] == "audio" and s["packets"])
    more = f"s.kind === 'audio' && s.packets > {before['packets'] + 50}"
    await client.until(f"inbound().then(all => all.some(s => {more}))", 30)
    after = next(s for s in await client.call("inbound") if s["kind"] == "audio" and s["packets"])
    return float((after["lost"] - before["lost"]) / (after["packets"] - before["packets"]))


async def test_a_narrow_line_keeps_sound_and_gets_a_lower_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage_with_line(monkeypatch) as (stage, line):
        hub = await stage.enter("hub")
        camera = await hub.call("publishCamera")
        await hub.call("publishMicrophone")
        healthy = await stage.enter("healthy")
        await healthy.until(f"width('{camera}').then(w => w === 1280)", 60)
        line.next = Condition(down=Way(rate_bps=300_000))
        narrow = await stage.enter("narrow")

        await narrow.until(f"width('{camera}').then(w => w === 320)", 30)
        await shows(narrow, camera, 30, 20)

        assert min([await share_lost(narrow) for _ in range(5)]) < 0.05, (
            "the sound is whole once it has settled"
        )
        await shows(healthy, camera, 30, 20)


async def test_a_line_too_narrow_for_any_picture_says_so_and_keeps_the_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage_with_line(monkeypatch) as (stage, line):
        hub = await stage.enter("hub")
        camera = await hub.call("publishCamera")
        await hub.call("publishMicrophone")
        line.next = Condition(down=Way(rate_bps=90_000))
        site = await stage.enter("site")

        await site.until(f"(remote('{camera}').track || {{}}).streamState === 'paused'", 20)
        before = next(s for s in await site.call("inbound") if s["kind"] == "audio" and s["packets"])
        more = f"s.kind === 'audio' && s.packets > {before['packets'] + 50}"
        await site.until(f"inbound().then(all => all.some(s => {more}))", 20)


async def test_media_that_stops_is_set_up_again_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage_with_line(monkeypatch) as (stage, line):
        hub = await stage.enter("hub")
        camera = await hub.call("publishCamera")
        viewer = await stage.enter("viewer")
        await shows(viewer, camera, 20)
        sid = stage.participant("viewer").sid

        *_, theirs = line.conditions.values()
        theirs.up.loss = theirs.down.loss = 1.0

        await viewer.until("happened.some(h => h.name === 'Reconnected')", 25)
        await shows(viewer, camera, 20, 20)
        assert stage.participant("viewer").sid == sid
