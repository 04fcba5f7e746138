"""What the web handlers may use: one value with every part of the running server.

Rule 1: parts are built in `app.py` and handed over here; nothing is global.
Rule 2: `writer` is the one thread that writes; blocking calls to `store`, `accounts` and `links` go through
it (`await services.write(fn, …)`), blocking reads through `await services.read(fn, …)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from coordinator import __version__

if TYPE_CHECKING:
    from coordinator.config import Config
    from coordinator.media import Media
    from coordinator.relay_process import RelayProcess
    from coordinator.session import Sessions
    from coordinator.storage import Reader, Store
    from coordinator.storage.accounts import Accounts
    from coordinator.storage.admin import Administration
    from coordinator.storage.cookies import Cookies
    from coordinator.storage.links import Links

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Services:
    """The parts of one running server.

    `media_keys`: (api key, api secret) to validate webhooks with. `public_url` has no slash at its end; links
    are made from it. `relay`: None with an outside LiveKit. `secure_cookies`: this server itself speaks TLS.
    """

    config: Config
    data: Path
    store: Store
    reader: Reader
    sessions: Sessions
    media: Media
    accounts: Accounts
    cookies: Cookies
    links: Links
    admin: Administration
    writer: Executor
    media_keys: tuple[str, str]
    relay: RelayProcess | None = None
    public_url: str = ""
    version: str = __version__
    secure_cookies: bool = False

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
        """{status: ok|degraded, version, parts: {storage, relay, media}}.

        A part is ok | starting | failed | outside (the relay, with an outside LiveKit).
        """
        relay = self.relay.state if self.relay else "outside"
        parts = {"storage": self.sessions.storage_state, "media": self.media.state, "relay": relay}
        good = all(state in ("ok", "outside") for state in parts.values())
        return {"status": "ok" if good else "degraded", "version": self.version, "parts": parts}
