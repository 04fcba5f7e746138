"""The one UDP port over both families of addresses."""

from __future__ import annotations

import errno
import socket

import pytest

from coordinator.relay.udp_mux import UdpMux
from tests.relay.harness import running_relay, token
from tests.relay.peer import peer, section


async def test_both_families_are_served_on_one_port() -> None:
    async with running_relay() as running, peer(running.port, token("site")) as site:
        answer = await site.offers(section("0", "audio", "recvonly"))
        await site.open_socket(answer, host="::1")
        await site.connect(answer)
        room = running.rooms.get("hall")
        assert room is not None
        await site.until(lambda: room.participants["site"].active)


async def test_a_port_that_is_taken_in_one_family_is_told_and_nothing_is_left_open() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        port = other.getsockname()[1]
        with pytest.raises(OSError) as refused:
            UdpMux().open("0.0.0.0", port)
        assert refused.value.errno == errno.EADDRINUSE
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("0.0.0.0", port))
