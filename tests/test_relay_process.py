"""The relay is kept running: started again when it dies, ended when not needed, never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator import relay_process
from coordinator.relay_process import RelayProcess, RelaySettings
from tests.session_fakes import until

READY = 'print("relay ready ws://127.0.0.1:4567 udp 7882", flush=True); sys.stdin.read()'


@dataclass(frozen=True, slots=True)
class Script(RelaySettings):
    """A child that runs this Python code instead of the relay."""

    code: str = READY

    def command(self) -> list[str]:
        return [sys.executable, "-c", f"import sys, os\n{self.code}"]


@asynccontextmanager
async def kept(code: str) -> AsyncIterator[tuple[RelayProcess, list[str | None]]]:
    moves: list[str | None] = []
    relay = RelayProcess(Script("APIkey", "secret", 7882, "http://127.0.0.1:1/", code=code), moves.append)
    relay.start()
    try:
        yield relay, moves
    finally:
        await relay.stop()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_it_is_told_the_turn_servers_and_no_secret_on_its_command_line() -> None:
    shared = RelaySettings(
        "APIkey", "hidden-1", 7882, "http://x/", turn_urls=("turn:a", "turns:b"), turn_secret="hidden-2"
    )
    fixed = RelaySettings("APIkey", "hidden-1", 7882, "http://x/", None, ("turn:a",), "", "hall", "hidden-3")

    assert shared.command()[-4:] == ["--turn-url", "turn:a", "--turn-url", "turns:b"]
    assert shared.secrets()["COORDINATOR_TURN_SECRET"] == "hidden-2"
    assert fixed.command()[-2:] == ["--turn-username", "hall"]
    assert fixed.secrets()["COORDINATOR_TURN_CREDENTIAL"] == "hidden-3"
    assert "hidden" not in " ".join(shared.command() + fixed.command())


async def test_its_address_is_known_when_it_is_ready() -> None:
    async with kept(READY) as (relay, moves):
        assert relay.state == "starting"
        assert await relay.settled(10)

        assert (relay.state, relay.url, relay.udp_port) == ("ok", "http://127.0.0.1:4567", 7882)
        assert moves == ["ws://127.0.0.1:4567"]


async def test_a_killed_relay_is_back_within_a_moment_and_both_are_told() -> None:
    async with kept(READY) as (relay, moves):
        assert await relay.settled(10)
        assert relay.pid is not None
        os.kill(relay.pid, signal.SIGKILL)
        await until(lambda: len(moves) == 3)

        assert moves == ["ws://127.0.0.1:4567", None, "ws://127.0.0.1:4567"]
        assert relay.starts == 2


async def test_a_relay_that_cannot_start_is_a_failed_part_and_tried_again_after_pauses() -> None:
    async with kept("sys.exit(1)") as (relay, moves):
        assert not await relay.settled(10)
        assert (relay.state, relay.url, moves) == ("failed", None, [])
        await until(lambda: relay.starts >= 3)


async def test_one_that_is_never_ready_is_ended_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_process, "READY_WITHIN_S", 0.3)
    async with kept("sys.stdin.read()") as (relay, _moves):
        await until(lambda: relay.starts >= 2)
        assert relay.url is None


ANSWERING = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print(f"relay ready ws://127.0.0.1:{server.server_port} udp 7882", flush=True)
server.serve_forever()
"""


async def test_one_that_lives_but_answers_nobody_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_process, "PROBE_EVERY_S", 0.1)
    monkeypatch.setattr(relay_process, "PROBE_WITHIN_S", 1.0)
    async with kept(ANSWERING) as (relay, moves):
        assert await relay.settled(10)
        await asyncio.sleep(0.5)
        assert relay.starts == 1  # it answers, so it lives
        assert relay.pid is not None
        os.kill(relay.pid, signal.SIGSTOP)
        await until(lambda: len(moves) == 3, within_s=10)


async def test_stopping_ends_it_even_where_it_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_process, "STOP_WITHIN_S", 0.3)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); " + READY + "; time.sleep(60)"
    async with kept(deaf) as (relay, _moves):
        assert await relay.settled(10)
        pid = relay.pid
    assert pid is not None
    await until(lambda: not is_running(pid))


async def test_its_input_closes_when_its_parent_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = f'open({str(pid_file)!r}, "w").write(str(os.getpid())); {READY}'
    parent_code = f"""
import asyncio
from tests.test_relay_process import kept
async def main():
    async with kept({child!r}) as (relay, moves):
        await relay.settled(10)
        print("up", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent_code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        assert await parent.stdout.readline() == b"up\n"
    pid = int(pid_file.read_text())
    parent.kill()
    await parent.wait()

    await until(lambda: not is_running(pid))


def test_the_secret_is_not_on_the_command_line() -> None:
    command = RelaySettings("APIkey", "secret", 7882, "http://127.0.0.1:8080/w", "203.0.113.5").command()

    assert "secret" not in command
    assert command[1:] == [
        "-m", "coordinator", "relay", "--host", "127.0.0.1", "--port", "0",
        "--udp-host", "0.0.0.0", "--udp-port", "7882", "--webhook", "http://127.0.0.1:8080/w",
        "--watch-stdin", "--public-ip", "203.0.113.5",
    ]  # fmt: skip
