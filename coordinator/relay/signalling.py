"""The signalling socket: bytes to messages and back.

Rule 1: sending never blocks; a client that does not read is cut off at `MAX_QUEUED_BYTES` (it may resume).
Rule 2: what cannot be read is a `ProtocolViolation`, and closes this one socket.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
import zlib
from collections.abc import Mapping

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from .allowance import Allowance
from .errors import ProtocolViolation

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1_000_000
MAX_JOIN_BYTES = 1_000_000
MAX_QUEUED_BYTES = 4_000_000
CLOSE_LIMIT_S = 2.0
MAX_VERSION = 64
TRUE = ("1", "true")
BURST, PER_SECOND = 500, 100
"""How many messages a client may send at once, and for long."""
BYTES = (4_000_000, 400_000)
"""And how many bytes: an offer keeps everybody waiting for as long as it is read, some 0.1 s per 500 kB."""


def read_join_request(text: str) -> rtc.JoinRequest:
    """Read the `join_request` parameter: URL-safe base64 of a WrappedJoinRequest, maybe gzipped.

    Raises ProtocolViolation when it cannot be read; unpacking stops at `MAX_JOIN_BYTES`.
    """
    try:
        raw = base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
        wrapped = rtc.WrappedJoinRequest.FromString(raw)
        inner = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.Compression.GZIP:
            unpacker = zlib.decompressobj(31)
            inner = unpacker.decompress(inner, MAX_JOIN_BYTES)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise ProtocolViolation("the join request is too long or cut off")
        return rtc.JoinRequest.FromString(inner)
    except (binascii.Error, ValueError, DecodeError, zlib.error) as error:
        raise ProtocolViolation("the join request cannot be read") from error


def read_query(query: Mapping[str, str]) -> rtc.JoinRequest:
    """Read the parameters with which a client of v0 joins or resumes; what is not there is the default."""
    settings = rtc.ConnectionSettings(
        auto_subscribe=query.get("auto_subscribe", "1") in TRUE,
        adaptive_stream=query.get("adaptive_stream", "") in TRUE,
    )
    return rtc.JoinRequest(
        client_info=models.ClientInfo(version=query.get("version", "")[:MAX_VERSION]),
        connection_settings=settings,
        reconnect=query.get("reconnect", "") in TRUE,
        participant_sid=query.get("sid", ""),
    )


class SignalSocket:
    """One WebSocket of one participant; `request` is the one that became the socket."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queued = 0
        self._writer = asyncio.get_running_loop().create_task(self._write())
        self._code = WSCloseCode.OK
        self._messages, self._bytes = Allowance(BURST, PER_SECOND), Allowance(*BYTES)
        self.last_heard = time.monotonic()
        self.open = True

    def send(self, response: rtc.SignalResponse | bytes) -> None:
        """Queue a message (or its bytes); closes the socket when too much is queued."""
        if not self.open:
            return
        data = response if isinstance(response, bytes) else response.SerializeToString()
        self._queued += len(data)
        if self._queued > MAX_QUEUED_BYTES:
            logger.warning("a client does not read its signalling: cut off")
            self.abort()
            return
        self._queue.put_nowait(data)

    def close(self, code: int = WSCloseCode.OK) -> None:
        """Close after what is queued was sent."""
        if self.open:
            self.open = False
            self._code = WSCloseCode(code) if code in set(WSCloseCode) else WSCloseCode.OK
            self._queue.put_nowait(None)

    def abort(self) -> None:
        """Close now; what is queued is lost."""
        self.open = False
        self._writer.cancel()
        if self._request.transport is not None:
            self._request.transport.close()

    async def _write(self) -> None:
        try:
            while (data := await self._queue.get()) is not None:
                await self._socket.send_bytes(data)
                self._queued -= len(data)
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._socket.close(code=self._code)
        except (ConnectionError, RuntimeError, TimeoutError):
            self.open = False

    def _count(self, message: WSMessage) -> None:
        self.last_heard = time.monotonic()
        size = len(message.data) if message.type is WSMsgType.BINARY else 0
        if not self._messages.take() or not self._bytes.take(size):
            raise ProtocolViolation("too many messages")

    async def read(self) -> rtc.SignalRequest | None:
        """Return the next request, or None when the socket is closed. Raises ProtocolViolation."""
        while True:
            message = await self._socket.receive()
            self._count(message)
            if message.type is WSMsgType.BINARY:
                try:
                    return rtc.SignalRequest.FromString(message.data)
                except DecodeError as error:
                    raise ProtocolViolation("a message cannot be read") from error
            if message.type is WSMsgType.TEXT:
                raise ProtocolViolation("messages are binary protobuf")
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                self.open = False
                return None

    async def finish(self) -> None:
        """Wait until what was queued is out, at most `CLOSE_LIMIT_S`."""
        self.open = False
        self._queue.put_nowait(None)
        await asyncio.wait({self._writer}, timeout=CLOSE_LIMIT_S)
        self._writer.cancel()
