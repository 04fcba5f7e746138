"""The networks that sites sit behind: IPv6 alone, a relay behind a NAT, an office that lets no UDP through.

Each relay runs in a network namespace behind a real link; Chromium publishes to it and gets its picture back.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.relay.harness import Client, browser, open_client, page_server, token
from tests.relay.test_livekit_client import shows
from tests.support.namespaces import namespace, relay_in, run
from tests.support.turn_server import SECRET, TCP_PORT, TLS_PORT, coturn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAIR = """pc().then(pc => pc.getStats()).then(report => {
    const all = [...report.values()];
    const pair = all.find(s => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
    const find = id => all.find(s => s.id === id);
    const here = pair && find(pair.localCandidateId), there = pair && find(pair.remoteCandidateId);
    return pair && { kind: here.candidateType, protocol: here.relayProtocol || here.protocol,
        to: there.address };
})"""


async def media_flows(url: str) -> dict[str, str]:
    """Publish from one page, show it in another; returns the path that the second one uses."""
    async with page_server() as address, browser("--ignore-certificate-errors") as started:
        clients: list[Client] = []
        for identity in ("hub", "site"):
            client = await open_client(started, address)
            await client.call("join", url, token(identity))
            clients.append(client)
        camera = await clients[0].call("publishCanvas", 640, 360)
        await shows(clients[1], camera, 10, 20)
        return dict(await clients[1].until(PAIR))


async def test_media_flows_over_ipv6_alone() -> None:
    with namespace() as there:
        async with relay_in(there, "--host", there.there6) as url:
            assert url.startswith("ws://[")
            path = await media_flows(url)
    assert path["to"].strip("[]") == there.there6


async def test_a_relay_behind_a_nat_is_reached_under_its_public_address() -> None:
    public = "198.51.100.77"
    with namespace() as there:
        run("ip", "route", "add", f"{public}/32", "via", there.there)
        there.rules(
            "add table ip nat",
            "add chain ip nat pre { type nat hook prerouting priority -100; }",
            f"add rule ip nat pre ip daddr {public} dnat to {there.there}",
        )
        async with relay_in(there, "--public-ip", public) as url:
            path = await media_flows(url.replace(there.there, public))
    assert path["to"] == public


@pytest.mark.parametrize(
    ("scheme", "port", "protocol"), [("turn", TCP_PORT, "tcp"), ("turns", TLS_PORT, "tls")]
)
async def test_where_udp_is_blocked_media_goes_through_turn(
    tmp_path: Path, scheme: str, port: int, protocol: str
) -> None:
    with namespace() as there, coturn(there, tmp_path):
        there.block_udp()
        turn = f"{scheme}:{there.there}:{port}?transport=tcp"
        async with relay_in(there, "--turn-url", turn, COORDINATOR_TURN_SECRET=SECRET) as url:
            path = await media_flows(url)
        assert there.blocked() > 0, "a direct way was tried, and is shut"
    assert (path["kind"], path["protocol"]) == ("relay", protocol)
