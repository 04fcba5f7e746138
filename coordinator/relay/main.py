"""A relay as a process: start, serve, stop.

Rule 1: it says "relay ready ws://HOST:PORT udp PORT" on standard output once it can be used, and no more.
Rule 2: on SIGUSR1 it takes no new rooms, and stops once the last participant has left.
Rule 3: at the end (SIGTERM, SIGINT, or with `watch_stdin` the end of standard input) everybody is told to
come back to the next relay, and it exits with 0: no orphan keeps the UDP port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aiohttp import web

from .forwarding import engine
from .media_loop import new_loop
from .options import RelayOptions, announced_addresses, bind_address, in_url, is_address
from .rooms import Context, Rooms, spawner
from .server import make_app
from .ticker import DutyTicker, Ticker
from .transport import make_certificate, self_test
from .turn import Turn
from .udp_mux import UdpMux
from .webhooks import Webhooks

logger = logging.getLogger(__name__)

MEDIA_TICK_S = 0.02
ROOM_TICK_S = 0.25
FAREWELL_S = 1.0
TURN_SECRET, TURN_CREDENTIAL = "COORDINATOR_TURN_SECRET", "COORDINATOR_TURN_CREDENTIAL"
MAX_URL_BYTES = 65_536
"""A first offer comes inside the URL of the signalling socket."""


async def run_relay(options: RelayOptions) -> None:
    """Serve until told to stop. Raises OSError when a port cannot be had, RuntimeError from `self_test`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
    async with relay(options) as running:
        if options.watch_stdin:
            _watch_stdin(stop)
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(signal.SIGUSR1, _drain, running.rooms)
        print(
            f"relay ready ws://{in_url(options.host)}:{running.port} udp {running.rooms.mux.port}", flush=True
        )
        emptied = asyncio.create_task(_emptied(running.rooms, stop))
        await stop.wait()
        emptied.cancel()


def _drain(rooms: Rooms) -> None:
    logger.info("draining: no new rooms; the relay stops when the last participant has left")
    rooms.draining = True


async def _emptied(rooms: Rooms, stop: asyncio.Event) -> None:
    """Set `stop` when a draining relay is empty."""
    while not (rooms.draining and not rooms.everybody()):  # noqa: ASYNC110 (looked at twice a second)
        await asyncio.sleep(0.5)
    stop.set()


@dataclass(frozen=True)
class Running:
    """A relay that serves: its real TCP port and its rooms."""

    port: int
    rooms: Rooms


@contextlib.asynccontextmanager
async def relay(options: RelayOptions) -> AsyncIterator[Running]:
    """Run a relay inside this event loop."""
    self_test()
    logger.info("media plane: %s", engine.NAME)
    mux = UdpMux()
    mux.open(bind_address(options.media_host), options.udp_port)
    spawn, running = spawner()
    webhooks = _webhooks(options)
    addresses = announced_addresses(options.media_host, options.public_ip)
    context = Context(mux, make_certificate(), options.keys, addresses, spawn, options.turn)
    rooms = Rooms(webhooks.on_event if webhooks else lambda *event: None, context)
    runner = web.AppRunner(
        make_app(rooms, options.keys),
        access_log=None,
        shutdown_timeout=FAREWELL_S,
        max_line_size=MAX_URL_BYTES,
    )
    ticking: list[Ticker | DutyTicker] = [
        DutyTicker(context.duties, MEDIA_TICK_S),
        Ticker(rooms.tick_rooms, ROOM_TICK_S),
    ]
    try:
        if webhooks:
            await webhooks.start()
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        yield Running(runner.addresses[0][1], rooms)
    finally:
        rooms.shut_down()
        for ticker in ticking:
            ticker.stop()
        if running:
            await asyncio.wait(set(running), timeout=FAREWELL_S)
        await runner.cleanup()
        mux.close()
        if webhooks:
            await webhooks.close()


def _webhooks(options: RelayOptions) -> Webhooks | None:
    if not options.webhook or not options.keys:
        return None
    key, secret = next(iter(options.keys.items()))
    return Webhooks(options.webhook, key, secret)


def _watch_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        try:
            ended = not os.read(descriptor, 4096)
        except OSError:
            ended = True
        if ended:
            loop.remove_reader(descriptor)
            stop.set()

    try:
        loop.add_reader(descriptor, readable)
    except (OSError, ValueError):
        stop.set()  # a standard input that cannot be watched (a file, /dev/null) is at its end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the relay's options to a parser."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=7880, help="TCP port for signalling (default 7880)")
    parser.add_argument(
        "--udp-port", type=int, default=7882, help="the one UDP port for media (default 7882)"
    )
    parser.add_argument("--udp-host", help="address to receive media on (default: as --host)")
    parser.add_argument("--public-ip", help="address under which clients reach this machine, behind a NAT")
    parser.add_argument(
        "--turn-url", action="append", default=[], metavar="URL",
        help="turn:… or turns:… server for networks that block UDP (may be given again)",
    )  # fmt: skip
    parser.add_argument(
        "--turn-secret-env", default=TURN_SECRET, metavar="NAME",
        help=f"variable with the secret shared with it (default {TURN_SECRET})",
    )  # fmt: skip
    parser.add_argument("--turn-username", default="", help="a fixed user name, instead of a shared secret")
    parser.add_argument(
        "--turn-credential-env", default=TURN_CREDENTIAL, metavar="NAME",
        help=f"variable with its password (default {TURN_CREDENTIAL})",
    )  # fmt: skip
    parser.add_argument("--webhook", metavar="URL", help="where to send signed webhooks")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input closes")


def options_from(arguments: argparse.Namespace) -> RelayOptions:
    """Make options of parsed arguments and LIVEKIT_API_KEY / LIVEKIT_API_SECRET. Raises ValueError."""
    key, secret = os.environ.get("LIVEKIT_API_KEY", ""), os.environ.get("LIVEKIT_API_SECRET", "")
    if not key or not secret:
        raise ValueError("set LIVEKIT_API_KEY and LIVEKIT_API_SECRET: tokens are checked with them")
    if arguments.public_ip and not is_address(arguments.public_ip):
        raise ValueError(f"--public-ip: {arguments.public_ip} is not an IP address")
    return RelayOptions(
        arguments.host, arguments.port, arguments.udp_port, arguments.public_ip, arguments.webhook,
        arguments.watch_stdin, {key: secret}, arguments.udp_host, _turn(arguments),
    )  # fmt: skip


def _turn(arguments: argparse.Namespace) -> Turn | None:
    urls = tuple(arguments.turn_url)
    if not urls:
        return None
    if not all(url.startswith(("turn:", "turns:")) for url in urls):
        raise ValueError("--turn-url: an address begins with turn: or turns:")
    secret, username = os.environ.get(arguments.turn_secret_env, ""), arguments.turn_username
    credential = os.environ.get(arguments.turn_credential_env, "")
    if not secret and not (username and credential):
        raise ValueError(f"--turn-url: set {arguments.turn_secret_env} to the secret shared with the server")
    return Turn(urls, secret, username, credential)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the relay alone; returns the exit code (0 stopped, 1 could not run, 2 wrong use)."""
    parser = argparse.ArgumentParser(prog="coordinator relay", description="A LiveKit-compatible relay.")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    gc.freeze()  # what is imported stays: no collection need look at it
    try:
        options = options_from(arguments)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run_relay(options))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as error:
        print(f"the relay could not run: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
