"""The relay with the unmodified livekit-client in Chromium: what a page of a briefing relies on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from livekit.protocol import models

from coordinator.relay.main import Running
from coordinator.relay.participant import Participant
from tests.relay.harness import Client, browser, open_client, page_server, running_relay, token

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOW, MEDIUM, HIGH = 0, 1, 2
WIDTH = {LOW: 320, MEDIUM: 640, HIGH: 1280}


@dataclass
class Stage:
    """A relay, a browser, and how to let a client in."""

    running: Running
    address: str
    started: Any

    async def enter(
        self, identity: str, *, auto: bool = True, dynacast: bool = False, **grants: Any
    ) -> Client:
        client = await open_client(self.started, self.address)
        url = f"ws://127.0.0.1:{self.running.port}"
        options = {"autoSubscribe": auto}
        await client.call("join", url, token(identity, **grants), options, {"dynacast": dynacast})
        return client

    def participant(self, identity: str) -> Participant:
        room = self.running.rooms.get("hall")
        assert room is not None
        return room.participants[identity]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with running_relay() as running, page_server() as address, browser() as started:
        yield Stage(running, address, started)


async def has_happened(client: Client, name: str, timeout_s: float = 10.0) -> None:
    await client.until(f"happened.some(h => h.name === '{name}')", timeout_s)


async def shows(client: Client, sid: str, more: int = 10, timeout_s: float = 10.0) -> None:
    """Wait until a track shows `more` further frames."""
    before = await client.page.evaluate(f"frames['{sid}'] || 0")
    await client.until(f"(frames['{sid}'] || 0) >= {before + more}", timeout_s)


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is another's state
            await asyncio.sleep(0.02)


async def test_camera_microphone_and_screen_arrive_and_a_late_joiner_sees_them_at_once(stage: Stage) -> None:
    hub = await stage.enter("hub")
    camera = await hub.call("publishCamera")
    microphone = await hub.call("publishMicrophone")
    screen = await hub.call("publishScreen")
    assert len([s for s in await hub.call("outbound") if s["kind"] == "video"]) >= 3, "simulcast is on"

    late = await stage.enter("late")

    await late.until(f"'{camera}' in firstFrame && '{screen}' in firstFrame")
    first = await late.page.evaluate("firstFrame")
    assert first[camera] < 1000 and first[screen] < 1000
    await shows(late, camera, 20)
    await shows(late, screen, 20)
    await late.until(
        "inbound().then(all => all.some(s => s.kind === 'audio' && s.packets > 50 && s.energy > 0))"
    )
    assert await late.page.evaluate(f"remote('{microphone}').isSubscribed")


async def test_each_subscriber_gets_the_layer_it_asks_for_without_a_freeze(stage: Stage) -> None:
    hub = await stage.enter("hub")
    camera = await hub.call("publishCamera")
    viewer = await stage.enter("viewer")
    other = await stage.enter("other")
    await viewer.until(f"width('{camera}').then(w => w === 1280)")

    for level in (LOW, HIGH, MEDIUM, LOW, MEDIUM):
        await viewer.call("quality", camera, level)
        await viewer.until(f"width('{camera}').then(w => w === {WIDTH[level]})")
        await shows(viewer, camera, 5)

    assert await viewer.page.evaluate(f"gaps['{camera}']") < 1000
    await other.until(f"width('{camera}').then(w => w === 1280)", 30)


async def test_without_autosubscribe_nothing_comes_until_asked_and_it_can_be_given_back(stage: Stage) -> None:
    hub = await stage.enter("hub")
    camera = await hub.call("publishCamera")
    site = await stage.enter("site", auto=False)
    assert await site.page.evaluate(f"remote('{camera}') && !remote('{camera}').isSubscribed")

    for _ in range(3):
        await site.call("subscribe", camera, True)
        await site.until(f"!!remote('{camera}').track")
        await shows(site, camera)
        await site.call("subscribe", camera, False)
        await site.until(f"!remote('{camera}').track")

    assert stage.participant("site").subscriptions == {}


async def test_more_tracks_than_the_first_offer_had_sections_for(stage: Stage) -> None:
    names = [f"site-{n}" for n in range(3)]
    sites = [await stage.enter(name, auto=False) for name in names]
    tracks = [await site.call("publishCanvas", 320, 180, {"simulcast": False}) for site in sites]
    tracks += [await site.call("publishScreen") for site in sites]

    hub = await stage.enter("hub")

    for track in tracks:
        await shows(hub, track, 3)


async def test_dynacast_stops_the_layers_nobody_watches_and_starts_them_again(stage: Stage) -> None:
    hub = await stage.enter("hub", dynacast=True)
    camera = await hub.call("publishCamera")
    viewer = await stage.enter("viewer")
    await shows(viewer, camera)

    await viewer.call("quality", camera, LOW)
    await viewer.until(f"width('{camera}').then(w => w === 320)")
    await hub.until(
        "outbound().then(all => all.filter(s => s.kind === 'video' && s.active).length === 1)", 15
    )

    await viewer.call("quality", camera, HIGH)
    await viewer.until(f"width('{camera}').then(w => w === 1280)", 15)


async def test_a_cut_signalling_socket_resumes_while_media_goes_on(stage: Stage) -> None:
    hub = await stage.enter("hub")
    camera = await hub.call("publishCamera")
    viewer = await stage.enter("viewer")
    await shows(viewer, camera, 30)
    before = stage.participant("viewer").sid, stage.participant("hub").sid
    await viewer.page.evaluate(f"gaps['{camera}'] = 0")

    for identity in ("viewer", "hub"):
        socket = stage.participant(identity).socket
        assert socket is not None
        socket.abort()

    await has_happened(viewer, "Reconnected")
    await has_happened(hub, "Reconnected")
    await shows(viewer, camera, 20)
    assert (stage.participant("viewer").sid, stage.participant("hub").sid) == before
    assert await viewer.page.evaluate(f"gaps['{camera}']") < 1000
    assert not await viewer.page.evaluate(
        "happened.some(h => h.name === 'Reconnecting' || h.name === 'Disconnected')"
    )


async def test_what_happens_while_signalling_is_cut_is_told_after_the_resume(stage: Stage) -> None:
    hub = await stage.enter("hub")
    guest = await stage.enter("guest")
    viewer = await stage.enter("viewer")
    await viewer.page.evaluate(
        "window.RealSocket = WebSocket;"
        "WebSocket = class extends RealSocket {"
        "  constructor(url, ...rest) { super(new URL('/nowhere', url), ...rest) }"
        "}; true"
    )
    socket = stage.participant("viewer").socket
    assert socket is not None
    socket.abort()
    await until(lambda: stage.participant("viewer").socket is None)

    camera = await hub.call("publishCamera")
    stage.participant("guest").remove(models.DisconnectReason.PARTICIPANT_REMOVED)
    assert stage.participant("viewer").socket is None
    await viewer.page.evaluate("WebSocket = RealSocket; true")

    await has_happened(viewer, "Reconnected", 20)
    await shows(viewer, camera)
    await viewer.until("!room.remoteParticipants.has('guest')")
    await has_happened(guest, "Disconnected")


async def test_a_revoked_permission_takes_the_running_track_from_everybody(stage: Stage) -> None:
    site = await stage.enter("site")
    microphone = await site.call("publishMicrophone")
    camera = await site.call("publishCamera")
    viewer = await stage.enter("viewer")
    await viewer.until(f"remote('{microphone}') && !!remote('{microphone}').track")
    await shows(viewer, camera)

    stage.participant("site").update(
        permission=models.ParticipantPermission(
            can_subscribe=True, can_publish=True, can_publish_sources=[models.TrackSource.CAMERA]
        )
    )

    await viewer.until(f"remote('{microphone}') === null")
    await has_happened(site, "LocalTrackUnpublished")
    await shows(viewer, camera)
    again = await site.page.evaluate(
        "Promise.race([publishMicrophone().then(() => 'published', () => 'refused'),"
        " new Promise(done => setTimeout(() => done('waiting'), 1500))])"
    )
    assert again != "published"
    assert await viewer.page.evaluate("room.remoteParticipants.get('site').trackPublications.size") == 1


async def test_mute_by_the_client_and_by_the_server_is_shown_to_others(stage: Stage) -> None:
    site = await stage.enter("site")
    microphone = await site.call("publishMicrophone")
    viewer = await stage.enter("viewer")
    await viewer.until(f"remote('{microphone}') && !!remote('{microphone}').track")

    await site.page.evaluate("room.localParticipant.setMicrophoneEnabled(false)")
    await viewer.until(f"remote('{microphone}').isMuted")
    await site.page.evaluate("room.localParticipant.setMicrophoneEnabled(true)")
    await viewer.until(f"!remote('{microphone}').isMuted")
    stage.participant("site").mute_track(microphone, True)
    await viewer.until(f"remote('{microphone}').isMuted")
    await site.until("[...room.localParticipant.trackPublications.values()][0].isMuted")


async def test_an_unpublished_track_goes_and_its_section_serves_the_next(stage: Stage) -> None:
    hub = await stage.enter("hub")
    viewer = await stage.enter("viewer")
    sizes = []
    for _ in range(3):
        tracks = [await hub.call("publishCanvas", 320, 180, {"simulcast": False}) for _ in range(5)]
        for track in tracks:
            await shows(viewer, track, 2)
        sizes.append(await viewer.page.evaluate("pc().then(pc => pc.getTransceivers().length)"))
        for track in tracks:
            await hub.call("unpublish", track)
        await viewer.until(f"{tracks}.every(track => remote(track) === null)")
    assert stage.participant("hub").publications == {}
    assert sizes[0] == sizes[1] == sizes[2] == 3 + 5, "three for sound, and one for each picture"


async def test_the_same_identity_again_sends_the_first_away(stage: Stage) -> None:
    first = await stage.enter("site")
    second = await stage.enter("site")

    await has_happened(first, "Disconnected")
    assert await first.page.evaluate("happened.find(h => h.name === 'Disconnected').what") == str(
        models.DisconnectReason.DUPLICATE_IDENTITY
    )
    assert await second.page.evaluate("room.state") == "connected"


async def test_data_reaches_the_others_and_only_those_named(stage: Stage) -> None:
    hub, site, other = [await stage.enter(name) for name in ("hub", "site", "other")]
    await hub.call("send", "x", ["site"])
    await has_happened(site, "DataReceived")

    room = stage.running.rooms.get("hall")
    assert room is not None
    room.send_data(b"for all", models.DataPacket.Kind.RELIABLE, [], "news")
    await has_happened(other, "DataReceived")
    assert await other.page.evaluate("happened.filter(h => h.name === 'DataReceived').length") == 1


async def test_the_speaker_is_told(stage: Stage) -> None:
    hub = await stage.enter("hub")
    viewer = await stage.enter("viewer")
    await hub.call("publishMicrophone")
    await viewer.until("room.activeSpeakers.some(p => p.identity === 'hub')")


async def test_a_closed_page_leaves_and_a_killed_one_is_gone_after_its_grace(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.relay.liveness.GRACE_S", 2.0)
    watcher = await stage.enter("watcher")
    closed = await stage.enter("closed")
    await closed.page.evaluate("room.disconnect()")
    await watcher.until("!room.remoteParticipants.has('closed')")
    killed = await stage.enter("killed")
    await killed.page.close()
    await watcher.until("!room.remoteParticipants.has('killed')", 15)


async def test_a_relay_that_stops_sends_its_clients_to_the_next(stage: Stage) -> None:
    site = await stage.enter("site")
    stage.running.rooms.shut_down()
    await has_happened(site, "Reconnecting")
    await site.until("room.state === 'connected'")


async def test_an_h264_track_is_forwarded_and_its_layers_switch(stage: Stage) -> None:
    hub = await stage.enter("hub")
    codecs = "RTCRtpSender.getCapabilities('video').codecs.map(c => c.mimeType)"
    if "video/H264" not in await hub.page.evaluate(codecs):
        pytest.skip("this browser cannot send H.264")
    camera = await hub.call("publishCanvas", 1280, 720, {"videoCodec": "h264", "simulcast": True})
    viewer = await stage.enter("viewer")
    await shows(viewer, camera)
    await viewer.call("quality", camera, LOW)
    await viewer.until(f"width('{camera}').then(w => w === 320)")
    await shows(viewer, camera)
    publication = stage.participant("hub").publications[camera]
    assert publication.info.mime_type == "video/H264"


async def test_a_screen_keeps_its_layers_apart_from_the_camera(stage: Stage) -> None:
    hub = await stage.enter("hub")
    camera, screen = await hub.call("publishCamera"), await hub.call("publishScreen")
    viewer = await stage.enter("viewer")
    await viewer.until(f"width('{camera}').then(w => w === 1280)", 20)
    await viewer.call("quality", screen, LOW)
    await viewer.until(f"width('{screen}').then(w => w > 0 && w < 1280)", 20)
    await viewer.call("enable", camera, False)
    await until(lambda: stage.participant("viewer").subscriptions[camera].enabled is False)
    await shows(viewer, screen)
    await viewer.call("enable", camera, True)
    await shows(viewer, camera)
