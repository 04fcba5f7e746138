"""All 25 tiles are in sight at once, however many are in trouble, on a large screen and on a small one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import WebSocketRoute, expect

from coordinator import config
from tests.support.browsers import Browsers
from tests.web.rig import running

pytestmark = [pytest.mark.browser]

DISTRICT = config.load(Path(__file__).resolve().parents[2] / "config" / "sites.yaml")
FEW = ("lost", "absent", "weak", "weak", "waiting")
MANY = (
    "lost",
    "lost",
    "absent",
    "absent",
    "absent",
    "weak",
    "weak",
    "unstable",
    "waiting",
    "waiting",
    "weak",
)
SCREENS = ((1920, 1080), (1920, 940), (1366, 768))


def snapshot(briefing: str, trouble: tuple[str, ...]) -> dict[str, Any]:
    states = (*trouble, *("online",) * (len(DISTRICT.sites) - len(trouble)))
    sites = [
        {"code": site.code, "name": site.name, "state": state, "connection": None, "expected": site.expected,
         "headcount": None, "hand": None}
        for site, state in zip(DISTRICT.sites, states, strict=True)
    ]  # fmt: skip
    return {
        "type": "snapshot", "id": briefing, "seq": 1, "title": "Quán triệt", "kind": "resolution",
        "phase": "live", "started_at": None, "ended_at": None, "floor": None, "stage": {"left": "hub"},
        "media": "applied", "roll_call": 1, "sites": sites,
    }  # fmt: skip


@pytest.mark.parametrize("trouble", [(), FEW[:1], FEW, FEW + FEW[:2], MANY, ("absent",) * 25])
async def test_no_tile_needs_scrolling(tmp_path: Path, browsers: Browsers, trouble: tuple[str, ...]) -> None:
    async with running(tmp_path / "var", DISTRICT) as rig:
        briefing = await rig.briefing("open", "start")
        browser = await rig.person("host")
        person = await browsers.person("host", size=SCREENS[0])
        cookies = browser.session.cookie_jar
        secret = next(cookie.value for cookie in cookies if cookie.key == "coordinator_session")
        await person.context.add_cookies([{"name": "coordinator_session", "value": secret, "url": rig.base}])

        def play(socket: WebSocketRoute) -> None:
            socket.on_message(lambda text: socket.send(json.dumps(snapshot(briefing, trouble))))

        await person.page.route_web_socket("**/ws", play)
        await person.page.goto(f"{rig.base}/host/briefings/{briefing}")
        tiles = person.page.locator("[data-testid^=site-tile-]")
        await expect(tiles).to_have_count(25)
        for width, height in SCREENS:
            await person.page.set_viewport_size({"width": width, "height": height})
            hidden = await person.page.locator(".gallery-room").evaluate(
                "room => room.scrollHeight - room.clientHeight"
            )
            assert hidden == 0, f"{width} x {height}: {hidden} pixels are out of sight"
