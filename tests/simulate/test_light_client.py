"""Light clients through the real relay."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from livekit import api
from livekit.protocol.models import (
    ParticipantInfo,
    ParticipantPermission,
    TrackInfo,
    TrackSource,
    VideoQuality,
)

from coordinator.simulate import ClientError, LightClient, RecordedMedia
from tests.simulate.relay_process import KEY, ROOM, SECRET, RelayProcess, token

Join = Callable[..., Any]
CAMERA_ONLY = {"can_publish_sources": ["camera"]}


@pytest.fixture
async def relay() -> AsyncIterator[RelayProcess]:
    relay = RelayProcess()
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
async def join(relay: RelayProcess, recorded: RecordedMedia) -> AsyncIterator[Join]:
    clients: list[LightClient] = []

    async def join(identity: str, grants: dict[str, Any] | None = None, **settings: Any) -> LightClient:
        client = LightClient(relay.url, token(identity, **(grants or {})), recorded, seed=1, **settings)
        clients.append(client)
        await client.connect()
        return client

    yield join
    for client in clients:
        await client.close()


@pytest.fixture
async def rooms(relay: RelayProcess) -> AsyncIterator[Any]:
    async with api.LiveKitAPI(relay.url, KEY, SECRET) as client:
        yield client.room


class DeadWire(asyncio.DatagramProtocol):
    """Takes the place of a socket: nothing comes through any more either way, and nobody is told."""

    def __init__(self, protocol: Any) -> None:
        self._wire = protocol.transport
        self._inner = self._wire.get_protocol()
        self._wire.set_protocol(self)
        protocol.transport = self

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        return

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self._wire.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)


def received(client: LightClient, kind: str, figure: str = "packets") -> int:
    return sum(track[figure] for track in client.stats()["tracks"].values() if track["kind"] == kind)


async def test_what_one_publishes_the_other_receives_without_loss(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.publish_camera()
    await alfa.publish_microphone()

    await bravo.wait_for(lambda c: received(c, "audio") > 100 and received(c, "video") > 40)

    stats = bravo.stats()
    assert [track["lost"] for track in stats["tracks"].values()] == [0, 0]
    assert stats["audio_bytes"] > 8000 and stats["video_bytes"] > 20_000
    assert received(bravo, "video", "keyframes") >= 1
    assert alfa.stats()["tracks"] == {}


async def test_what_the_line_loses_is_asked_for_again(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    link, arrived = bravo._media.link, itertools.count(1)
    whole = link._media
    monkeypatch.setattr(link, "_media", lambda data: None if next(arrived) % 20 == 0 else whole(data))
    await alfa.publish_camera()
    await alfa.publish_microphone()

    await bravo.wait_for(lambda c: received(c, "audio") > 150 and received(c, "video") > 60)
    await bravo.wait_for(lambda c: received(c, "audio", "lost") + received(c, "video", "lost") <= 2)

    assert received(bravo, "audio", "recovered") > 3 and received(bravo, "video", "recovered") > 0


async def test_who_joins_late_gets_a_keyframe_at_once(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.publish_camera(simulcast=True)
    await bravo.wait_for(lambda c: received(c, "video") > 50)

    late = await join("charlie")

    await late.wait_for(lambda c: received(c, "video", "keyframes") > 0, timeout_s=1.5)
    assert received(late, "video", "lost") == 0


async def test_only_chosen_tracks_come_and_in_the_layer_asked_for(join: Join) -> None:
    def pictures_only(participant: ParticipantInfo, track: TrackInfo) -> bool:
        return participant.identity == "hub:1" and track.source == TrackSource.CAMERA

    hub, other = await join("hub:1"), await join("alfa:1")
    await hub.publish_camera(simulcast=True)
    await hub.publish_microphone()
    await other.publish_camera()
    bravo = await join("bravo:1", choose=pictures_only, quality=VideoQuality.LOW)
    await bravo.wait_for(lambda c: received(c, "video", "keyframes") > 0)
    started, before = time.monotonic(), received(bravo, "video", "bytes")
    await bravo.wait_for(lambda c: time.monotonic() - started > 2)

    rate_bps = 8 * (received(bravo, "video", "bytes") - before) / 2
    assert [track["kind"] for track in bravo.stats()["tracks"].values()] == ["video"]
    assert 90_000 < rate_bps < 220_000


async def test_layers_that_nobody_wants_are_not_sent(join: Join) -> None:
    def everything(participant: ParticipantInfo, track: TrackInfo) -> bool:
        return True

    hub = await join("hub:1")
    await hub.publish_camera(simulcast=True)
    low = await join("alfa:1", choose=everything, quality=VideoQuality.LOW)
    await low.wait_for(lambda c: received(c, "video", "keyframes") > 0)

    def resting(client: LightClient) -> bool:
        layers = client._media.publications["camera"].players
        return layers["f"].paused and layers["h"].paused and not layers["q"].paused

    await hub.wait_for(resting)


async def test_a_single_picture_that_nobody_wants_is_not_sent(join: Join) -> None:
    alfa = await join("alfa", auto_subscribe=False)
    await alfa.publish_camera()
    await alfa.wait_for(lambda c: c.publications()[0].players[""].paused)

    bravo = await join("bravo")
    await bravo.wait_for(lambda c: received(c, "video", "keyframes") > 0)


async def test_the_microphone_follows_the_permission(join: Join, rooms: Any) -> None:
    alfa, bravo = await join("alfa", CAMERA_ONLY), await join("bravo")
    alfa.want("camera")
    alfa.want("microphone")
    await bravo.wait_for(lambda c: received(c, "video") > 5)
    assert received(bravo, "audio") == 0
    with pytest.raises(ClientError, match="not permitted"):
        await alfa.publish_microphone()

    def permission(*sources: "TrackSource") -> ParticipantPermission:
        return ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_sources=sources)

    def update(permitted: ParticipantPermission) -> api.UpdateParticipantRequest:
        return api.UpdateParticipantRequest(room=ROOM, identity="alfa", permission=permitted)

    await rooms.update_participant(update(permission(TrackSource.CAMERA, TrackSource.MICROPHONE)))
    await bravo.wait_for(lambda c: received(c, "audio") > 20)

    await rooms.update_participant(update(permission(TrackSource.CAMERA)))
    await alfa.wait_for(lambda c: "microphone" not in c.stats()["sending"])
    await bravo.wait_for(lambda c: [t.source for t in c.participants["alfa"].tracks] == [TrackSource.CAMERA])

    await rooms.update_participant(update(permission(TrackSource.CAMERA, TrackSource.MICROPHONE)))
    before = bravo.stats()["audio_bytes"]
    await bravo.wait_for(lambda c: c.stats()["audio_bytes"] > before + 2000)


async def test_a_broken_signalling_socket_is_resumed_and_media_goes_on(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.publish_camera()
    await bravo.wait_for(lambda c: received(c, "video") > 10)
    known = (alfa.me.sid, bravo.me.sid)

    await bravo.break_signalling()
    await alfa.break_signalling()
    await bravo.wait_for(lambda c: c.resumes == 1 and c.state == "online")
    await alfa.wait_for(lambda c: c.resumes == 1 and c.state == "online")
    packets = received(bravo, "video")
    await bravo.wait_for(lambda c: received(c, "video") > packets + 40)

    assert (alfa.me.sid, bravo.me.sid) == known
    assert alfa.rejoins == bravo.rejoins == 0


@pytest.mark.slow
async def test_a_media_path_that_died_is_replaced_while_signalling_lives(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.publish_camera()
    await bravo.wait_for(lambda c: received(c, "video") > 10)
    for protocol in bravo._media.link._current._protocols:  # type: ignore[union-attr]
        DeadWire(protocol)
    await bravo.wait_for(lambda c: c.resumes == 1, timeout_s=20)
    packets = received(bravo, "video")
    await bravo.wait_for(lambda c: received(c, "video") > packets + 40)

    assert bravo.rejoins == 0


async def test_after_the_relays_death_everybody_is_back_by_themselves(
    join: Join, relay: RelayProcess
) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.publish_camera()
    await bravo.wait_for(lambda c: received(c, "video") > 10)
    bytes_before = bravo.stats()["video_bytes"]

    await relay.kill()
    await bravo.wait_for(lambda c: c.state == "returning")
    await relay.start()

    await bravo.wait_for(lambda c: c.rejoins == 1 and received(c, "video", "keyframes") > 0, timeout_s=15)
    assert alfa.rejoins == 1
    assert bravo.stats()["video_bytes"] > bytes_before


async def test_who_is_sent_out_stays_out(join: Join, rooms: Any) -> None:
    alfa = await join("alfa")
    await rooms.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="alfa"))

    await alfa.wait_for(lambda c: c.state == "left")
    assert alfa.left_reason == "PARTICIPANT_REMOVED"


async def test_the_others_see_who_comes_and_who_leaves(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.wait_for(lambda c: set(c.participants) == {"bravo"})
    assert set(bravo.participants) == {"alfa"}

    await bravo.close()
    await alfa.wait_for(lambda c: not c.participants)


@pytest.mark.slow
async def test_who_vanishes_is_missed_before_long(join: Join) -> None:
    alfa, bravo = await join("alfa"), await join("bravo")
    await alfa.wait_for(lambda c: set(c.participants) == {"bravo"})

    bravo.kill()

    await alfa.wait_for(lambda c: not c.participants, timeout_s=30)


async def test_without_a_valid_token_nobody_gets_in(relay: RelayProcess, recorded: RecordedMedia) -> None:
    client = LightClient(relay.url, "junk", recorded)
    with pytest.raises(ClientError) as refusal:
        await client.connect()

    assert (refusal.value.code, client.state) == ("unauthenticated", "closed")


async def test_where_no_relay_is_nobody_waits_long(recorded: RecordedMedia) -> None:
    client = LightClient("ws://127.0.0.1:9", token("alfa"), recorded)
    async with asyncio.timeout(5):
        with pytest.raises(ClientError) as refusal:
            await client.connect()

    assert refusal.value.code == "unreachable"


@pytest.mark.slow
async def test_a_district_costs_less_than_half_a_core(join: Join, recorded: RecordedMedia) -> None:
    def of_the_hub(participant: ParticipantInfo, track: TrackInfo) -> bool:
        return participant.identity == "hub"

    hub = await join("hub")
    await hub.publish_camera(simulcast=True)
    await hub.publish_microphone()
    sites = [await join(f"site-{n}", choose=of_the_hub, quality=VideoQuality.LOW) for n in range(22)]
    for site in sites:
        await site.publish_camera()
    for site in sites:
        await site.wait_for(lambda c: received(c, "video", "keyframes") > 0 and received(c, "audio") > 0)

    started, used = time.monotonic(), time.process_time()
    before = [site.stats()["sent_packets"] for site in sites]
    with contextlib.suppress(TimeoutError):
        await hub.wait_for(lambda c: False, timeout_s=5)
    cores = (time.process_time() - used) / (time.monotonic() - started)

    sent = [site.stats()["sent_packets"] - packets for site, packets in zip(sites, before, strict=True)]
    assert min(sent) > 60 and all(received(site, "audio", "lost") == 0 for site in sites)
    assert cores < 0.5
