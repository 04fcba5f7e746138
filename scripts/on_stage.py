"""The real server and a browser, for scripts that take pictures."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from playwright.async_api import async_playwright

from tests.support.browsers import Browsers
from tests.support.server import Server


@contextlib.asynccontextmanager
async def on_stage(
    change: Callable[[Path], None] = lambda config: None,
) -> AsyncIterator[tuple[Server, Browsers, Path]]:
    """Starts a server with 25 sites; gives it, the browsers and a folder, and ends all.

    `change(config)` may rewrite the server's sites.yaml before it starts.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        change(folder / "sites.yaml")
        await server.start()
        try:
            async with async_playwright() as playwright:
                browsers = Browsers(playwright)
                try:
                    yield server, browsers, folder
                finally:
                    await browsers.close()
        finally:
            server.stop()
