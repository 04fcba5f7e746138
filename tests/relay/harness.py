"""A relay, a page with the unmodified livekit-client, and tokens, for the tests beside this file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from livekit.api import AccessToken, VideoGrants
from playwright.async_api import Browser, Page, async_playwright

from coordinator.relay.main import Running, relay
from coordinator.relay.options import RelayOptions

KEY, SECRET = "test-key", "test-secret-that-is-long-enough-for-hs256"
MODULES = Path(__file__).parents[2] / "node_modules"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = (Path(__file__).parent / "client_page.html").read_text()


def token(identity: str, room: str = "hall", ttl_s: float = 600, **grants: Any) -> str:
    """Return a token to join a room; further grants as of livekit-api."""
    video = VideoGrants(room_join=True, room=room, **grants)
    made = AccessToken(KEY, SECRET).with_identity(identity).with_name(identity).with_grants(video)
    return made.with_ttl(timedelta(seconds=ttl_s)).to_jwt()


@contextlib.asynccontextmanager
async def running_relay(**options: Any) -> AsyncIterator[Running]:
    """Run a relay with free ports, on loopback unless the options say otherwise."""
    free: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "udp_port": 0, "keys": {KEY: SECRET}}
    chosen = RelayOptions(**free | options)
    async with relay(chosen) as running:
        yield running


@contextlib.asynccontextmanager
async def page_server(package: str = "livekit-client", host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve the test page with the client of an npm package; gives the page's address."""
    app = web.Application()

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def client(request: web.Request) -> web.Response:
        script = MODULES / package / "dist/livekit-client.umd.js"
        return web.Response(body=script.read_bytes(), content_type="text/javascript")

    app.router.add_get("/", page)
    app.router.add_get("/livekit-client.js", client)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, 0).start()
        yield f"http://{host}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def browser(*more: str, program: str = CHROMIUM) -> AsyncIterator[Browser]:
    """Run Chromium with made-up camera and microphone; `more` are further arguments."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *more])
        try:
            yield started
        finally:
            await started.close()


class Client:
    """One livekit-client in its page; see client_page.html for what it can do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log: list[str] = []
        page.on("console", lambda message: self.log.append(message.text))

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the page and wait for its result."""
        return await self.page.evaluate("([name, args]) => window[name](...args)", [name, list(arguments)])

    async def until(self, expression: str, timeout_s: float = 10.0) -> Any:
        """Wait until a JavaScript expression (or what it promises) is truthy; returns its value."""
        async with asyncio.timeout(timeout_s):
            while not (value := await self.page.evaluate(f"(async () => {expression})()")):  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        return value


async def open_client(started: Browser, address: str) -> Client:
    """Open the test page in a context of its own."""
    context = await started.new_context()
    page = await context.new_page()
    client = Client(page)
    await page.goto(address)
    return client
