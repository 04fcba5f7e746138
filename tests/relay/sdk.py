"""PyPI `livekit` as a participant in a process of its own: its native library never comes into the tests'."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("sdk_participant.py")


class Sdk:
    """One participant; sdk_participant.py tells what can be called."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def call(self, name: str, *arguments: Any) -> Any:
        """Have a method of the program called, and wait for its result."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        return await self.told(name)

    async def told(self, what: str) -> Any:
        """Wait for the program's next line."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        except TimeoutError:
            raise AssertionError(f"the SDK's process does not answer: {what}") from None
        if not line:
            code = await self._process.wait()
            raise AssertionError(f"the SDK's process ended with {code} at: {what}; see its stderr")
        return json.loads(line)

    async def until(self, condition: Callable[[dict[str, Any]], object], timeout_s: float = 15.0) -> None:
        """Wait until the program's state is as wanted."""
        state: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while not condition(state := await self.call("state")):  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"after {timeout_s} s the SDK's state is {state}") from None

    async def decodes(self, timeout_s: float = 30.0) -> None:
        """Wait until the SDK's own statistics tell of more than ten decoded frames of a track.

        Its VideoStream now and then hands out nothing of a track that is being decoded.
        """
        async with asyncio.timeout(timeout_s):
            while await self.call("decoded") <= 10:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def joined(url: str, token: str, *options: str) -> AsyncIterator[Sdk]:
    """Have the SDK join; its process ends with the block, and fails it where it ended wrongly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, url, token, *options, stdin=PIPE, stdout=PIPE
    )
    try:
        sdk = Sdk(process)
        await sdk.told("join")
        yield sdk
        assert process.stdin is not None
        process.stdin.close()
        code = await asyncio.wait_for(process.wait(), 10)
        assert code == 0, f"the SDK's process ended with {code}; see its stderr"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
