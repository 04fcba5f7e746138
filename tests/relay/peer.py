"""A bare client for tests: it speaks signalling, ICE, DTLS and RTP itself, so that it can misbehave too."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aioice import stun
from aiortc import RTCCertificate, RTCDtlsTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from livekit.protocol import rtc

from coordinator.relay.forwarding import rtcp, rtp
from coordinator.relay.transport import fingerprint

CERTIFICATE = RTCCertificate.generateCertificate()
EXTENSIONS = {rtp.MID: 1, rtp.RID: 2, rtp.REPAIRED_RID: 3, rtp.TRANSPORT_CC: 4, rtp.AUDIO_LEVEL: 5}


def join_request(**fields: Any) -> str:
    """Return the `join_request` parameter."""
    inner = gzip.compress(rtc.JoinRequest(**fields).SerializeToString())
    kind = rtc.WrappedJoinRequest.Compression.GZIP
    wrapped = rtc.WrappedJoinRequest(compression=kind, join_request=inner)
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def section(mid: str, kind: str, direction: str, *lines: str) -> str:
    """Return one section of an offer, VP8 or Opus."""
    codec = {
        "video": ["a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli",
                  "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"],
        "audio": ["a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1"],
    }[kind]  # fmt: skip
    formats = "96 97" if kind == "video" else "111"
    ids = [f"a=extmap:{number} {uri}" for uri, number in EXTENSIONS.items()]
    return "\r\n".join(
        [f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}",
         "a=rtcp-mux", *ids, *codec, *lines]
    )  # fmt: skip


def offer(fragment: str, *sections: str) -> str:
    """Return a whole offer."""
    head = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=ice-ufrag:{fragment}",
        "a=ice-pwd:0123456789012345678901", f"a=fingerprint:sha-256 {fingerprint(CERTIFICATE)}",
        "a=setup:actpass",
    ]  # fmt: skip
    return "\r\n".join([*head, *sections]) + "\r\n"


class Peer(asyncio.DatagramProtocol):
    """One client. `answers` holds every answer; `rtp` the packets received, decrypted."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.session, self.socket = session, socket
        self.said: list[rtc.SignalResponse] = []
        self.rtp: list[bytes] = []
        self.rtcp: list[rtcp.Part] = []
        self.responses = 0
        self.role, self.state = "controlling", "completed"
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self.udp: asyncio.DatagramTransport | None = None
        self.dtls: Any = None
        self.fragment = "peer0"
        self.local = ("", "")
        self._reading = asyncio.create_task(self._read())

    # signalling

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.said.append(rtc.SignalResponse.FromString(message.data))

    async def send(self, **request: Any) -> None:
        await self.socket.send_bytes(rtc.SignalRequest(**request).SerializeToString())

    async def hears(self, kind: str, timeout_s: float = 5.0) -> Any:
        """Wait for a message of a kind not heard yet, and take it."""
        async with asyncio.timeout(timeout_s):
            while True:
                for index, response in enumerate(self.said):
                    if response.WhichOneof("message") == kind:
                        return getattr(self.said.pop(index), kind)
                await asyncio.sleep(0.005)

    async def offers(self, *sections: str) -> str:
        """Send an offer of these sections; return the answer."""
        description = rtc.SessionDescription(type="offer", sdp=offer(self.fragment, *sections), id=1)
        await self.send(offer=description)
        answer = await self.hears("answer")
        fragment, password = (
            re.search(rf"a=ice-{name}:(\S+)", answer.sdp).group(1)  # type: ignore[union-attr]
            for name in ("ufrag", "pwd")
        )
        self.local = (fragment, password)
        return str(answer.sdp)

    # media

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[0] < 4:
            self.responses += 1
        elif data[0] > 127 and self.dtls is not None and self.dtls._rx_srtp is not None:
            if 192 <= data[1] <= 223:
                self.rtcp += rtcp.parse(self.dtls._rx_srtp.unprotect_rtcp(data))
            else:
                self.rtp.append(self.dtls._rx_srtp.unprotect(data))
        else:
            self.incoming.put_nowait(data)

    async def _recv(self) -> bytes:
        return await self.incoming.get()

    async def _send(self, data: bytes) -> None:
        assert self.udp is not None
        self.udp.sendto(data)

    def check(self, *, password: str | None = None, nominate: bool = True) -> None:
        """Send one connectivity check."""
        assert self.udp is not None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.local[0]}:{self.fragment}"
        request.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity((password or self.local[1]).encode())
        self.udp.sendto(bytes(request))

    async def open_socket(self, answer: str, host: str = "127.0.0.1") -> None:
        """Open a UDP socket to the relay."""
        port = int(re.search(r"candidate:\S+ 1 udp \d+ \S+ (\d+)", answer).group(1))  # type: ignore[union-attr]
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port))

    async def connect(self, answer: str) -> None:
        """Set up ICE and DTLS after the first answer."""
        if self.udp is None:
            await self.open_socket(answer)
        heard = self.responses
        self.check()
        await self.until(lambda: self.responses > heard)
        digest = re.search(r"a=fingerprint:sha-256 (\S+)", answer).group(1)  # type: ignore[union-attr]
        self.dtls = RTCDtlsTransport(self, [CERTIFICATE])  # type: ignore[arg-type]
        self.dtls._set_role("client")
        parameters = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", digest)])
        await asyncio.wait_for(self.dtls.start(parameters), 5)
        assert self.dtls.state == "connected"

    def sends(
        self, mid: str, ssrc: int, sequence: int, timestamp: int, payload: bytes, rid: str = ""
    ) -> None:
        """Send one RTP packet, VP8 with a rid or Opus without."""
        kind = 96 if rid else 111
        block = b"".join(
            bytes([EXTENSIONS[uri] << 4 | len(text) - 1]) + text.encode()
            for uri, text in ((rtp.MID, mid), (rtp.RID, rid)) if text
        )  # fmt: skip
        block += bytes(-len(block) % 4)
        extensions = b"\xbe\xde" + (len(block) // 4).to_bytes(2, "big") + block
        self.raw(rtp.build(kind, True, sequence, timestamp, ssrc, extensions, payload))

    def raw(self, data: bytes) -> None:
        """Encrypt and send one RTP packet as it is."""
        assert self.udp is not None
        self.udp.sendto(self.dtls._tx_srtp.protect(data))

    def control(self, data: bytes) -> None:
        """Encrypt and send one RTCP packet."""
        assert self.udp is not None
        self.udp.sendto(self.dtls._tx_srtp.protect_rtcp(data))

    async def until(self, condition: Any, timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - the condition is another's state
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        self._reading.cancel()
        await self.socket.close()
        await self.session.close()
        if self.dtls is not None:
            await self.dtls.stop()
        if self.udp is not None:
            self.udp.close()


@contextlib.asynccontextmanager
async def peer(port: int, token: str, **join: Any) -> AsyncIterator[Peer]:
    """Join with a token; `join` are fields of the JoinRequest."""
    session = aiohttp.ClientSession()
    parameters = {"access_token": token, "join_request": join_request(**join)}
    try:
        socket = await session.ws_connect(f"http://127.0.0.1:{port}/rtc/v1", params=parameters)
    except BaseException:
        await session.close()
        raise
    made = Peer(session, socket)
    try:
        yield made
    finally:
        await made.close()
