"""The encrypted transport: its one buffer, and the private names it stands on."""

from __future__ import annotations

import pytest

from coordinator.relay import transport
from coordinator.relay.forwarding import rtp
from coordinator.relay.forwarding.sender import MAX_PLAIN_BYTES
from tests.relay.harness import running_relay, token
from tests.relay.peer import peer, section


@pytest.mark.parametrize("names", ["_PRIVATE", "_PRIVATE_SCTP", "_PRIVATE_SRTP"])
async def test_the_self_test_names_what_has_moved(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    transport.self_test()
    monkeypatch.setattr(transport, names, (*getattr(transport, names), "moved_elsewhere"))
    with pytest.raises(RuntimeError, match="moved_elsewhere"):
        transport.self_test()


async def test_packets_of_every_size_that_fits_arrive_whole_and_a_larger_one_is_dropped() -> None:
    async with running_relay() as running, peer(running.port, token("site")) as site:
        answer = await site.offers(section("0", "audio", "recvonly"))
        await site.connect(answer)
        room = running.rooms.get("hall")
        assert room is not None
        line = room.participants["site"].transport
        await site.until(lambda: line.connected)
        sizes = [0, 1, 1100, 1400]
        packets = [rtp.build(111, False, n, 0, 5, b"", bytes(size)) for n, size in enumerate(sizes)]
        sent = running.rooms.mux.wire.sent
        line.send_rtp(rtp.build(111, False, 9, 0, 5, b"", bytes(MAX_PLAIN_BYTES)))
        line.send_rtcp(bytes(MAX_PLAIN_BYTES + 1))
        assert running.rooms.mux.wire.sent == sent
        for packet in packets:
            line.send_rtp(packet)
        await site.until(lambda: len(site.rtp) >= len(packets))
        assert site.rtp == packets


async def test_a_transport_that_has_ended_sends_nothing() -> None:
    async with running_relay() as running, peer(running.port, token("site")) as site:
        answer = await site.offers(section("0", "audio", "recvonly"))
        await site.connect(answer)
        room = running.rooms.get("hall")
        assert room is not None
        person = room.participants["site"]
        await site.until(lambda: person.transport.connected)
        person.remove(0)
        await site.until(lambda: person.transport.closed)
        sent = running.rooms.mux.wire.sent
        person.transport.send_rtp(rtp.build(111, False, 1, 0, 5, b"", b"x"))
        assert running.rooms.mux.wire.sent == sent
