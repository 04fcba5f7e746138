"""The real relay as a process of its own, as its users have it."""

import asyncio
import os
import sys
from typing import Any

from livekit import api

KEY, SECRET = "key", "a secret of at least thirty-two bytes"
ROOM = "hall"


def token(identity: str, **grants: Any) -> str:
    video = api.VideoGrants(room=ROOM, room_join=True, **grants)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(video).to_jwt()


class RelayProcess:
    """A relay on ports of its own; `kill` and `start` again keep them."""

    def __init__(self) -> None:
        self.port = self.udp_port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> None:
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--udp-port", str(self.udp_port)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coordinator.relay.main", *words, "--watch-stdin",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET},
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            ready = (await self._process.stdout.readline()).decode().split()
        self.port, self.udp_port = int(ready[2].rpartition(":")[2]), int(ready[4])

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        if self._process.returncode is None:
            self._process.stdin.close()
            async with asyncio.timeout(10):
                await self._process.wait()
