"""The Unix socket in the data folder: commands write through the running server, which holds the lock.

Rule 1: only the folder's owner reaches it (folder 0700, socket 0600).
Rule 2: one JSON line in, one JSON line out, then it closes; lines, callers and waits are bounded.
Rule 3: an error travels as its code and details and is raised again at the caller's.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coordinator.domain.errors import CoordinatorError, Refusal, StorageError

SOCKET = "coordinator.sock"
_LONGEST = 65_536
_WAIT_S = 15.0
_CALLERS = 8

Handler = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


@contextmanager
def _short_path(data: Path) -> Iterator[str]:
    """A name of the socket within the 107 bytes a socket address has, however deep the folder is."""
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


async def serve(data: Path, handler: Handler) -> asyncio.Server:
    """Opens the socket; to be called by who holds the folder's lock. Close the server, then `remove(data)`.

    `handler` gets each request and returns the reply; a CoordinatorError of its is told to the caller.

    Raises:
        StorageError: data_unusable.
    """
    listener = _listen(data)
    places = asyncio.Semaphore(_CALLERS)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with places:
            try:
                async with asyncio.timeout(_WAIT_S):
                    reply = await _reply(await _line(reader), handler)
                    writer.write(json.dumps(reply).encode() + b"\n")
                    await writer.drain()
            except (OSError, TimeoutError):
                return  # the caller went away or took too long
            finally:
                writer.close()

    return await asyncio.start_unix_server(answer, sock=listener, limit=_LONGEST)


def _listen(data: Path) -> socket.socket:
    remove(data)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(data) as path:
            listener.bind(path)
            Path(path).chmod(0o600)
    except OSError as problem:
        listener.close()
        raise StorageError("data_unusable", data=str(data), problem=problem.strerror or "?") from problem
    return listener


def remove(data: Path) -> None:
    """Takes the socket's file away, where there is one."""
    (data / SOCKET).unlink(missing_ok=True)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:  # over the limit
        return b""


def _request(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise Refusal("bad_request", field="")
    return request


async def _reply(line: bytes, handler: Handler) -> dict[str, Any]:
    try:
        return {"ok": await handler(_request(line))}
    except CoordinatorError as problem:
        kind = "StorageError" if isinstance(problem, StorageError) else "Refusal"
        details = {name: str(value) for name, value in problem.details.items()}
        return {"kind": kind, "code": problem.code, "details": details}


def call(data: Path, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Asks the running server; None where none serves this folder.

    Raises:
        Refusal, StorageError: the server's own, or StorageError server_silent where it gives no answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(_WAIT_S)
        try:
            with _short_path(data) as path:
                caller.connect(path)
        except OSError:
            return None
        try:
            caller.sendall(json.dumps(dict(request)).encode() + b"\n")
            with caller.makefile("rb") as file:
                reply = json.loads(file.readline(16 * _LONGEST))
        except (OSError, ValueError) as problem:
            raise StorageError("server_silent", data=str(data)) from problem
    if "ok" in reply:
        found: dict[str, Any] = reply["ok"]
        return found
    raise (StorageError if reply["kind"] == "StorageError" else Refusal)(reply["code"], **reply["details"])
