"""One signalling socket of the LiveKit protocol, version 1 (`/rtc/v1`).

Rule 1: one object is one WebSocket; who comes back makes a new one.
Rule 2: what cannot be understood, and a socket that cannot be opened, are a `SignalError`.
"""

import asyncio
import base64
import gzip
import socket
import struct
from typing import Self
from urllib.parse import urlencode

import aiohttp
from google.protobuf.message import DecodeError
from livekit.protocol.models import ClientInfo
from livekit.protocol.rtc import JoinRequest, SignalRequest, SignalResponse, WrappedJoinRequest

OPEN_WITHIN_S = 8.0


class SignalError(Exception):
    """The socket could not be opened or broke; `status` is the HTTP status of a refusal, else 0."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Signal:
    """An open signalling socket."""

    def __init__(self, session: aiohttp.ClientSession, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._session, self._ws = session, ws

    @classmethod
    async def open(cls, url: str, token: str, join: JoinRequest) -> tuple[Self, SignalResponse]:
        """Open a socket at `url` (ws:// or http://) and return it with the relay's first message.

        Raises:
            SignalError: refused, unreachable, or silent for `OPEN_WITHIN_S`.
        """
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                address = f"{url.rstrip('/')}/rtc/v1?{_query(token, join)}"
                signal = cls(session, await session.ws_connect(address, max_msg_size=4_000_000))
                first = await signal.receive()
        except aiohttp.WSServerHandshakeError as error:
            await session.close()
            raise SignalError(f"the relay refuses: {error.status}", error.status) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await session.close()
            raise SignalError(f"the relay cannot be reached: {error!r}") from error
        except BaseException:
            await session.close()
            raise
        if first is None:
            await session.close()
            raise SignalError("the relay closed the socket without a word")
        return signal, first

    async def send(self, request: SignalRequest) -> None:
        """Send one message. Raises SignalError when the socket is gone."""
        try:
            await self._ws.send_bytes(request.SerializeToString())
        except (aiohttp.ClientError, OSError) as error:
            raise SignalError("the signalling socket is gone") from error

    async def receive(self) -> SignalResponse | None:
        """Return the next message, or None when the socket is closed."""
        message = await self._ws.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            return None
        try:
            return SignalResponse.FromString(message.data)
        except DecodeError as error:
            raise SignalError("the relay sent what is no SignalResponse") from error

    async def close(self) -> None:
        """Close the socket in good order."""
        await self._ws.close()
        await self._session.close()

    async def abort(self) -> None:
        """Reset the socket, as a broken line does: the relay gets no closing frame."""
        reset(self._ws)
        await self._session.close()


def reset(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Reset a WebSocket's TCP connection at once."""
    line = ws.get_extra_info("socket")
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport = ws._writer.transport
    if transport is not None:
        transport.abort()
    ws._response.close()


def _query(token: str, join: JoinRequest) -> str:
    join.client_info.MergeFrom(
        ClientInfo(sdk=ClientInfo.SDK.PYTHON, version="1.0.0", protocol=16, os="linux")
    )
    body = gzip.compress(join.SerializeToString(), 1)
    wrapped = WrappedJoinRequest(compression=WrappedJoinRequest.Compression.GZIP, join_request=body)
    packed = base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()
    return urlencode({"access_token": token, "join_request": packed})
