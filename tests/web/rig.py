"""The whole web application over a real store and real sessions; only the media server is a stand-in."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType, web
from aiohttp.test_utils import TestServer

from coordinator.config import Config, Hub, ServerSettings, Site
from coordinator.domain.commands import Actor
from coordinator.services import Services
from coordinator.session import Sessions
from coordinator.storage import Reader, Store
from coordinator.storage.accounts import Accounts
from coordinator.storage.admin import Administration
from coordinator.storage.cookies import Cookies
from coordinator.storage.links import Links
from coordinator.web import build_app
from coordinator.web.socket import LINES, Line
from tests.session_fakes import FakeMedia

T = TypeVar("T")

WITHIN_S = 5.0
KEYS = ("test-key", "a secret of at least thirty-two bytes")
PASSWORD = "mật khẩu dài"
CONFIG = Config(
    Hub("Huyện Chợ Đồn", "district"),
    (
        Site("xa-ban-thi", "Xã Bản Thi", "commune", 34),
        Site("xa-dai-sao", "Xã Đại Sảo", "commune", 33, expected_members=10),
        Site("cq-y-te", "Trung tâm Y tế huyện", "agency", 55),
    ),
    ServerSettings(),
)
ALFA, BRAVO, CHARLIE = (site.code for site in CONFIG.sites)


class OutsideMedia(FakeMedia):
    """The stand-in, with the state that /healthz asks for."""

    state = "ok"
    outside_url: str | None = None


@dataclass
class FakeRelay:
    """Where the relay's child process is said to be."""

    url: str | None = None

    @property
    def state(self) -> str:
        return "ok" if self.url else "starting"


@dataclass
class Socket:
    """A page's end of the control socket. `seen`: every message that came, oldest first."""

    raw: ClientWebSocketResponse
    seen: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    async def say(self, kind: str, **fields: Any) -> None:
        await self.raw.send_str(json.dumps({"type": kind, **fields}))

    async def hello(self, briefing: str | None = None, **fields: Any) -> None:
        named = {"briefing": briefing} if briefing else {}
        await self.say("hello", page=str(uuid.uuid4()), **named, **fields)

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that fits; earlier ones stay in `seen`."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await self._next()
                assert message is not None, f"closed with {self.close_code} after {self.seen}"
                if wanted(message):
                    return message

    async def get(self, kind: str) -> dict[str, Any]:
        return await self.until(lambda message: message["type"] == kind)

    async def refused(self) -> str:
        return str((await self.get("refused"))["code"])

    async def ended(self) -> int | None:
        """Reads to the end; the close code."""
        async with asyncio.timeout(WITHIN_S):
            while await self._next() is not None:
                pass
        return self.close_code

    async def _next(self) -> dict[str, Any] | None:
        frame = await self.raw.receive()
        if frame.type is not WSMsgType.TEXT:
            self.close_code = frame.data if frame.type is WSMsgType.CLOSE else self.raw.close_code
            await self.raw.close()
            return None
        self.seen.append(json.loads(frame.data))
        return self.seen[-1]


@dataclass
class Browser:
    """One browser (or program) with its own cookies."""

    base: str
    session: ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> ClientResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        answer = await self.session.request(
            method, self.base + path, headers=headers, allow_redirects=False, **options
        )
        await answer.read()
        return answer

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> ClientResponse:
        return await self.ask("POST", path, json=body, **options)

    async def put(self, path: str, body: Any, **options: Any) -> ClientResponse:
        return await self.ask("PUT", path, json=body, **options)

    async def code(self, answer: ClientResponse) -> tuple[int, str]:
        """Status and code of an error, which has a sentence too."""
        told = await answer.json()
        assert set(told) == {"code", "message"}
        assert told["message"]
        return answer.status, told["code"]

    async def socket(self, headers: Mapping[str, str] | None = None) -> Socket:
        told = {**self.headers, **(headers or {})}
        raw = await self.session.ws_connect(self.base + "/ws", headers=told, autoclose=False, compress=15)
        return Socket(raw)


@dataclass
class Rig:
    """The running application and browsers to ask it with."""

    base: str
    services: Services
    media: OutsideMedia
    relay: FakeRelay
    stack: AsyncExitStack
    app: web.Application
    sockets: list[Socket] = field(default_factory=list)  # a page that nobody looks at stays open too

    async def nobody(self) -> Browser:
        session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        return Browser(self.base, await self.stack.enter_async_context(session))

    async def program(self, role: str) -> Browser:
        """Somebody with an API token."""
        browser = await self.nobody()
        token = await self.services.write(self.services.accounts.add_token, f"{role} program", role)
        browser.headers["Authorization"] = f"Bearer {token}"
        return browser

    async def person(self, role: str) -> Browser:
        """Somebody with a session's cookie, and the Origin that a browser sends."""
        browser = await self.nobody()
        if (role, role) not in await self.services.read(self.services.accounts.names):
            await self.services.write(self.services.accounts.add, role, role, PASSWORD)
        secret = await self.services.write(self.services.cookies.open, Actor(role, role))
        browser.session.cookie_jar.update_cookies({"coordinator_session": secret})
        browser.headers["Origin"] = self.base
        return browser

    async def site(self, code: str) -> Browser:
        """A site's browser, come by its link."""
        browser = await self.nobody()
        answer = await browser.get(self.link(code))
        assert answer.status == 303, await answer.text()
        browser.headers["Origin"] = self.base
        return browser

    def lines(self) -> list[Line]:
        """The server's ends of all open control sockets."""
        return list(self.app[LINES].copy())

    def link(self, code: str) -> str:
        return "/join/" + self.services.links.url_for(code).split("/join/")[1]

    async def briefing(self, *steps: str, **fields: Any) -> str:
        """A briefing taken through `steps` ("open", "start", …)."""
        host = await self.program("host")
        made = await host.post("/api/briefings", {"title": "Quán triệt", "kind": "resolution", **fields})
        assert made.status == 201, await made.text()
        briefing = str((await made.json())["id"])
        for step in steps:
            answer = await host.post(f"/api/briefings/{briefing}/{step}")
            assert answer.status == 200, await answer.text()
        return briefing

    async def on_line(self, code: str, briefing: str) -> Socket:
        """A site's page that has joined."""
        socket = await (await self.site(code)).socket()
        self.sockets.append(socket)
        await socket.hello(briefing)
        await socket.get("snapshot")
        return socket

    async def events(self, briefing: str) -> list[str]:
        """What the log holds, by type."""
        recorded = await self.services.read(self.services.reader.events, briefing)
        return [type(one.event).__name__ for one in recorded]

    async def logged(self, briefing: str, wanted: Callable[[list[str]], bool]) -> list[str]:
        """The log, as soon as it is as wanted."""
        return await until(lambda: self.events(briefing), wanted)


async def until(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Looks again and again until what is seen is as wanted."""
    async with asyncio.timeout(WITHIN_S):
        while not wanted(seen := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return seen


@asynccontextmanager
async def running(data: Path, config: Config = CONFIG) -> AsyncIterator[Rig]:
    """The application on a port of its own."""
    async with AsyncExitStack() as stack:
        writer = stack.enter_context(ThreadPoolExecutor(1))
        store = await asyncio.to_thread(Store.open, data)
        stack.callback(store.close)
        media, relay = OutsideMedia(), FakeRelay()
        services = await asyncio.to_thread(partial(_services, data, config, store, writer, media))
        services.relay = relay  # type: ignore[assignment]
        stack.callback(services.reader.close)
        await services.sessions.start()
        stack.push_async_callback(services.sessions.close)
        app = build_app(services)
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        yield Rig(str(server.make_url("")).rstrip("/"), services, media, relay, stack, app)


def _services(
    data: Path, config: Config, store: Store, writer: ThreadPoolExecutor, media: OutsideMedia
) -> Services:
    accounts, links = Accounts(store), Links(store, "http://test")
    admin = Administration(store, accounts, links, [site.code for site in config.sites])
    return Services(
        config=config, data=data, store=store, reader=Reader(data), sessions=Sessions(store, writer, media),
        media=media, accounts=accounts, cookies=Cookies(store), links=links, admin=admin, writer=writer,
        media_keys=KEYS,
    )  # type: ignore[arg-type]  # fmt: skip


async def closed(rig: Rig, briefing: str, reason: str) -> list[str]:
    """Why connections were closed, as soon as one was for this reason."""

    async def reasons() -> list[str]:
        recorded = await rig.services.read(rig.services.reader.events, briefing)
        return [one.event.reason for one in recorded if type(one.event).__name__ == "ConnectionClosed"]

    return await until(reasons, lambda seen: reason in seen)
