"""Firefox ESR, driven through WebDriver BiDi (w3c.github.io/webdriver-bidi), which it speaks by itself.

A `FirefoxPage` has the few calls of a Playwright page that the tests' `Client` uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,  # a made-up camera and microphone
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.gmp-manager.updateEnabled": False,
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,
}
START_WITHIN_S = 60.0


class FirefoxPage:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._context = ""

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; an error of the browser is raised."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                return dict(answer["result"])

    async def goto(self, address: str) -> None:
        """Open an address in the first tab."""
        if not self._context:
            await self.command("session.new", capabilities={})
            tree = await self.command("browsingContext.getTree")
            self._context = tree["contexts"][0]["context"]
        await self.command("browsingContext.navigate", context=self._context, url=address, wait="complete")

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        """Return what an expression gives, awaited; is it a function, then what that gives for `argument`."""
        script = json.dumps(f"({expression})")
        function = (
            f"async text => {{ const value = (0, eval)({script});"
            " return JSON.stringify(await (typeof value === 'function' ? value(JSON.parse(text)) : value)); }"
        )
        told = await self.command(
            "script.callFunction", functionDeclaration=function, awaitPromise=True,
            target={"context": self._context},
            arguments=[{"type": "string", "value": json.dumps(argument)}],
        )  # fmt: skip
        if told["type"] == "exception":
            raise RuntimeError(told["exceptionDetails"]["text"])
        value = told["result"].get("value")
        return None if value is None else json.loads(value)

    async def until(self, expression: str, timeout_s: float = 10.0) -> Any:
        """Wait until an expression is truthy; returns its value."""
        async with asyncio.timeout(timeout_s):
            while not (value := await self.evaluate(expression)):  # noqa: ASYNC110 - the page's state
                await asyncio.sleep(0.05)
            return value


class FirefoxClient:
    """One livekit-client in its page, as `tests.relay.harness.Client` is for Chromium."""

    def __init__(self, page: FirefoxPage) -> None:
        self.page = page

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the page and wait for its result."""
        return await self.page.evaluate("([name, args]) => window[name](...args)", [name, list(arguments)])

    async def until(self, expression: str, timeout_s: float = 10.0) -> Any:
        """Wait until a JavaScript expression (may be async) is truthy; returns its value."""
        return await self.page.until(expression, timeout_s)


@contextlib.asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[FirefoxPage]:
    """Run Firefox ESR with a fresh profile in this folder."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "no Firefox: run scripts/install_test_tools.sh"
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
    )  # fmt: skip
    draining: asyncio.Task[None] | None = None
    try:
        assert process.stderr is not None
        address = await asyncio.wait_for(_address(process.stderr), START_WITHIN_S)
        draining = asyncio.create_task(_drain(process.stderr))
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            yield FirefoxPage(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        if draining is not None:
            await draining


async def _address(stream: asyncio.StreamReader) -> str:
    told: list[str] = []
    while line := (await stream.readline()).decode(errors="replace"):
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found.group(1)
        told.append(line)
    raise RuntimeError("Firefox has ended: " + "".join(told[-10:]))


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
