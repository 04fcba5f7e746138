"""Firefox ESR beside Chromium, each publishing and each seeing and hearing the other.

Firefox does not use loopback for media, so the relay runs in a network namespace behind a real link.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.relay.harness import browser, open_client, page_server, token
from tests.relay.test_livekit_client import shows
from tests.support.firefox import FirefoxClient, firefox
from tests.support.namespaces import namespace, relay_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEARS = "inbound().then(all => all.some(s => s.kind === 'audio' && s.packets > 30 && s.energy > 0))"


async def test_firefox_and_chromium_see_and_hear_each_other(tmp_path: Path) -> None:
    with namespace() as there:
        async with (
            relay_in(there) as url,
            page_server() as address,
            browser() as chromium,
            firefox(tmp_path) as page,
        ):
            await page.goto(address)
            site = FirefoxClient(page)
            await site.call("join", url, token("site"))
            camera = await site.call("publishCamera")
            await site.call("publishMicrophone")
            hub = await open_client(chromium, address)
            await hub.call("join", url, token("hub"))
            await shows(hub, camera, 10, 20)
            await hub.until(HEARS)

            picture = await hub.call("publishCamera")
            await hub.call("publishMicrophone")
            await shows(site, picture, 10, 20)
            await site.until(HEARS)
            layers = {s["rid"] for s in await site.call("outbound") if s["kind"] == "video" and s["rid"]}
            assert len(layers) >= 2, "Firefox sends simulcast"
            assert not await site.page.evaluate("happened.some(h => h.name.includes('econnect'))")
