"""Signalling and media with a bare client: what is refused, what is answered, what strangers cannot do."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from livekit.protocol import models, rtc
from livekit.protocol import room as proto_room

from coordinator.relay.forwarding import rtcp, rtp
from coordinator.relay.main import Running
from tests.relay.harness import running_relay, token
from tests.relay.peer import Peer, join_request, peer, section

AUTO = rtc.ConnectionSettings(auto_subscribe=True)
SIMULCAST = ("a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f")
KEYFRAME = bytes([0x90, 0xC0, 0x80, 1, 1, 0x00]) + b"key"
DELTA = bytes([0x90, 0xC0, 0x80, 2, 2, 0x01]) + b"delta"


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with running_relay() as made:
        yield made


def camera(cid: str = "cam", **fields: Any) -> rtc.AddTrackRequest:
    return rtc.AddTrackRequest(
        cid=cid, type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA, **fields
    )


def microphone(cid: str = "mic") -> rtc.AddTrackRequest:
    return rtc.AddTrackRequest(cid=cid, type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)


async def publish_microphone(sender: Peer) -> str:
    """Publish on mid 0; returns the sid."""
    await sender.send(add_track=microphone())
    sid = (await sender.hears("track_published")).track.sid
    await sender.connect(await sender.offers(section("0", "audio", "sendonly", "a=msid:s mic")))
    return str(sid)


async def receive(receiver: Peer, *kinds: str) -> None:
    """Be ready to receive one track of each kind."""
    await receiver.connect(
        await receiver.offers(*(section(str(n), k, "recvonly") for n, k in enumerate(kinds)))
    )


# doors


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        (lambda: {}, 401),  # made in the test: a token made when the tests are collected may be stale by then
        (lambda: {"access_token": "nonsense"}, 401),
        (lambda: {"access_token": token("x"), "join_request": "%%%"}, 400),
        (
            lambda: {"access_token": token("x"), "join_request": base64.b64encode(os.urandom(300)).decode()},
            400,
        ),
        (lambda: {"access_token": token("x", ttl_s=-100)}, 401),
        (lambda: {"access_token": token("x"), "join_request": join_request(metadata="x" * 2_000_000)}, 400),
        (lambda: {"access_token": token("x"), "join_request": join_request()}, 400),
    ],
)
async def test_a_bad_request_is_refused_with_a_reason_browsers_may_read(
    running: Running, parameters: Callable[[], dict[str, str]], status: int
) -> None:
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{running.port}/rtc/v1"
        async with session.get(address, params=parameters()) as response:
            assert response.status in (status, 414 if status == 400 else status)
            assert response.headers["Access-Control-Allow-Origin"] == "*" or response.status == 414
            assert await response.text()


async def test_validate_says_success_for_both_protocols_and_the_health_is_told(running: Running) -> None:
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{running.port}"
        parameters = {"access_token": token("x"), "join_request": join_request()}
        async with session.get(f"{address}/rtc/v1/validate", params=parameters) as response:
            assert (response.status, await response.text()) == (200, "success")
        parameters = {"access_token": token("x"), "auto_subscribe": "1", "sdk": "js", "protocol": "12"}
        async with session.get(f"{address}/rtc/validate", params=parameters) as response:
            assert (response.status, await response.text()) == (200, "success")
        async with session.get(f"{address}/healthz") as response:
            assert (await response.json())["status"] == "ok"
        async with session.get(f"{address}/metrics") as response:
            assert "relay_participants 0" in await response.text()


async def test_a_token_that_may_not_join_is_refused(running: Running) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with peer(running.port, token("x", room_admin=True).replace(".", "", 1)):
            pass
    assert refused.value.status == 401


# what is understood, what is not


async def test_a_join_tells_the_room_and_who_is_there(running: Running) -> None:
    async with peer(running.port, token("hub")) as hub, peer(running.port, token("site")) as site:
        first = await hub.hears("join")
        assert first.participant.sid.startswith("PA_") and first.room.sid.startswith("RM_")
        second = await site.hears("join")
        assert [other.identity for other in second.other_participants] == ["hub"]
        update = await hub.hears("update")
        assert "site" in {p.identity for p in update.participants} | {"hub"}


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"\x0a\x05abc"])
async def test_an_unreadable_message_closes_that_socket_only(running: Running, message: bytes) -> None:
    async with peer(running.port, token("good")) as good, peer(running.port, token("bad")) as bad:
        await bad.hears("join")
        await bad.socket.send_bytes(message)
        await bad.until(lambda: bad.socket.closed)
        assert bad.socket.close_code == 1007
        assert (await bad.hears("leave")).reason == models.DisconnectReason.STATE_MISMATCH
        await good.send(ping_req=rtc.Ping(timestamp=5))
        assert (await good.hears("pong_resp")).last_ping_timestamp == 5


@pytest.mark.parametrize("sdp", ["", "v=0\r\n", "m=audio\r\n", "m=audio 9 x 999\r\na=mid:0\r\n", "\0" * 100])
async def test_an_offer_that_cannot_be_read_is_answered_with_leave(running: Running, sdp: str) -> None:
    async with peer(running.port, token("bad")) as bad:
        await bad.send(offer=rtc.SessionDescription(type="offer", sdp=sdp))
        assert (await bad.hears("leave")).action == rtc.LeaveRequest.Action.DISCONNECT


async def test_an_oversized_message_closes_the_socket(running: Running) -> None:
    async with peer(running.port, token("big")) as big:
        await big.hears("join")
        await big.socket.send_bytes(bytes(1_100_000))
        await big.until(lambda: big.socket.closed)
        assert big.socket.close_code == 1009


async def test_a_flood_of_messages_closes_the_socket(running: Running) -> None:
    async with peer(running.port, token("fast")) as fast:
        for _ in range(1000):
            if fast.socket.closed:
                break
            await fast.send(ping=1)
        await fast.until(lambda: fast.socket.closed)


async def test_a_source_that_the_token_does_not_grant_is_refused(running: Running) -> None:
    granted = token("site", can_publish_sources=["microphone"])
    async with peer(running.port, granted) as site:
        await site.send(add_track=camera())
        assert (await site.hears("request_response")).reason == rtc.RequestResponse.Reason.NOT_ALLOWED
        wrong = microphone()
        wrong.type = models.TrackType.VIDEO
        await site.send(add_track=wrong)
        assert (await site.hears("request_response")).reason == rtc.RequestResponse.Reason.INVALID_REQUEST
        await site.send(add_track=microphone())
        assert (await site.hears("track_published")).track.source == models.TrackSource.MICROPHONE


async def test_own_metadata_needs_a_grant_and_has_a_limit(running: Running) -> None:
    request = rtc.UpdateParticipantMetadata(metadata="x" * 100_000, request_id=7)
    async with peer(running.port, token("no")) as no:
        await no.send(update_metadata=request)
        assert (await no.hears("request_response")).reason == rtc.RequestResponse.Reason.NOT_ALLOWED
    async with peer(running.port, token("yes", can_update_own_metadata=True)) as yes:
        await yes.send(update_metadata=request)
        response = await yes.hears("request_response")
        assert (response.reason, response.request_id) == (rtc.RequestResponse.Reason.LIMIT_EXCEEDED, 7)
        await yes.send(update_metadata=rtc.UpdateParticipantMetadata(metadata="short", request_id=8))
        assert (await yes.hears("request_response")).reason == rtc.RequestResponse.Reason.OK
        room = running.rooms.get("hall")
        assert room is not None and room.participants["yes"].info().metadata == "short"


async def test_a_resume_by_the_wrong_sid_is_sent_to_join_anew(running: Running) -> None:
    async with peer(running.port, token("site")) as site:
        sid = (await site.hears("join")).participant.sid
        async with peer(running.port, token("site"), reconnect=True, participant_sid="PA_other") as wrong:
            assert (await wrong.hears("leave")).action == rtc.LeaveRequest.Action.RECONNECT
        async with peer(running.port, token("site"), reconnect=True, participant_sid=sid) as again:
            assert (await again.hears("reconnect")).server_info.version
            assert "site" in {p.identity for p in (await again.hears("update")).participants}
            assert await again.hears("refresh_token")


async def test_a_token_near_its_end_is_refreshed(running: Running) -> None:
    async with peer(running.port, token("site", ttl_s=200)) as site:
        assert await site.hears("refresh_token")


async def test_somebody_who_never_came_back_is_gone_after_the_grace_time(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.relay.liveness.GRACE_S", 0.5)
    async with peer(running.port, token("stays")) as stays:
        async with peer(running.port, token("goes")) as goes:
            await goes.hears("join")
        room = running.rooms.get("hall")
        assert room is not None and "goes" in room.participants, "a cut is not yet an end"
        await stays.until(lambda: "goes" not in room.participants)


# media


async def test_sound_goes_to_a_subscriber_whatever_the_order_of_things(running: Running) -> None:
    hub, site = token("hub"), token("site")
    settings = {"connection_settings": AUTO}
    async with peer(running.port, hub) as sender, peer(running.port, site, **settings) as receiver:
        await receive(receiver, "audio")
        sid = await publish_microphone(sender)
        await receiver.hears("media_sections_requirement")
        answer = await receiver.offers(section("0", "audio", "recvonly"))
        assert sid in answer and "a=sendonly" in answer
        for number in range(10):
            sender.sends("0", 77, number, number * 960, b"sound")
        await receiver.until(lambda: len(receiver.rtp) == 10)
        headers = [rtp.parse(data) for data in receiver.rtp]
        assert {h.ssrc for h in headers} == {int(answer.split("a=ssrc:")[1].split()[0])}


async def test_nothing_is_forwarded_for_a_track_that_was_not_granted(running: Running) -> None:
    granted = token("site", can_publish=False)
    async with peer(running.port, granted) as site:
        await site.send(add_track=microphone())
        await site.hears("request_response")
        await site.connect(await site.offers(section("0", "audio", "sendonly", "a=msid:s mic")))
        for number in range(5):
            site.sends("0", 77, number, number * 960, b"sound")
        room = running.rooms.get("hall")
        assert room is not None
        await site.until(lambda: room.participants["site"].uplink.received == 5)
        assert room.participants["site"].info().tracks == []


async def test_the_answer_takes_simulcast_and_a_lost_packet_is_asked_for(running: Running) -> None:
    async with peer(running.port, token("hub")) as hub:
        await hub.send(add_track=camera())
        await hub.hears("track_published")
        answer = await hub.offers(section("0", "video", "sendonly", "a=msid:s cam", *SIMULCAST))
        assert "a=simulcast:recv q;h;f" in answer and "a=rid:h recv" in answer
        await hub.connect(answer)
        for number in (1, 2, 5):
            hub.sends("0", 500, number, 3000, DELTA, "f")
        await hub.until(lambda: any(isinstance(part, rtcp.Nack) for part in hub.rtcp))
        nack = next(part for part in hub.rtcp if isinstance(part, rtcp.Nack))
        assert (nack.ssrc, nack.sequences) == (500, (3, 4))
        await hub.until(lambda: any(isinstance(part, rtcp.Reports) and part.blocks for part in hub.rtcp))


async def test_a_picture_starts_with_a_keyframe_and_a_repeat_comes_on_request(running: Running) -> None:
    settings = {"connection_settings": AUTO}
    async with peer(running.port, token("hub")) as hub, peer(running.port, token("site"), **settings) as site:
        await hub.send(add_track=camera())
        await hub.hears("track_published")
        await hub.connect(await hub.offers(section("0", "video", "sendonly", "a=msid:s cam", *SIMULCAST)))
        hub.sends("0", 500, 1, 3000, DELTA, "f")
        await receive(site, "video")
        await hub.until(lambda: rtcp.KeyframeRequest(500) in hub.rtcp)
        hub.sends("0", 500, 2, 6000, DELTA, "f")
        hub.sends("0", 500, 3, 9000, KEYFRAME, "f")
        hub.sends("0", 500, 4, 12000, DELTA, "f")
        await site.until(lambda: len(site.rtp) == 2)
        first = rtp.parse(site.rtp[0])
        assert site.rtp[0][first.payload_at :] == KEYFRAME
        site.control(rtcp.nack(first.ssrc, [first.sequence]))
        await site.until(lambda: len(site.rtp) == 3)
        repeat = rtp.parse(site.rtp[2])
        assert (repeat.payload_type, repeat.ssrc != first.ssrc) == (97, True)
        assert rtp.unwrap_rtx(site.rtp[2][repeat.payload_at :]) == (first.sequence, KEYFRAME)


async def test_an_ice_restart_changes_the_path_under_a_living_transport(running: Running) -> None:
    settings = {"connection_settings": AUTO}
    async with peer(running.port, token("hub")) as hub, peer(running.port, token("site"), **settings) as site:
        await publish_microphone(hub)
        await receive(site, "audio")
        old, old_udp = site.local, site.udp
        site.fragment = "peer1"
        answer = await site.offers(section("0", "audio", "recvonly"))
        assert site.local != old
        hub.sends("0", 77, 1, 960, b"before")
        await site.until(lambda: len(site.rtp) == 1)
        await site.open_socket(answer)
        heard = site.responses
        site.check()
        await site.until(lambda: site.responses > heard)
        assert old_udp is not None
        old_udp.close()
        hub.sends("0", 77, 2, 1920, b"after")
        await site.until(lambda: len(site.rtp) == 2)


async def test_events_come_in_the_order_of_what_happened() -> None:
    tape: list[str] = []
    async with running_relay() as running:
        room = running.rooms.create(proto_room.CreateRoomRequest(name="hall"))
        room._on_event = lambda name, *about: tape.append(name)
        async with peer(running.port, token("hub")) as hub:
            await publish_microphone(hub)
            await hub.until(lambda: len(tape) == 2)
            await hub.send(leave=rtc.LeaveRequest())
            await hub.until(lambda: len(tape) == 4)
    assert tape == ["participant_joined", "track_published", "track_unpublished", "participant_left"]


# strangers


async def test_strangers_reach_nothing_and_a_join_under_their_spray_succeeds(running: Running) -> None:
    strangers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    target = ("127.0.0.1", running.rooms.mux.port)
    hello = b"\x16\xfe\xff" + bytes(10) + b"\x01" + bytes(100)
    alert = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"

    async def spray() -> None:
        while True:
            for stranger in strangers:
                for data in (hello, alert, b"", b"\x80\x60" + bytes(20), b"\x00\x01\x00\x00" + bytes(16)):
                    stranger.sendto(data, target)
            await asyncio.sleep(0.001)

    spraying = asyncio.create_task(spray())
    try:
        for identity in ("a", "b", "c"):
            async with peer(running.port, token(identity)) as joined:
                await publish_microphone(joined)
                joined.sends("0", 77, 1, 960, b"sound")
                room = running.rooms.get("hall")
                assert room is not None
                person = room.participants[identity]
                await joined.until(lambda p=person: p.uplink.received == 1)
        assert running.rooms.mux.dropped > 100
    finally:
        spraying.cancel()
        for stranger in strangers:
            stranger.close()


async def test_a_check_with_the_wrong_password_is_not_answered_and_admits_nobody(running: Running) -> None:
    async with peer(running.port, token("site")) as site:
        await site.open_socket(await site.offers(section("0", "audio", "recvonly")))
        dropped = running.rooms.mux.dropped
        site.check(password="wrong-password-wrong-password")
        await site.until(lambda: running.rooms.mux.dropped == dropped + 1)
        assert site.responses == 0
        site.check()
        await site.until(lambda: site.responses == 1)


async def test_forged_and_malformed_media_is_dropped_and_the_rest_goes_on(running: Running) -> None:
    async with peer(running.port, token("hub")) as hub:
        await publish_microphone(hub)
        assert hub.udp is not None
        for length in (1, 7, 12, 40, 1400):
            hub.udp.sendto(b"\x80\x6f" + os.urandom(length))
            hub.udp.sendto(b"\x80\xc8" + os.urandom(length))
        hub.raw(b"\xa0\x6f" + bytes(28) + b"\xff")  # encrypted in order, but its padding is longer than it is
        hub.control(b"\x81\xcd\x00\x03" + bytes(12))
        hub.control(b"\x8f\xcd\x00\x04" + bytes(16))
        hub.sends("0", 77, 1, 960, b"sound")
        room = running.rooms.get("hall")
        assert room is not None
        await hub.until(
            lambda: room.participants["hub"].info().tracks and room.participants["hub"].uplink.received
        )
        assert room.participants["hub"].transport.connected
