"""The built-in relay as a child process: started, watched, started again.

Rule 1: it is `python -m coordinator relay`, spoken to over HTTP only; its keys go in the environment.
Rule 2: its standard input stays open as long as this process lives: when this one is killed, it ends too.
Rule 3: only this process calls it over TCP (the web forwards browsers); media comes from everywhere.
Rule 4: when it ends it is started again, first at once, then after longer and longer pauses.
Rule 5: one that lives but answers nobody is ended, so that rule 4 holds for it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
HEALTHY_AFTER_S = 20.0  # a relay that ran this long starts the pauses from the beginning
READY_WITHIN_S = 15.0
PROBE_EVERY_S = 5.0
PROBE_WITHIN_S = 3.0
DEAF_PROBES = 3
LEAVE_WITHIN_S = 0.5  # by itself, when its input closes
STOP_WITHIN_S = 3.0
_READY = re.compile(r"relay ready (ws://\S+) udp (\d+)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`webhook`: http address that takes its news; `public_ip`: the address it announces (None: its own).

    `turn_urls`: servers that clients are told, with the secret shared with them or fixed credentials.
    """

    key: str
    secret: str
    udp_port: int
    webhook: str
    public_ip: str | None = None
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = ""
    turn_username: str = ""
    turn_credential: str = ""

    def command(self) -> list[str]:
        """The child's command line, without secrets."""
        command = [sys.executable, "-m", "coordinator", "relay", "--host", "127.0.0.1", "--port", "0"]
        command += ["--udp-host", "0.0.0.0", "--udp-port", str(self.udp_port)]
        command += ["--webhook", self.webhook, "--watch-stdin"]
        command += ["--public-ip", self.public_ip] if self.public_ip else []
        command += [word for url in self.turn_urls for word in ("--turn-url", url)]
        return command + (["--turn-username", self.turn_username] if self.turn_username else [])

    def secrets(self) -> dict[str, str]:
        """What the child is told through its environment."""
        told = {"LIVEKIT_API_KEY": self.key, "LIVEKIT_API_SECRET": self.secret}
        told |= {"COORDINATOR_TURN_SECRET": self.turn_secret} if self.turn_secret else {}
        return told | ({"COORDINATOR_TURN_CREDENTIAL": self.turn_credential} if self.turn_credential else {})


class RelayProcess:
    """The child and its watcher."""

    def __init__(self, settings: RelaySettings, moved: Callable[[str | None], None]) -> None:
        """`moved(url)` is called with ws://127.0.0.1:port when the relay is ready, None when it has ended."""
        self.state = "starting"  # starting | ok | failed
        self.starts = 0
        self.udp_port: int | None = None
        self._settings = settings
        self._moved = moved
        self._ws_url: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()

    @property
    def url(self) -> str | None:
        """http://127.0.0.1:port, None while it is down."""
        return self._ws_url.replace("ws://", "http://", 1) if self._ws_url else None

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begins to keep a relay running; returns at once."""
        self._watcher = asyncio.create_task(self._keep(), name="relay watcher")

    async def settled(self, within_s: float) -> bool:
        """Waits until it is ready or has failed once; True if it is ready."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._settled.wait()
        return self._ws_url is not None

    async def stop(self) -> None:
        """Ends the child, gently first."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        self._ws_url = None

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                code = await self._run_once()
                _log.warning("the relay has ended with code %s", code)
            except OSError as problem:
                _log.error("the relay could not be started: %s", problem)
            if loop.time() - began > HEALTHY_AFTER_S:
                pause = FIRST_PAUSE_S
            if self._ws_url is None:  # it never got ready
                self.state = "failed"
                self._settled.set()
            else:
                self.state = "starting"
                self._ws_url = None
                self._moved(None)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _run_once(self) -> int | None:
        """Starts the child and waits for its end; returns its exit code."""
        pipe = asyncio.subprocess.PIPE
        environment = os.environ | self._settings.secrets()
        environment.pop("LIVEKIT_URL", None)
        self.starts += 1
        process = self._process = await asyncio.create_subprocess_exec(
            *self._settings.command(), stdin=pipe, stdout=pipe, env=environment, start_new_session=True
        )  # fmt: skip
        probing = asyncio.create_task(self._probe(process))
        try:
            await self._listen(process)
        finally:
            probing.cancel()
            await _end(process)
            self._process = None
        return process.returncode

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Reads what the child prints, until it closes its output; it must be ready within 15 s."""
        assert process.stdout is not None
        ready = False
        try:
            async with asyncio.timeout(READY_WITHIN_S) as limit:
                while line := await process.stdout.readline():
                    text = line.decode(errors="replace").rstrip()
                    found = None if ready else _READY.search(text)
                    if found is None:
                        _log.info("relay: %s", text)
                        continue
                    ready = True
                    limit.reschedule(None)
                    self._is_ready(found[1], int(found[2]))
        except TimeoutError:
            _log.error("the relay was not ready within %d s", READY_WITHIN_S)

    async def _probe(self, process: asyncio.subprocess.Process) -> None:
        """Asks from time to time whether it still answers; a deaf one is killed."""
        failed = 0
        while failed < DEAF_PROBES:
            await asyncio.sleep(PROBE_EVERY_S)
            if self.url is not None:
                failed = 0 if await _answers(self.url) else failed + 1
        _log.error("the relay answers nobody and is ended")
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    def _is_ready(self, ws_url: str, udp_port: int) -> None:
        self._ws_url, self.udp_port, self.state = ws_url, udp_port, "ok"
        _log.info("the relay is ready at %s, UDP port %d", ws_url, udp_port)
        self._settled.set()
        self._moved(ws_url)


async def _answers(url: str) -> bool:
    """Does anything come back for an HTTP request? What it says does not matter."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                return bool(await reader.read(1))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes its input, then asks it to end, then ends it."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    for how, within_s in ((None, LEAVE_WITHIN_S), (signal.SIGTERM, STOP_WITHIN_S), (signal.SIGKILL, None)):
        if how is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await process.wait()
                return
