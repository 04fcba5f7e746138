"""Only the control socket breaks: the hall is seen and heard while the page takes its new place."""

from __future__ import annotations

import pytest

from tests.support.briefing_room import join, open_briefing
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.server import Server
from tests.support.waiting import until
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow]

CODE = "xa-ban-thi"
BLINK = 8
"""Looks at an empty element, of two, one a frame: while one track takes the place of another."""
_CONTROLS = """
window.controlsForTests = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    if (new URL(this.url).pathname === '/ws') window.controlsForTests.push(this);
  }
};
"""
_BREAK_IT = """
window.emptyForTests = 0;
const look = () => {
  for (const name of ['stage-video', 'stage-audio']) {
    const track = document.querySelector(`[data-testid=${name}]`).srcObject?.getTracks()[0];
    if (track?.readyState !== 'live') window.emptyForTests += 1;
  }
  requestAnimationFrame(look);
};
look();
window.controlsForTests.at(-1).close();
"""


async def test_the_former_place_is_kept_until_the_new_one_shows_the_same(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    person = await browsers.person(CODE, site_clips[0])
    await person.context.add_init_script(_CONTROLS)
    site = await join(room, browsers, CODE, site_clips[0], person)
    await room.host.press("phase-start")
    await sees(site.page, HUB_LOOK)
    await hears(site.page, HUB_LOOK)

    await site.page.evaluate(_BREAK_IT)

    async def moved() -> bool:
        states = await site.page.evaluate("window.peersForTests.map((peer) => peer.connectionState)")
        return bool(states == ["closed", "connected"])

    await until("the page has given up its former place for a new one", moved)
    assert await site.page.evaluate("window.controlsForTests.length") == 2
    await sees(site.page, HUB_LOOK)
    await hears(site.page, HUB_LOOK)
    empty = await site.page.evaluate("window.emptyForTests")
    assert empty <= BLINK, f"the stage was empty for {empty} looks"
    await room.host.see_site(CODE, "online")
