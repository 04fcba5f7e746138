"""What the relay tells Prometheus, and whom it tells names."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
from livekit.protocol import models, rtc

from coordinator.relay import metrics
from coordinator.relay.forwarding import rtcp
from coordinator.relay.main import Running
from tests.relay.harness import running_relay, token
from tests.relay.peer import Peer, peer, section

SAMPLE = re.compile(r'relay_[a-z_]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? \S+')


async def scrape(running: Running, **headers: str) -> dict[str, float]:
    """Return every sample by name and labels; each line must be one that Prometheus reads."""
    address = f"http://127.0.0.1:{running.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in (await response.text()).splitlines() if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in lines), lines
    assert len(set(lines)) == len(lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def speaks(hub: Peer) -> str:
    """Publish a microphone and return once it can flow."""
    wish = rtc.AddTrackRequest(cid="mic", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)
    await hub.send(add_track=wish)
    await hub.hears("track_published")
    answer = await hub.offers(section("0", "audio", "sendonly", "a=msid:- mic"))
    await hub.connect(answer)
    return answer


def of(identity: str, **more: str) -> str:
    return metrics.labels(room="hall", participant=identity, **more)


async def test_each_participant_s_media_is_counted() -> None:
    async with running_relay() as running, peer(running.port, token("hub")) as hub:
        await speaks(hub)
        joining: Any = {"connection_settings": rtc.ConnectionSettings(auto_subscribe=True)}
        async with peer(running.port, token("site"), **joining) as site:
            answer = await site.offers(section("0", "audio", "recvonly"))
            await site.connect(answer)
            for number in range(20):
                hub.sends("0", 77, number, number * 960, b"sound")
            await site.until(lambda: len(site.rtp) == 20)
            ssrc = int.from_bytes(site.rtp[0][8:12], "big")
            wanted = [int.from_bytes(packet[2:4], "big") for packet in site.rtp[5:8]]
            site.datagram_received = lambda data, addr: None  # type: ignore[method-assign]  # had them all
            room = running.rooms.get("hall")
            assert room is not None
            plane = room.participants["site"].plane
            site.control(rtcp.nack(ssrc, wanted))
            await site.until(lambda: plane.sender.packets == 23)
            found = await scrape(running)
    assert found[f"relay_participant_packets_received_total{of('hub')}"] == 20
    assert found[f"relay_participant_packets_sent_total{of('site')}"] == 23
    assert found[f"relay_participant_nack_received_total{of('site')}"] == 3
    assert found[f"relay_participant_repeated_total{of('site')}"] == 3
    assert found[f"relay_participant_in_bps{of('hub')}"] > 0
    assert found[f"relay_participant_out_bps{of('site')}"] > 0
    assert found['relay_room_participants{room="hall"}'] == 2
    assert found["relay_udp_sent_total"] >= 23 and found["relay_cpu_seconds_per_datagram"] > 0


async def test_a_gap_that_was_asked_for_is_told_also_after_the_track_ended() -> None:
    async with running_relay() as running, peer(running.port, token("hub")) as hub:
        await speaks(hub)
        for number in (0, 1, 5):
            hub.sends("0", 77, number, number * 960, b"sound")
        await hub.until(lambda: any(isinstance(part, rtcp.Nack) for part in hub.rtcp))
        name = f"relay_participant_nack_sent_total{of('hub')}"
        before = (await scrape(running))[name]
        room = running.rooms.get("hall")
        assert room is not None
        person = room.participants["hub"]
        person.unpublish(next(iter(person.publications.values())))
        assert before >= 3 and (await scrape(running))[name] >= before


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_names_are_not_for_strangers_behind_a_proxy(header: str) -> None:
    async with running_relay() as running, peer(running.port, token("hub")) as hub:
        await hub.hears("join")
        stranger = await scrape(running, **{header: "198.51.100.7"})
        assert stranger["relay_participants"] == 1
        assert not any("hub" in name for name in stranger)
        for grants, seen in (({"room_list": True}, True), ({"room_admin": True}, False)):
            bearer = {header: "198.51.100.7", "Authorization": f"Bearer {token('watch', **grants)}"}
            assert any("hub" in name for name in await scrape(running, **bearer)) == seen


async def test_only_so_many_have_series_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_PEOPLE", 1)
    async with running_relay() as running, peer(running.port, token("a")) as a:
        await a.hears("join")
        async with peer(running.port, token("b")) as b:
            await b.hears("join")
            found = await scrape(running)
    assert found["relay_unlisted_participants"] == 1
    assert sum(name.startswith("relay_participant_in_bps") for name in found) == 1
    assert found['relay_room_participants{room="hall"}'] == 2


def test_labels_cannot_break_the_format() -> None:
    assert metrics.labels(room='a"b\\c\nd') == '{room="a\\"b\\\\c\\nd"}'
    assert len(metrics.labels(room="x" * 10_000)) < 200


async def test_a_name_of_every_kind_of_character_is_read() -> None:
    async with running_relay() as running, peer(running.port, token('x" \\ \n ệ', room="phòng")) as one:
        await one.hears("join")
        assert any("phòng" in name for name in await scrape(running))
