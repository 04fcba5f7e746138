"""Builds the parts of `serve`, plugs them together, runs them, and takes them down again.

Rule 1: the configuration is read before any port opens, and the port is taken before anything is written.
Rule 2: parts come up in the order storage, sessions, web, and go down in reverse: every open interval is
ended in the log before the log is closed.
Rule 3: neither the relay nor its absence keeps the attendance from starting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from coordinator import __version__, catalogue, clock, config
from coordinator.config import Config
from coordinator.domain.errors import ConfigError, CoordinatorError
from coordinator.domain.events import SYSTEM, SYSTEM_CHAIN, ServerStarted
from coordinator.media import Media
from coordinator.options import Listening, ServeOptions, settled
from coordinator.relay_process import RelayProcess, RelaySettings
from coordinator.services import Services
from coordinator.session import Sessions
from coordinator.storage import Reader, Store, channel, keys
from coordinator.storage.accounts import Accounts
from coordinator.storage.admin import Administration
from coordinator.storage.cookies import Cookies
from coordinator.storage.links import Links
from coordinator.web import AccessLogger, build_app

STOP_WITHIN_S = 10.0
IDLE_S = 30.0  # how long a connection may take over the head of a request; aiohttp's own limit is an hour

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before anything runs."""

    options: ServeOptions
    config: Config
    listening: Listening
    listener: socket.socket
    tls: ssl.SSLContext | None
    inner: socket.socket | None  # where the relay brings its news, if not to `listener`: with TLS

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])


def serve(options: ServeOptions) -> int:
    """Runs the server until it is asked to stop (SIGTERM, SIGINT).

    Returns:
        0 stopped as asked; 1 it could not start (port or folder in use, disk); 2 a bad configuration.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        start = prepare(options)
    except ConfigError as problem:
        _tell(problem)
        return 2
    except CoordinatorError as problem:
        _tell(problem)
        return 1
    try:
        asyncio.run(run(start))
    except CoordinatorError as problem:
        _tell(problem)
        return 1
    return 0


def prepare(options: ServeOptions) -> Start:
    """Raises ConfigError, or CoordinatorError (port_in_use, port_refused)."""
    found = config.load(options.config)
    listening = settled(options, found.server)
    tls = tls_context(listening)
    listener = listen(listening.host, listening.port)
    inner = listen("127.0.0.1", 0) if tls is not None else None  # our certificate is not for 127.0.0.1
    if listening.port == 0 and found.server.public_url is None:
        actual = replace(listening, port=int(listener.getsockname()[1]))
        listening = settled(replace(options, port=actual.port), found.server)
    return Start(options, found, listening, listener, tls, inner)


def tls_context(listening: Listening) -> ssl.SSLContext | None:
    if listening.tls_cert is None and listening.tls_key is None:
        return None
    if listening.tls_cert is None or listening.tls_key is None:
        raise ConfigError("tls_incomplete")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(listening.tls_cert, listening.tls_key)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigError(
            "tls_unusable", cert=str(listening.tls_cert), key=str(listening.tls_key), problem=str(problem)
        ) from problem
    return context


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except (OSError, OverflowError) as problem:
        listener.close()
        in_use = getattr(problem, "errno", None) == 98
        raise CoordinatorError(
            "port_in_use" if in_use else "port_refused", host=host, port=port, problem=str(problem)
        ) from problem
    listener.setblocking(False)
    return listener


async def run(start: Start) -> None:
    """Runs the prepared server until SIGTERM or SIGINT.

    Raises:
        StorageError: the data folder is in use or cannot be written.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    async with AsyncExitStack() as parts:
        services, first_login = await _bring_up(start, parts)
        _greet(start, services, first_login)
        await stop.wait()
        _log.info("stopping: every open interval ends now")


async def _bring_up(start: Start, parts: AsyncExitStack) -> tuple[Services, tuple[str, str] | None]:
    """Starts every part and leaves its end on `parts`."""
    parts.callback(start.listener.close)
    if start.inner is not None:
        parts.callback(start.inner.close)
    writer = parts.enter_context(ThreadPoolExecutor(1, "writer"))
    store = await parts.enter_async_context(_storage(start.options.data, writer))
    services, first_login = await _in_writer(writer, _services, start, store, writer)
    parts.callback(services.reader.close)
    parts.push_async_callback(services.media.close)
    services.relay = await parts.enter_async_context(_relay(start, services))
    await services.sessions.start()
    await parts.enter_async_context(_web(start, services))
    parts.push_async_callback(services.sessions.close)  # before the web goes: screens are told
    await parts.enter_async_context(_channel(services))
    return services, first_login


def _services(start: Start, store: Store, writer: Executor) -> tuple[Services, tuple[str, str] | None]:
    """Builds what needs no event loop to run; in the writer thread."""
    outside = start.options.livekit
    if outside is not None:
        media_keys = (outside.api_key, outside.api_secret)
    else:
        own = keys.media_keys(start.options.data)
        media_keys = (own.api_key, own.api_secret)
    outside_url = outside.url if outside is not None else None
    media = Media(*media_keys, outside_url=outside_url)
    accounts, links = Accounts(store), Links(store, start.listening.public_url)
    admin = Administration(store, accounts, links, [site.code for site in start.config.sites])
    sessions = Sessions(
        store, writer, media, outside_url=outside_url, public_url=start.config.server.public_url
    )  # fmt: skip
    services = Services(
        config=start.config, data=start.options.data, store=store, reader=Reader(start.options.data),
        sessions=sessions, media=media, accounts=accounts, cookies=Cookies(store), links=links, admin=admin,
        writer=writer, media_keys=media_keys, public_url=start.listening.public_url,
        secure_cookies=start.tls is not None,
    )  # fmt: skip
    return services, admin.first_run()


async def _in_writer(writer: Executor, call: Any, *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(writer, partial(call, *args))


@asynccontextmanager
async def _storage(data: Path, writer: Executor) -> AsyncIterator[Store]:
    store = await _in_writer(writer, Store.open, data)
    try:
        happened = [(ServerStarted(__version__), clock.now(), SYSTEM)]
        await _in_writer(writer, store.append, SYSTEM_CHAIN, happened)
        yield store
    finally:
        await _in_writer(writer, store.close)


@asynccontextmanager
async def _relay(start: Start, services: Services) -> AsyncIterator[RelayProcess | None]:
    """The built-in relay, starting; nobody waits for it."""
    if start.options.livekit is not None:
        yield None
        return

    def moved(url: str | None) -> None:
        services.media.move(url)
        services.sessions.media_moved()

    settings = RelaySettings(
        *services.media_keys, start.listening.udp_port,
        webhook=f"http://{_webhook_address(start)}/webhooks/livekit",
        public_ip=start.listening.public_ip, **_turn(start.config),
    )  # fmt: skip
    relay = RelayProcess(settings, moved)
    relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


def _turn(config: Config) -> dict[str, Any]:
    turn = config.media.turn
    if turn is None:
        return {}
    return {
        "turn_urls": turn.urls, "turn_secret": turn.secret, "turn_username": turn.username,
        "turn_credential": turn.credential,
    }  # fmt: skip


def _webhook_address(start: Start) -> str:
    """Host and port at which this process takes the relay's news, without TLS."""
    host, port = (start.inner or start.listener).getsockname()[:2]
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{own}]:{port}" if ":" in own else f"{own}:{port}"


def runner_of(services: Services, idle_s: float = IDLE_S) -> web.AppRunner:
    """The web server, not yet listening; who says nothing whole for `idle_s` seconds is let go."""
    return web.AppRunner(
        build_app(services),
        access_log_class=AccessLogger,
        access_log=logging.getLogger("coordinator.access"),
        shutdown_timeout=2.0,
        keepalive_timeout=idle_s,
    )


@asynccontextmanager
async def _web(start: Start, services: Services) -> AsyncIterator[None]:
    runner = runner_of(services)
    await runner.setup()
    try:
        await web.SockSite(runner, start.listener, ssl_context=start.tls, backlog=256).start()
        if start.inner is not None:
            await web.SockSite(runner, start.inner).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _channel(services: Services) -> AsyncIterator[None]:
    """Commands write through here while the server holds the folder; a rotated link closes its screens."""
    loop = asyncio.get_running_loop()

    def rotated(code: str) -> None:
        asyncio.run_coroutine_threadsafe(services.sessions.revoke(code), loop)

    async def handle(request: Mapping[str, Any]) -> dict[str, Any]:
        return await services.write(services.admin.handle, request)

    services.admin.on_link_rotated = rotated
    server = await channel.serve(services.data, handle)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(OSError):
            channel.remove(services.data)


# what is printed -----------------------------------------------------------------------------


def _greet(start: Start, services: Services, first_login: tuple[str, str] | None) -> None:
    """Prints where the server is, the first login (once), how to get the site links, and warnings."""
    lines = [f"Máy chủ điều phối đã chạy / The coordinator is running: {start.listening.public_url}"]
    if first_login is not None:
        name, password = first_login
        lines += [
            "Tài khoản điều hành, chỉ hiện một lần / The host's login, shown only once:",
            f"  tên / name: {name}",
            f"  mật khẩu / password: {password}",
        ]
    lines.append(f"Đường dẫn cho các điểm cầu / The sites' links: {_links_command(start.options)}")
    address = start.listening.public_ip or _outward_address()
    if services.relay is not None and address is None:
        lines.append(
            "Chú ý: máy này không có địa chỉ mạng nào ngoài 127.0.0.1; trình duyệt ở máy khác (và Firefox)"
            " sẽ không nhận được hình và tiếng. Hãy nối mạng hoặc dùng --public-ip."
        )
        lines.append(
            "Note: this machine has no network address but 127.0.0.1; browsers elsewhere (and Firefox) will"
            " get neither picture nor sound. Connect it to a network, or use --public-ip."
        )
    print("\n".join(lines), flush=True)


def _links_command(options: ServeOptions) -> str:
    program = sys.argv[0] if Path(sys.argv[0]).name == "coordinator" else "coordinator"
    return f"{program} links --config {options.config} --data {options.data}"


def _outward_address() -> str | None:
    """This machine's own address towards the network, None where it has only loopback. Sends nothing."""
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found = str(probe.getsockname()[0])
        except OSError:
            continue
        if not found.startswith("127.") and found != "::1":
            return found
    return None


def _tell(problem: CoordinatorError) -> None:
    """Prints why it cannot run."""
    print(catalogue.from_environment().sentence(problem), file=sys.stderr)
