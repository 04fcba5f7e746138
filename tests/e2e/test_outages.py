"""The line of a site goes away, signalling and media alike, and comes back; so do picture and sound, alone.

The server and the hall are in a network namespace, the site is here, and nothing passes the link between them
while it is cut: no reset and no error, as when a radio link up the road is down. Outages of 3 and 30 s; other
lengths by OUTAGES_S ("300": `make soak`). How long it took is printed; what is asserted is generous.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.briefing_room import join, open_briefing
from tests.support.browsers import Browsers, chromium_path
from tests.support.clips import HUB_LOOK, Clips
from tests.support.media_watch import came_between, first_after, watch_media
from tests.support.namespaces import Namespace, namespace
from tests.support.server import Server
from tests.support.watching import sees

pytestmark = [pytest.mark.line, pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow]

CODE = "xa-ban-thi"
OUTAGES_S = [float(word) for word in os.environ.get("OUTAGES_S", "3 30").split()]
STILL_SOON_S = 10.0
"""What is asserted; the figure of docs/benchmarks.md is a fifth of it."""


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[tuple[Namespace, Server]]:
    """A server at the other end of a link that can be cut."""
    with namespace() as inside:
        server = Server(tmp_path, inside.there, ("ip", "netns", "exec", inside.name))
        try:
            await server.start()
            yield inside, server
        finally:
            server.stop()


@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_media_is_back_soon_after_the_line_is(
    line: tuple[Namespace, Server],
    browsers: Browsers,
    hub_clips: Clips,
    site_clips: list[Clips],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outage_s: float,
) -> None:
    inside, server = line
    browsers.more = (f"--unsafely-treat-insecure-origin-as-secure={server.base}",)
    with monkeypatch.context() as patch:
        patch.setenv("COORDINATOR_CHROMIUM", str(_chromium_in(inside, tmp_path)))
        room = await open_briefing(server, browsers, hub_clips)
    site = await join(room, browsers, CODE, site_clips[0])
    await room.host.press("phase-start")
    await sees(site.page, HUB_LOOK)
    await watch_media(site.page)
    await first_after(site.page, "audio", time.time())

    inside.cut()
    cut = time.time()
    await asyncio.sleep(outage_s)
    back = time.time()
    inside.mend()

    sound, picture = [await first_after(site.page, kind, back) for kind in ("audio", "video")]
    print(f"\nan outage of {back - cut:.0f} s: sound {sound:.2f} s, picture {picture:.2f} s after it")
    assert not await came_between(site.page, "audio", cut + 1, back), "the line was not cut"
    assert max(sound, picture) < STILL_SOON_S
    await room.host.see_site(CODE, "online", "weak")
    await sees(site.page, HUB_LOOK)


def _chromium_in(inside: Namespace, folder: Path) -> Path:
    """A command that starts Chromium in the namespace."""
    script = folder / "chromium"
    script.write_text(f'#!/bin/sh\nexec ip netns exec {inside.name} {chromium_path()} "$@"\n')
    script.chmod(0o755)
    return script
