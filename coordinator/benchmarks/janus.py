"""Debian's Janus as a server to compare with: VideoRoom over WebSocket, on this machine alone.

Rule 1: it gets a configuration folder and ports of its own, which go with it; nothing installed is changed.
Rule 2: what is not configured here is as Debian ships it; plugins and transports that are not used stay off.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from pathlib import Path

from coordinator.benchmarks.load_janus import ROOM

MISSING = "Janus is not installed here. On Debian: apt-get install --no-install-recommends janus"
USUAL = Path("/usr/bin/janus")
READY_WITHIN_S = 20.0
_PLUGINS = (
    "audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom",
    "videocall", "voicemail",
)  # fmt: skip
_TRANSPORTS = ("http", "pfunix", "mqtt", "nanomsg", "rabbitmq")


def program() -> str:
    """Return where Janus is. Raises RuntimeError, with what to install, where it is not."""
    found = shutil.which("janus") or (str(USUAL) if USUAL.exists() else None)
    if found is None:
        raise RuntimeError(MISSING)
    return found


def write_configuration(folder: Path, port: int, event_loops: int) -> None:
    """Write the files of a Janus whose API is on loopback port `port`; 0 `event_loops`: a thread a peer."""
    off = [f"libjanus_{name}.so" for name in _PLUGINS], [f"libjanus_{name}.so" for name in _TRANSPORTS]
    loops = f"event_loops = {event_loops}" if event_loops else ""
    (folder / "janus.jcfg").write_text(
        f'general: {{\n  configs_folder = "{folder}"\n  debug_level = 2\n  {loops}\n}}\n'
        f'plugins: {{ disable = "{",".join(off[0])}" }}\ntransports: {{ disable = "{",".join(off[1])}" }}\n'
    )
    (folder / "janus.transport.websockets.jcfg").write_text(
        f'general: {{\n  ws = true\n  ws_port = {port}\n  ws_interface = "lo"\n}}\n'
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text(
        f'room-{ROOM}: {{\n  description = "bench"\n  publishers = 200\n}}\n'
    )


@contextlib.asynccontextmanager
async def started_janus(event_loops: int = 0) -> AsyncIterator[tuple[Process, str]]:
    """A Janus in a process of its own, and its address. Raises RuntimeError when none is there or starts."""
    where, port = program(), _free_port()
    with tempfile.TemporaryDirectory() as folder:
        write_configuration(Path(folder), port, event_loops)
        started = await asyncio.create_subprocess_exec(where, "-F", folder, stdin=DEVNULL, stdout=DEVNULL)
        try:
            await _listening(started, port)
            yield started, f"http://127.0.0.1:{port}"
        finally:
            if started.returncode is None:
                started.kill()
            await started.wait()


async def _listening(started: Process, port: int) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while started.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
    raise RuntimeError("Janus did not start")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
