"""A site's page without a browser: link, cookie and control socket; and what the log says of it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.server import Server, api
from tests.support.waiting import until

SITE = "xa-ban-thi"


class Page:
    """One page of SITE; `got`: all that the server sent."""

    def __init__(self, client: aiohttp.ClientSession, server: Server) -> None:
        self._client = client
        self._server = server
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._uuid = str(uuid.uuid4())
        self.got: list[dict[str, Any]] = []

    async def follow_link(self) -> None:
        answer = await self._client.get(self._server.links()[SITE], allow_redirects=False)
        assert answer.status in (302, 303), await answer.text()

    async def connect(self) -> None:
        """Says hello and waits for the first snapshot that has it on line."""
        self._ws = await self._client.ws_connect(f"{self._server.base}/ws", origin=self._server.base)
        await self._ws.send_json({"type": "hello", "page": self._uuid})
        await self.until(lambda got: got["type"] == "snapshot" and got["sites"][0]["connection"])

    async def until(self, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        assert self._ws is not None
        async with asyncio.timeout(10):
            while True:
                message = await self._ws.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, self.got[-3:])
                self.got.append(json.loads(message.data))
                if true(self.got[-1]):
                    return self.got[-1]

    def medias(self) -> list[dict[str, Any]]:
        return [got for got in self.got if got["type"] == "media"]

    async def comes_back(self) -> None:
        """As the page does: tries until the server is there again."""

        async def tried() -> bool:
            try:
                await self.connect()
            except aiohttp.ClientError:
                return False
            return True

        await until("the site is back", tried)


@asynccontextmanager
async def page(server: Server) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        opened = Page(client, server)
        await opened.follow_link()
        await opened.connect()
        yield opened


def token(server: Server) -> str:
    return server.run("token", "may", "--role", "host").strip()


async def live(server: Server, key: str) -> str:
    made = await api(server, key, "POST", "/api/briefings", {"title": "Quán triệt", "kind": "resolution"})
    for step in ("open", "start"):
        await api(server, key, "POST", f"/api/briefings/{made['id']}/{step}")
    return str(made["id"])


async def events(server: Server, key: str, briefing: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        answer = await client.get(f"{server.base}/api/briefings/{briefing}/events.jsonl")
        assert answer.status == 200, await answer.text()
        return [json.loads(line) for line in (await answer.text()).splitlines()]


def of_type(listed: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in listed if event["type"] == kind]
