"""The hall's screen: with few sites in trouble all 25 tiles are in sight at once."""

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
TROUBLE = ("lost", "absent", "weak", "weak", "waiting")


def snapshot(briefing: str) -> dict[str, Any]:
    states = (*TROUBLE, *("online",) * (len(DISTRICT.sites) - len(TROUBLE)))
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


@pytest.mark.parametrize("size", [(1920, 1080), (1920, 940)])
async def test_five_in_trouble_and_twenty_well_need_no_scrolling(
    tmp_path: Path, browsers: Browsers, size: tuple[int, int]
) -> None:
    async with running(tmp_path / "var", DISTRICT) as rig:
        briefing = await rig.briefing("open", "start")
        browser = await rig.person("host")
        person = await browsers.person("host", size=size)
        cookies = browser.session.cookie_jar
        secret = next(cookie.value for cookie in cookies if cookie.key == "coordinator_session")
        await person.context.add_cookies([{"name": "coordinator_session", "value": secret, "url": rig.base}])

        def play(socket: WebSocketRoute) -> None:
            socket.on_message(lambda text: socket.send(json.dumps(snapshot(briefing))))

        await person.page.route_web_socket("**/ws", play)
        await person.page.goto(f"{rig.base}/host/briefings/{briefing}")
        tiles = person.page.locator("[data-testid^=site-tile-]")
        await expect(tiles).to_have_count(25)

        boxes = [await tile.bounding_box() for tile in await tiles.all()]
        hints = await person.page.locator("footer.hints").bounding_box()

    assert hints is not None
    assert max(box["y"] + box["height"] for box in boxes if box) <= hints["y"]
