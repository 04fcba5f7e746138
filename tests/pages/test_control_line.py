"""The page's end of the control socket, against a server that this test plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]

SNAPSHOT = {
    "type": "snapshot", "id": "b0", "seq": 1, "title": "Quán triệt", "kind": "resolution", "phase": "live",
    "started_at": None, "ended_at": None, "floor": None, "stage": {"left": "hub"}, "media": "applied",
    "roll_call": 1,
    "sites": [{"code": ALFA, "name": "Xã Bản Thi", "state": "online", "connection": "c0", "expected": 34,
               "headcount": None, "hand": None}],
}  # fmt: skip


@dataclass
class Played:
    """The sockets that the page opened, oldest first, and what it said on each."""

    sockets: list[WebSocketRoute] = field(default_factory=list)
    said: list[list[dict[str, Any]]] = field(default_factory=list)
    answers: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self, socket: WebSocketRoute) -> None:
        number = len(self.sockets)
        self.sockets.append(socket)
        self.said.append([])
        socket.on_message(lambda text: self._heard(number, str(text)))

    def _heard(self, number: int, text: str) -> None:
        message = json.loads(text)
        self.said[number].append(message)
        if message["type"] == "hello" and self.answers:
            self.sockets[number].send(json.dumps(SNAPSHOT))
        self.news.set()

    async def until(self, sockets: int, messages: int, within_s: float = 20) -> list[dict[str, Any]]:
        """Waits for that many sockets, and messages on the last of them."""
        async with asyncio.timeout(within_s):
            while len(self.said) < sockets or len(self.said[sockets - 1]) < messages:
                self.news.clear()
                await self.news.wait()
        return self.said[sockets - 1]


@pytest.fixture
async def page(rig: Rig, browsers: Browsers) -> AsyncIterator[Page]:
    """The operator's page, before the button is pressed."""
    page = (await browsers.person("operator")).page
    await page.goto(rig.base + rig.link(ALFA))
    yield page


@pytest.fixture
async def server(page: Page) -> Played:
    played = Played()
    await page.route_web_socket("**/ws", played.opened)
    await page.reload()
    return played


async def test_the_first_frame_is_hello_and_heartbeats_are_numbered(page: Page, server: Played) -> None:
    await page.get_by_test_id("join-button").click()

    hello, *beats = await server.until(1, 3)

    assert (hello["type"], hello["as"]) == ("hello", "site")
    assert [beat["type"] for beat in beats] == ["alive", "alive"]
    assert [beat["n"] for beat in beats] == [1, 2]
    assert 4000 < beats[1]["t_ms"] - beats[0]["t_ms"] < 9000
    assert beats[0]["media"] == {}, "without a media room every figure is unknown, none is zero"


async def test_the_line_is_made_ready_as_the_pointer_comes_and_the_press_says_hello_on_it(
    page: Page, server: Played
) -> None:
    await page.get_by_test_id("join-button").hover()
    await server.until(1, 0)
    assert server.said == [[]], "without a hello it counts nowhere"

    await page.get_by_test_id("join-button").click()

    (hello, *_) = await server.until(1, 1)
    assert hello["type"] == "hello"
    await expect(page.locator("body")).to_have_attribute("data-view", "live")
    assert len(server.sockets) == 1


async def test_a_line_that_breaks_is_opened_again_by_itself_for_the_same_page(
    page: Page, server: Played
) -> None:
    await page.get_by_test_id("join-button").click()
    (first, *_) = await server.until(1, 1)
    server.answers = False

    await server.sockets[0].close(code=1011)

    await expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "reconnecting")
    (again, *_) = await server.until(2, 1)
    assert again == {**first, "briefing": "b0"}
    server.sockets[1].send(json.dumps(SNAPSHOT))
    await expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")


async def test_the_browser_coming_back_on_line_tries_at_once(page: Page, server: Played) -> None:
    await page.get_by_test_id("join-button").click()
    await server.until(1, 1)

    await page.context.set_offline(True)
    await expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "reconnecting")
    await page.context.set_offline(False)

    await server.until(2, 1)
    await expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "online")


async def test_a_replaced_page_never_fights_back(page: Page, server: Played) -> None:
    await page.get_by_test_id("join-button").click()
    await server.until(1, 1)

    server.sockets[0].send(json.dumps({"type": "refused", "code": "replaced", "message": ""}))
    await server.sockets[0].close(code=4001)

    await expect(page.locator("#headline")).to_have_text("Máy khác đã vào thay")
    with pytest.raises(TimeoutError):
        await server.until(2, 1, within_s=4)
    await page.get_by_test_id("take-over").click()
    await server.until(2, 1)


async def test_a_refused_headcount_says_why_and_can_be_sent_again(page: Page, server: Played) -> None:
    await page.get_by_test_id("join-button").click()
    await page.get_by_test_id("headcount-present").fill("30")
    await page.get_by_test_id("headcount-send").click()
    said = await server.until(1, 2)
    assert {"type": "headcount", "present": 30} in said

    refusal = {"type": "refused", "code": "wrong_phase", "message": "Chưa đến lúc báo.", "about": "headcount"}
    server.sockets[0].send(json.dumps(refusal))

    await expect(page.get_by_text("Chưa đến lúc báo.")).to_be_visible()
    await expect(page.get_by_test_id("headcount-send")).to_be_enabled()
