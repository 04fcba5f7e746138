"""Link: ICE, DTLS and SRTP to one relay over one pair of sockets, with restart.

Rule 1: this file alone touches private names of aioice and aiortc.
Rule 2: media goes straight from the socket to `on_rtp` and `on_rtcp`, decrypted, in the same callback; only
handshakes and connectivity checks take the way through the libraries.
Rule 3: a restart swaps the ICE connection under the living DTLS association; keys and counters go on.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pylibsrtp
from aioice import Candidate, Connection
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

CONNECT_WITHIN_S = 10.0
MAX_HANDSHAKE_QUEUE = 64

_log = logging.getLogger(__name__)


class LinkError(Exception):
    """The relay cannot be reached over UDP, or is not the one that signed the answer."""


@dataclass(frozen=True)
class LocalEnd:
    """What the offer says of this side."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class RemoteEnd:
    """What the answer says of the relay; `active` when it begins the DTLS handshake itself."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[str, ...]
    active: bool
    lite: bool


@cache
def _certificate() -> RTCCertificate:
    return RTCCertificate.generateCertificate()


class Link:
    """One media path. `on_lost` is called once when a path that worked is gone."""

    def __init__(
        self,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
        on_lost: Callable[[], None],
    ) -> None:
        self.last_datagram_at = 0.0
        self._on_rtp, self._on_rtcp, self._on_lost = on_rtp, on_rtcp, on_lost
        self._handshake: asyncio.Queue[bytes] = asyncio.Queue(MAX_HANDSHAKE_QUEUE)
        self._next: _Ice | None = None
        self._current: _Ice | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._connecting = self._closed = False
        self._release: asyncio.Task[None] | None = None
        self._time = asyncio.get_running_loop().time
        self._by_hand: tuple[Any, tuple[str, int]] | None = None

    @property
    def sinks(self) -> tuple[Callable[[bytes], None], Callable[[bytes], None], Callable[[], None]]:
        """Who is told: of RTP, of RTCP, and of a lost path."""
        return self._on_rtp, self._on_rtcp, self._on_lost

    @property
    def connected(self) -> bool:
        """Whether media can be sent."""
        return self._dtls is not None and self._dtls.state == "connected" and not self._closed

    @property
    def waits_for_answer(self) -> bool:
        """Whether sockets are open that `connect` has not been told to use yet."""
        return self._next is not None and not self._connecting

    async def gather(self) -> LocalEnd:
        """Open sockets for a new connection, or for a restart, and say what the offer needs."""
        if self._next is not None:
            await self._next.close()
        ice = self._next = _Ice(self._keep_handshake)
        await ice.gather_candidates()
        for protocol in ice._protocols:
            protocol.transport.set_protocol(_Demux(protocol, self))
        fingerprint = next(f for f in _certificate().getFingerprints() if f.algorithm == "sha-256")
        return LocalEnd(
            ice.local_username,
            ice.local_password,
            fingerprint.value,
            tuple(candidate.to_sdp() for candidate in ice.local_candidates),
        )

    async def connect(self, remote: RemoteEnd) -> None:
        """Connect the sockets of the last `gather`; the first time, shake hands too.

        Raises:
            LinkError: no path, or the wrong certificate.
        """
        ice = self._next
        if ice is None:
            raise LinkError("gather comes first")
        self._connecting = True
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await self._connect_ice(ice, remote)
                self._next = None
                old, self._current = self._current, ice
                if old is not None:
                    await old.close()
                if self._dtls is None:
                    await self._shake_hands(remote)
        except (ConnectionError, TimeoutError) as error:
            raise LinkError(f"no path to the relay: {error}") from error
        finally:
            self._connecting = False

    def send(self, packet: bytes) -> None:
        """Encrypt and send one RTP packet; without a connection it is lost, as on any bad line."""
        if self._dtls is not None and self.connected:
            self._send_datagram(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send RTCP."""
        if self._dtls is not None and self.connected:
            self._send_datagram(self._dtls._tx_srtp.protect_rtcp(packet))

    def by_hand(self) -> socket.socket:
        """Take the socket of the path from the event loop: its owner reads it and calls `take` from now on.

        For load clients that poll: to wake a process for a packet costs more than the packet.

        Raises:
            LinkError: there is no path yet.
        """
        pair = self._current._nominated.get(1) if self._current is not None else None
        if pair is None:
            raise LinkError("not connected")
        number = pair.protocol.transport.get_extra_info("socket").fileno()
        asyncio.get_running_loop()._remove_reader(number)  # type: ignore[attr-defined]
        self._by_hand = pair.protocol.transport.get_protocol(), pair.remote_addr
        return socket.socket(fileno=os.dup(number))

    def take(self, data: bytes, *, decrypt: bool) -> bytes | None:
        """Take a datagram that was read by hand; returns a packet that was decrypted.

        RTP headers are in the clear, so that counting needs no decryption.
        """
        if not 127 < data[0] < 192 or 191 < data[1] < 224:
            if self._by_hand is not None:
                protocol, address = self._by_hand
                protocol.datagram_received(data, address)
            return None
        self.last_datagram_at = self._time()
        if self._dtls is not None and decrypt:
            try:
                data = self._dtls._rx_srtp.unprotect(data)
            except pylibsrtp.Error:
                return None  # a repeat
        self._on_rtp(data)
        return data if decrypt else None

    async def close(self) -> None:
        """Say goodbye to the relay and release the sockets."""
        if not self._closed:
            self._closed = True
            if self._dtls is not None:
                await self._dtls.stop()
            await self._close_sockets()

    def kill(self) -> None:
        """Send nothing more from now on, not even a goodbye, as in a power cut; sockets are released soon."""
        self._closed = True
        if self._dtls is not None and self._dtls._task is not None:
            self._dtls._task.cancel()
        self._release = asyncio.get_running_loop().create_task(self._close_sockets())

    async def _close_sockets(self) -> None:
        for ice in (self._next, self._current):
            if ice is not None:
                await ice.close()

    async def _connect_ice(self, ice: "_Ice", remote: RemoteEnd) -> None:
        ice.remote_username, ice.remote_password = remote.ufrag, remote.password
        ice.remote_is_lite = remote.lite
        for line in remote.candidates:
            candidate = Candidate.from_sdp(line)
            if candidate.transport.lower() == "udp":
                await ice.add_remote_candidate(candidate)
        await ice.add_remote_candidate(None)
        await ice.connect()

    async def _shake_hands(self, remote: RemoteEnd) -> None:
        dtls = RTCDtlsTransport(_Carrier(self), [_certificate()])  # type: ignore[arg-type]  # all that is used
        dtls._set_role("server" if remote.active else "client")
        prints = [RTCDtlsFingerprint(algorithm="sha-256", value=remote.fingerprint)]
        await dtls.start(RTCDtlsParameters(fingerprints=prints))
        if dtls.state != "connected":
            raise LinkError(f"the DTLS handshake ended as {dtls.state}")
        self._dtls = dtls
        dtls.on("statechange", self._on_dtls_state)

    def _on_dtls_state(self) -> None:
        if self._dtls is not None and self._dtls.state == "closed" and not self._closed:
            self._on_lost()

    def _media(self, data: bytes) -> None:
        if self._dtls is None:
            return
        try:
            if 191 < data[1] < 224:
                self._on_rtcp(self._dtls._rx_srtp.unprotect_rtcp(data))
            else:
                self._on_rtp(self._dtls._rx_srtp.unprotect(data))
        except pylibsrtp.Error as error:
            _log.debug("dropped a datagram: %s", error)

    def _keep_handshake(self, data: bytes) -> None:
        if not self._handshake.full():
            self._handshake.put_nowait(data)

    def _send_datagram(self, data: bytes) -> None:
        ice = self._current
        pair = ice._nominated.get(1) if ice is not None else None
        if pair is not None and not pair.protocol.transport.is_closing():
            pair.protocol.transport.sendto(data, pair.remote_addr)


class _Ice(Connection):
    """aioice's connection, handing what is no STUN to the link."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        super().__init__(ice_controlling=True, use_ipv6=False)
        self._sink = sink

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109 (theirs)
    ) -> list[Candidate]:
        """Gather as ever, and on loopback, which aioice passes over: a server may announce that alone."""
        return await super().get_component_candidates(component, [*addresses, "127.0.0.1"], timeout)

    def data_received(self, data: bytes, component: int) -> None:
        self._sink(data)


class _Demux(asyncio.DatagramProtocol):
    """Takes media out before aioice tries to read it as STUN (RFC 7983 §7)."""

    def __init__(self, inner: asyncio.DatagramProtocol, link: Link) -> None:
        self._inner, self._link = inner, link
        self._time = asyncio.get_running_loop().time

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._link.last_datagram_at = self._time()
        if len(data) > 11 and 127 < data[0] < 192:
            self._link._media(data)
        else:
            self._inner.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)


class _Carrier:
    """What RTCDtlsTransport asks of an ICE transport, over whichever connection is current."""

    role = "controlling"
    state = "completed"

    def __init__(self, link: Link) -> None:
        self._link = link

    async def _recv(self) -> bytes:
        return await self._link._handshake.get()

    async def _send(self, data: bytes) -> None:
        self._link._send_datagram(data)
