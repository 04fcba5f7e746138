"""Commands write through the running server; what goes wrong there is told here."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from coordinator.domain.errors import Refusal, StorageError
from coordinator.domain.events import SYSTEM_CHAIN, Downloaded
from coordinator.storage import Store, channel
from coordinator.storage.accounts import Accounts
from coordinator.storage.admin import Administration
from coordinator.storage.links import Links


@pytest.fixture
def administration(store: Store) -> Administration:
    return Administration(store, Accounts(store), Links(store, "http://hop"), ["alfa"])


@pytest.fixture
async def serving(store: Store, data: Path, administration: Administration) -> AsyncIterator[Path]:
    async def handle(request: Mapping[str, Any]) -> dict[str, Any]:
        if request.get("do") == "fail":
            raise StorageError("disk_full", data="var")
        return await asyncio.to_thread(administration.handle, request)

    server = await channel.serve(data, handle)
    yield data
    server.close()
    channel.remove(data)


async def ask(data: Path, **request: object) -> Any:
    return await asyncio.to_thread(channel.call, data, request)


async def test_a_command_is_done_by_the_server(serving: Path, store: Store) -> None:
    reply = await ask(serving, do="add_token", name="bot", role="staff")

    found = Accounts(store).by_token(reply["result"])
    assert found is not None
    assert found.name == "bot"


async def test_the_servers_errors_are_raised_at_the_caller(serving: Path) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(serving, do="rotate_link", code="bravo")
    assert (refused.value.code, refused.value.details) == ("unknown_site", {"site": "bravo"})

    with pytest.raises(StorageError) as failed:
        await ask(serving, do="fail")
    assert (failed.value.code, failed.value.details) == ("disk_full", {"data": "var"})


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": "close"},
        {"do": "__init__"},
        {"do": ["add_user"]},
        {"do": "add_token", "name": 1, "role": "host"},
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(serving: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(serving, **request_)
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize(
    "line", [b"\n", b"nonsense\n", b"[]\n", b"[" * 60_000 + b"\n", b"x" * 200_000, b"\xff\n"]
)
async def test_junk_is_answered_and_the_server_goes_on(serving: Path, line: bytes) -> None:
    def throw() -> bytes:
        with socket.socket(socket.AF_UNIX) as thrower:
            thrower.settimeout(10)
            thrower.connect(str(serving / channel.SOCKET))
            try:
                thrower.sendall(line)
                return thrower.recv(1000)
            except (BrokenPipeError, ConnectionResetError):
                return b""

    answer = await asyncio.to_thread(throw)
    assert b"bad_request" in answer or answer == b""
    assert (await ask(serving, do="public_url"))["result"] == "http://hop"


async def test_the_socket_is_private(serving: Path) -> None:
    assert stat.S_IMODE((serving / channel.SOCKET).stat().st_mode) == 0o600


def test_nobody_serves_without_a_socket_or_behind_an_old_one(data: Path) -> None:
    assert channel.call(data, {}) is None
    data.mkdir()
    assert channel.call(data, {}) is None
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(data / channel.SOCKET))
    assert channel.call(data, {"do": "public_url"}) is None


async def test_a_folder_too_deep_for_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["rather-long-name"] * 10)
    deep.mkdir(parents=True)

    async def echo(request: Mapping[str, Any]) -> dict[str, Any]:
        return dict(request)

    server = await channel.serve(deep, echo)
    assert await ask(deep, tiếng="Việt") == {"tiếng": "Việt"}
    server.close()


def test_a_rotation_is_told_to_the_server(administration: Administration) -> None:
    told: list[str] = []
    administration.on_link_rotated = told.append
    url = administration.rotate_link("alfa")
    assert told == ["alfa"]
    assert url.startswith("http://hop/join/alfa?k=")


def test_the_first_run_makes_the_host_once(administration: Administration, store: Store) -> None:
    made = administration.first_run()
    assert made is not None
    assert Accounts(store).log_in(*made, "10.0.0.1").role == "host"
    assert administration.first_run() is None


def test_a_download_is_on_record(administration: Administration, store: Store) -> None:
    administration.handle({"do": "note_download", "what": "x.csv", "about": "b1", "actor": "lan"})
    (written,) = store.events(SYSTEM_CHAIN)
    assert (written.event, written.actor) == (Downloaded("x.csv", "b1"), "lan")
