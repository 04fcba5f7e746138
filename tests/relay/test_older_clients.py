"""Older versions of livekit-client beside the current one, in Chromium, all of them as they are published.

2.17 speaks v1 as the current one does; 2.0 and 2.9 know only v0, with two peer connections.
"""

from __future__ import annotations

import pytest

from tests.relay.harness import Client, browser, page_server, running_relay
from tests.relay.test_livekit_client import LOW, WIDTH, Stage, has_happened, shows, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VERSIONS = [("livekit-client-2-0", 2), ("livekit-client-2-9", 2), ("livekit-client-2-17", 1)]
"""The npm package, and how many peer connections it uses."""
HEARS = """Promise.all([...room.remoteParticipants.values()].flatMap(p => [...p.trackPublications.values()])
    .filter(p => p.kind === 'audio' && p.track).map(p => p.track.receiver.getStats()))
    .then(all => all.some(report => [...report.values()]
        .some(s => s.type === 'inbound-rtp' && s.totalSamplesReceived - s.concealedSamples > 48000)))"""


@pytest.mark.parametrize(("package", "lines"), VERSIONS)
async def test_an_older_client_publishes_subscribes_and_resumes(package: str, lines: int) -> None:
    async with (
        running_relay() as running,
        page_server() as today,
        page_server(package) as older,
        browser() as started,
    ):
        hub = await Stage(running, today, started).enter("hub")
        seen = await hub.call("publishCamera")
        await hub.call("publishMicrophone")
        stage = Stage(running, older, started)
        site = await stage.enter("site")
        assert (stage.participant("site").offering is not None) == (lines == 2)

        await shows(site, seen)
        await site.until(HEARS)
        camera = await site.call("publishCamera")
        await site.call("publishMicrophone")
        await shows(hub, camera)
        await hub.until(HEARS)

        await hub.call("send", "x", ["site"])
        await has_happened(site, "DataReceived")
        await site.call("send", "x", ["hub"])
        await has_happened(hub, "DataReceived")
        await _chooses_and_gives_back(site, seen)
        await _resumes(stage, site)
        await shows(site, seen)
        await shows(hub, camera)


async def _chooses_and_gives_back(site: Client, seen: str) -> None:
    await site.call("quality", seen, LOW)
    await site.until(f"width('{seen}').then(w => w === {WIDTH[LOW]})")
    for _ in range(2):
        await site.call("subscribe", seen, False)
        await site.until(f"!remote('{seen}').track")
        await site.call("subscribe", seen, True)
        await site.until(f"!!remote('{seen}').track")
        await shows(site, seen)


async def _resumes(stage: Stage, site: Client) -> None:
    person = stage.participant("site")
    old = person.socket
    assert old is not None
    old.abort()
    await until(lambda: person.socket not in (None, old))
    await site.until("room.state === 'connected'")
    assert stage.participant("site") is person, "resumed, not joined anew"
