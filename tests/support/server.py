"""The real server as a child process, on free ports and a folder of its own.

Rule 1: nothing is mocked: command line, relay process, SQLite and sockets are those of a deployment.
Rule 2: what was started is ended, by its own process id, also where a test fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`python -m coordinator serve` with 25 sites; `base` is its address.

    `host` is the address it listens on and announces, `prefix` the words that start it elsewhere, as in a
    network namespace; `media` is that part of its sites.yaml.
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        prefix: tuple[str, ...] = (),
        media: dict[str, Any] | None = None,
    ) -> None:
        self._host, self._prefix, self._media = host, list(prefix), media
        self.data = folder / "var"
        self.port = free_port()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.base = f"http://{host}:{self.port}"
        self.log = folder / "server.log"
        self._config = folder / "sites.yaml"
        self._links: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._write_config()

    def _write_config(self) -> None:
        config = yaml.safe_load((ROOT / "config" / "sites.yaml").read_text("utf-8"))
        config["server"] = (config.get("server") or {}) | {"public_url": self.base}
        config["media"] = self._media or config["media"]
        self._config.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")

    async def start(self) -> None:
        """Starts it and waits until it and its relay answer."""
        self._spawn()
        await until("the server answers /healthz", self._healthy, within_s=30)

    def _spawn(self) -> None:
        ports = ("--port", str(self.port), "--udp-port", str(self.udp_port))
        listening = ("--host", self._host, *ports, "--public-ip", self._host)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *self._command("serve", *listening)],
                stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=_environment(),
            )  # fmt: skip

    def _command(self, name: str, *options: str) -> list[str]:
        common = ["--data", str(self.data), "--config", str(self._config)]
        return [sys.executable, "-m", "coordinator", name, *common, *options]

    async def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended at once:\n{self.told()}"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2)) as client:
                answer = await client.get(f"{self.base}/healthz")
                return answer.status == 200
        return False

    def told(self) -> str:
        """All that it printed so far."""
        return self.log.read_text("utf-8", errors="replace")

    def run(self, name: str, *options: str, given: str = "") -> str:
        """Another command on the same data, beside the server; its standard output."""
        done = subprocess.run(
            self._command(name, *options), input=given, capture_output=True, text=True, timeout=30, cwd=ROOT,
            env=_environment(), check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    def links(self) -> dict[str, str]:
        """The sites' own links by code, asked for once."""
        if not self._links:
            self._links = {entry["code"]: entry["url"] for entry in json.loads(self.run("links", "--json"))}
        return self._links

    def printed_login(self) -> tuple[str, str]:
        """(name, password) as the first start printed them for the host."""
        name, password = (
            re.search(rf"^ .*{word}: (\S+)$", self.told(), re.M) for word in ("name", "password")
        )
        assert name and password, f"no login in:\n{self.told()}"
        return name[1], password[1]

    def children(self) -> dict[int, str]:
        """Its child processes: {pid: command line}."""
        assert self._process is not None
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return {int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in listed}

    def relay_pid(self) -> int:
        """The relay's process id."""
        pids = [pid for pid, line in self.children().items() if " relay" in line]
        assert len(pids) == 1, self.children()
        return pids[0]

    def kill(self) -> None:
        """SIGKILL: the server cannot tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an administrator stops it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=5)
            raise
        finally:
            self._process = None


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("COORDINATOR_", "LIVEKIT_"))
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


async def api(server: Server, token: str, method: str, path: str, body: Any = None) -> Any:
    """One call of the JSON API; the decoded answer, AssertionError where it is not 2xx."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client,
        client.request(method, f"{server.base}{path}", json=body) as answer,
    ):
        text = await answer.text()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
        return json.loads(text) if "json" in answer.content_type else text
