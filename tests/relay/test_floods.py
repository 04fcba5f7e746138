"""Floods: what a participant or a stranger pours in stays theirs; the others' sound goes on without a gap."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import AsyncIterator

import aiohttp
import pylibsrtp
import pytest
import pytest_asyncio
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport
from aiortc.rtcsctptransport import SCTP_DATA_FIRST_FRAG, DataChunk, RTCSctpCapabilities
from google_crc32c import value as crc32c
from livekit.protocol import rtc

from coordinator.relay import transport
from coordinator.relay.allowance import Allowance
from coordinator.relay.main import Running
from coordinator.relay.participant import MAX_PUBLICATIONS, Participant
from coordinator.relay.uplink import MAX_SOURCES
from tests.relay.harness import running_relay, token
from tests.relay.peer import Peer, peer, section
from tests.relay.test_signalling import AUTO, microphone, publish_microphone, receive

DATA = "\r\n".join(
    ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:9", "a=sctp-port:5000"]
)
SOUNDS = 150


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with running_relay() as made:
        yield made


def person(running: Running, identity: str) -> Participant:
    room = running.rooms.get("hall")
    assert room is not None
    return room.participants[identity]


@contextlib.asynccontextmanager
async def conversation(running: Running) -> AsyncIterator[None]:
    """Two who talk; at the end every packet must have come through, whatever somebody else did meanwhile."""
    settings = {"connection_settings": AUTO}
    async with peer(running.port, token("hub")) as hub, peer(running.port, token("site"), **settings) as site:
        await publish_microphone(hub)
        await receive(site, "audio")
        await site.until(lambda: person(running, "site").subscriptions)

        async def talk() -> None:
            for number in range(SOUNDS):
                hub.sends("0", 77, number, number * 960, b"sound")
                await asyncio.sleep(0.01)

        talking = asyncio.create_task(talk())
        yield
        await talking
        await site.until(lambda: len(site.rtp) == SOUNDS, 10)


async def joined(flooder: Peer, *more: str) -> None:
    """Publish a microphone and have a data section."""
    await flooder.send(add_track=microphone())
    await flooder.hears("track_published")
    await flooder.connect(await flooder.offers(section("0", "audio", "sendonly", "a=msid:s mic"), *more))


async def association(flooder: Peer) -> RTCSctpTransport:
    """Set up data channels as an SDK does."""
    sctp = RTCSctpTransport(flooder.dtls, port=5000)
    await sctp.start(RTCSctpCapabilities(maxMessageSize=65536), 5000)
    channel = RTCDataChannel(sctp, RTCDataChannelParameters(label="_reliable"))
    await flooder.until(lambda: channel.readyState == "open")
    return sctp


async def test_media_and_data_that_make_no_sense_harm_nobody(running: Running) -> None:
    chance = random.Random(7)
    async with conversation(running), peer(running.port, token("evil")) as evil:
        await joined(evil, DATA)
        await association(evil)
        for number in range(300):
            junk = chance.randbytes(chance.randint(1, 60))
            head = bytes([chance.choice((0x80, 0x90, 0xA0)), 111]) + number.to_bytes(2, "big") + bytes(8)
            with contextlib.suppress(pylibsrtp.Error):  # what the client's own SRTP refuses to seal
                evil.raw(head + junk)
            evil.control(bytes([0x8F, chance.randint(200, 207), 0, 1]) + junk + bytes(4))
            await evil.dtls._send_data(chance.randbytes(chance.randint(1, 100)))
            assert evil.udp is not None
            evil.udp.sendto(bytes([chance.randint(0, 255)]) + junk)
            await asyncio.sleep(0)
        await evil.until(lambda: person(running, "evil").transport.malformed > 20)
        assert person(running, "evil").transport.connected


async def test_a_flood_of_media_is_cut_to_its_allowance(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with conversation(running):
        monkeypatch.setattr(transport, "PACKETS", (500, 100))
        async with peer(running.port, token("evil")) as evil:
            await joined(evil)
            for number in range(3000):
                evil.sends("0", 5, number, number, b"x" * 1000)
                if number % 10 == 0:
                    await asyncio.sleep(0.002)
            taken = person(running, "evil")
            await evil.until(lambda: taken.transport.door.refused > 1000)
            assert taken.uplink.received < 1500


async def test_new_sources_without_end_use_no_memory(running: Running) -> None:
    async with peer(running.port, token("evil")) as evil:
        await joined(evil)
        for ssrc in range(1000, 1000 + 3 * MAX_SOURCES):
            evil.sends("0", ssrc, 1, 960, b"x")
            await asyncio.sleep(0)
        uplink = person(running, "evil").uplink
        await evil.until(lambda: uplink.received > 2 * MAX_SOURCES)
        assert len(uplink._sources) <= MAX_SOURCES


@pytest.mark.parametrize("streams", [1, 200])
async def test_messages_that_never_end_cost_the_sender_its_line(running: Running, streams: int) -> None:
    async with conversation(running), peer(running.port, token("evil")) as evil:
        await joined(evil, DATA)
        sctp = await association(evil)
        for number in range(transport.MAX_UNFINISHED_PIECES // 40 + 10):
            pieces = []
            for _ in range(40):
                piece = DataChunk(flags=SCTP_DATA_FIRST_FRAG)
                piece.tsn = sctp._local_tsn
                sctp._local_tsn = (sctp._local_tsn + 1) % 2**32
                piece.stream_id, piece.protocol, piece.user_data = number % streams, 51, b"x"
                pieces.append(bytes(piece))
            await evil.dtls._send_data(_packet(sctp, b"".join(pieces)))
            await asyncio.sleep(0)
        line = person(running, "evil").transport
        await evil.until(lambda: line.closed, 10)


def _packet(sctp: RTCSctpTransport, chunks: bytes) -> bytes:
    head = (5000).to_bytes(2, "big") * 2 + sctp._remote_verification_tag.to_bytes(4, "big")
    return head + crc32c(head + bytes(4) + chunks).to_bytes(4, "little") + chunks


async def test_a_participant_publishes_so_many_tracks_and_no_more(running: Running) -> None:
    async with peer(running.port, token("site")) as site:
        for number in range(MAX_PUBLICATIONS):
            await site.send(add_track=microphone(f"mic-{number}"))
            await site.hears("track_published")
        await site.send(add_track=microphone("one more"))
        assert (await site.hears("request_response")).reason == rtc.RequestResponse.Reason.LIMIT_EXCEEDED


async def test_the_relay_takes_so_many_participants_and_no_more(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.relay.rooms.MAX_PARTICIPANTS", 1)
    async with peer(running.port, token("first")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with peer(running.port, token("second", room="annex")):
                pass
        assert refused.value.status == 403
    assert running.rooms.get("annex") is None


async def test_every_join_succeeds_under_a_spray_of_handshakes_and_checks(running: Running) -> None:
    strangers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
    target = ("127.0.0.1", running.rooms.mux.port)
    hello = b"\x16\xfe\xff" + bytes(8) + b"\x00\x70\x01" + bytes(111)
    check = b"\x00\x01\x00\x14\x21\x12\xa4\x42" + bytes(12) + b"\x00\x06\x00\x09abcd:efgh" + bytes(3)

    async def spray() -> None:
        while True:
            for stranger in strangers:
                for data in (hello, hello[:20], b"\x15\xfe\xfd" + bytes(13), check, os.urandom(200), b""):
                    stranger.sendto(data, target)
            await asyncio.sleep(0.001)

    async def join(identity: str) -> None:
        async with peer(running.port, token(identity)) as site:
            await publish_microphone(site)
            site.sends("0", 77, 1, 960, b"sound")
            await site.until(lambda: person(running, identity).uplink.received == 1)

    spraying = asyncio.create_task(spray())
    try:
        await asyncio.gather(*(join(f"site-{number}") for number in range(10)))
        assert running.rooms.mux.dropped > 300
    finally:
        spraying.cancel()
        for stranger in strangers:
            stranger.close()


def test_an_allowance_gives_its_burst_and_then_what_time_has_brought() -> None:
    now = [100.0]
    allowance = Allowance(3, 2, clock=lambda: now[0])
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 1
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] += 1000
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    assert allowance.refused == 3
