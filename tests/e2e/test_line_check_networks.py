"""The line check in offices whose firewall lets no UDP through: by the detour over TURN, or not at all.

Server, relay and TURN server stand in a network namespace; the page is opened here.
"""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.support.browsers import Browsers
from tests.support.clips import Clips
from tests.support.lines import token
from tests.support.namespaces import namespace
from tests.support.pages import SitePage
from tests.support.server import Server, api
from tests.support.turn_server import SECRET, TCP_PORT, TLS_PORT, coturn
from tests.support.waiting import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace with a firewall needs root"),
]

CODE = "xa-dong-thang"


async def measured(page: Page, figures: str) -> str:
    """Presses the button and waits until the figures say so; what they mean, in the page's words."""
    await page.get_by_test_id("line-measure").click()
    await expect(page.get_by_test_id("line-figures")).to_contain_text(figures, timeout=60_000)
    await expect(page.get_by_test_id("line-measure")).to_be_enabled()
    return await page.locator("#line-meaning").inner_text()


async def test_where_udp_is_shut_the_page_says_turn_and_where_all_is_shut_what_to_do(
    tmp_path: Path, browsers: Browsers, hub_clips: Clips
) -> None:
    with namespace() as inside, coturn(inside, tmp_path):
        turn = {"urls": [f"turn:{inside.there}:{TCP_PORT}?transport=tcp"], "secret": SECRET}
        prefix = ("ip", "netns", "exec", inside.name)
        server = Server(tmp_path, inside.there, prefix, media={"turn": turn})
        browsers.more = (f"--unsafely-treat-insecure-origin-as-secure={server.base}",)
        try:
            await server.start()
            await until("its relay is there", lambda: relay_is_there(server))
            key = token(server)
            made = await api(server, key, "POST", "/api/briefings", {"title": "Quán triệt", "kind": "class"})
            site = SitePage(await browsers.person("site", hub_clips), CODE, server.links()[CODE])
            await site.open()
            inside.block_udp()

            meaning = await measured(site.page, "TURN")
            assert "Mạng này chặn UDP" in meaning
            assert "Máy chủ nghe được micrô" in meaning
            assert inside.blocked() > 0, "the direct way was tried"
            assert await kept(server, key, made["id"]) == "turn"

            for port in (TCP_PORT, TLS_PORT):
                inside.rules(f"add rule inet wall in tcp dport {port} drop")
            meaning = await measured(site.page, "UDP bị chặn")
            assert "Dùng mạng khác" in meaning
            assert inside.there in meaning, "the technician reads where to"
            await expect(site.page.get_by_test_id("line-badge")).to_have_text("Kém")
            assert await kept(server, key, made["id"]) == "blocked"
        finally:
            server.stop()


async def relay_is_there(server: Server) -> bool:
    async with aiohttp.ClientSession() as client, client.get(f"{server.base}/healthz") as answer:
        return bool((await answer.json())["parts"]["relay"] == "ok")


async def kept(server: Server, key: str, briefing: str) -> str:
    """The way that the briefing has on record for this site."""
    snapshot = (await api(server, key, "GET", f"/api/briefings/{briefing}"))["snapshot"]
    return str(next(one for one in snapshot["sites"] if one["code"] == CODE)["check"]["route"])


async def test_a_media_server_that_is_gone_is_not_called_a_blocked_network(
    server: Server, browsers: Browsers, hub_clips: Clips
) -> None:
    site = SitePage(await browsers.person("site", hub_clips), CODE, server.links()[CODE])
    await site.open()
    await site.page.route(
        "**/api/line-check/room", lambda route: route.fulfill(status=503, json={"code": "media_down"})
    )

    meaning = await measured(site.page, "Mbit/s")

    assert "Máy chủ hình và tiếng chưa trả lời" in meaning
    assert "UDP" not in await site.page.get_by_test_id("line-figures").inner_text()
