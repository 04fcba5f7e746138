"""What the web handlers may use: one value with every part of the running server.

Rule 1: parts are built in `app.py` and handed over here; nothing is global.
Rule 2: `writer` is the one thread that writes; blocking calls to `store`, `accounts` and `links` go through
it (`await services.write(fn, …)`), blocking reads through `await services.read(fn, …)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from coordinator.session import Sessions

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Services:
    """The parts of one running server.

    `data`: the data folder. `relay_url`: http://127.0.0.1:port of the built-in relay for the proxy, None while
    it is down or an outside LiveKit is used. `media_keys`: (api key, api secret) to validate webhooks with.
    """

    config: Any
    data: Path
    store: Any
    reader: Any
    sessions: Sessions
    media: Any
    accounts: Any
    links: Any
    writer: Executor
    media_keys: tuple[str, str]
    relay: Any = None  # relay_process.RelayProcess, None with an outside LiveKit
    version: str = "0.1.0"
    secure_cookies: bool = False
    extras: dict[str, Any] = field(default_factory=dict)

    async def write(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking call in the writer thread, after those already waiting there."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, lambda: fn(*args, **kwargs))

    async def read(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking read in a worker thread (`reader` needs no lock)."""
        return await asyncio.to_thread(fn, *args, **kwargs)

    @property
    def relay_url(self) -> str | None:
        """http://host:port of the built-in relay, or None."""
        return self.relay.url if self.relay is not None else None

    def health(self) -> dict[str, Any]:
        """{status: ok|degraded, version, parts: {storage, relay, media}}; a part is ok|starting|failed|outside."""
        relay = self.relay.state if self.relay else "outside"
        parts = {"storage": self.sessions.storage_state, "media": self.media.state, "relay": relay}
        good = all(state in ("ok", "outside") for state in parts.values())
        return {"status": "ok" if good else "degraded", "version": self.version, "parts": parts}
