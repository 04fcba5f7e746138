"""One participant's encrypted transport: ICE-lite, DTLS, SRTP and data channels over the shared UDP port.

Rule 1: this is the only file that touches aiortc's private names; `self_test` names the one that moved.
Rule 2: media does not pass through aiortc's receive loop: it comes through a `door`, which decrypts and calls
the handler in the same step. Only DTLS records are queued, and that queue is bounded.
Rule 3: whatever a handler raises costs one packet, never the transport. What a peer sends wrong (ValueError)
is counted, anything else is logged, but not for every packet of a flood.
Rule 4: a peer may send so much and no more: what is over `PACKETS` or `DATA` is dropped before it costs
anything, and one that leaves too much unfinished in its data channels loses its transport.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiortc import RTCCertificate, RTCDataChannel, RTCDtlsTransport, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities
from pylibsrtp import Session, _binding

from .allowance import Allowance
from .binding import BindingRequest
from .door import Behind, Door, pointer
from .doors import Address
from .forwarding.engine import Flight, Sender
from .ice import Credentials, IceAgent
from .udp_mux import UdpMux
from .way_out import PROTECT, PROTECT_RTCP, WayOut

logger = logging.getLogger(__name__)

HANDSHAKE_LIMIT_S = 20.0
DTLS_QUEUE = 64
MAX_BUFFERED_BYTES = 1_000_000
SCTP_PORT = 5000
MAX_MESSAGE_BYTES = 65_536
MAX_CHANNELS = 32
MAX_UNFINISHED_PIECES = 2048
"""Of messages in a peer's data channels: more than our window of 1 MiB holds, unless they are tiny."""
PACKETS = (6000, 6000)
"""Datagrams that a participant may send at once, and every second: several times what a hub needs."""
CONTROLS = (1000, 600)
"""Control packets, likewise."""
DATA = (2_000_000, 500_000)
"""Bytes of data channel messages, likewise; an empty message counts as `DATA_FLOOR`."""
DATA_FLOOR = 1000
FAULTS = (5, 0.1)
"""Faults that are logged at once, and every second."""
UNPROTECT, UNPROTECT_RTCP = map(pointer, ("srtp_unprotect", "srtp_unprotect_rtcp"))
_PRIVATE = ("_rx_srtp", "_tx_srtp", "_set_role", "_role", "_data_receiver", "_state")
_PRIVATE_SRTP = ("srtp_protect", "srtp_protect_rtcp", "srtp_unprotect", "srtp_unprotect_rtcp")
_PRIVATE_SCTP = ("_handle_data", "_data_channels", "_inbound_streams", "_sack_misordered")


class MediaHandler(Protocol):
    """What a transport reports. Every call is synchronous and on the event loop."""

    def on_rtp(self, data: bytes) -> None: ...
    def on_rtcp(self, data: bytes) -> None: ...
    def on_data(self, label: str, data: bytes) -> None: ...
    def on_connected(self) -> None: ...
    def on_closed(self) -> None: ...


class _Link:
    """What aiortc's DTLS sees as its ICE transport."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(DTLS_QUEUE)
        self._send_now = send

    def put(self, data: bytes) -> None:
        if not self._queue.full():
            self._queue.put_nowait(data)

    def close(self) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("transport closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._send_now(data)


class _GuardedReceiver:
    """Stands between DTLS and SCTP: an exception in SCTP must not end the DTLS loop, hoarding must."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._faults = Allowance(*FAULTS)

    async def _handle_data(self, data: bytes) -> None:
        try:
            await self._inner._handle_data(data)
        except ConnectionError:
            raise
        except Exception:
            if self._faults.take():
                logger.exception("data channel packet could not be handled")
        if self._hoards():
            raise ConnectionError("too much is open or unfinished in the data channels")

    def _hoards(self) -> bool:
        streams = self._inner._inbound_streams
        if max(len(streams), len(self._inner._data_channels)) > MAX_CHANNELS:
            return True
        pieces = sum(len(stream.reassembly) for stream in streams.values())
        return bool(pieces + len(self._inner._sack_misordered) > MAX_UNFINISHED_PIECES)


def make_certificate() -> RTCCertificate:
    """Make the relay's certificate; one serves all participants."""
    return RTCCertificate.generateCertificate()


def fingerprint(certificate: RTCCertificate) -> str:
    """Return the SHA-256 fingerprint for `a=fingerprint`."""
    return next(f.value for f in certificate.getFingerprints() if f.algorithm == "sha-256")


class MediaTransport:
    """The transport of one participant. `door` is its way in."""

    def __init__(self, mux: UdpMux, certificate: RTCCertificate, handler: MediaHandler) -> None:
        self._handler = handler
        self._mux = mux
        self._ice = IceAgent(mux, self, self._aim)
        self._sender: Sender | None = None
        self._link = _Link(self._ice.send)
        self._dtls: Any = RTCDtlsTransport(self._link, [certificate])  # type: ignore[arg-type]
        self._dtls._set_role("server")
        self._dtls.on("statechange", self._state_changed)
        self._sessions: tuple[Any, Any] | None = None
        self._tx: Any = None
        self._way_out = WayOut(mux.wire, mux.send)
        self.send_rtp, self.send_rtcp = self._way_out.send_rtp, self._way_out.send_rtcp
        """Encrypt and send one packet (bytes); dropped silently while not connected."""
        self._sctp: Any = None
        self._channels: dict[str, RTCDataChannel] = {}
        self._task: asyncio.Task[None] | None = None
        self._data_task: asyncio.Task[None] | None = None
        behind = Behind(handler.on_rtp, handler.on_rtcp, self._link.put, self._fault)
        self.door = Door(behind, PACKETS, CONTROLS)
        self._data = Allowance(*DATA)
        self._faults = Allowance(*FAULTS)
        self.malformed = 0
        """Packets of the peer that could not be read, since the start."""
        self.connected = False
        self.closed = False

    @property
    def last_heard(self) -> float:
        """When anything authentic came, in monotonic seconds."""
        return self.door.heard_at

    @property
    def dropped(self) -> int:
        """Packets of the peer that were too many or could not be read, since the start."""
        return self.malformed + self.door.refused

    @property
    def credentials(self) -> Credentials | None:
        """The local ICE credentials for the next answer, None before the first offer."""
        return self._ice.current

    def restart_ice(self, remote_fragment: str) -> Credentials:
        """Make credentials for an offer with a new username fragment; media goes on meanwhile."""
        return self._ice.restart(remote_fragment)

    def start(self, fingerprints: Sequence[tuple[str, str]], data_port: int | None) -> None:
        """Begin the DTLS handshake (as server) with a peer of these (algorithm, value) fingerprints.

        `data_port` is the peer's SCTP port, None when it offered no data channels.
        """
        self._task = asyncio.get_running_loop().create_task(self._run(fingerprints, data_port))

    async def _run(self, fingerprints: Sequence[tuple[str, str]], data_port: int | None) -> None:
        parameters = RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(*pair) for pair in fingerprints])
        try:
            async with asyncio.timeout(HANDSHAKE_LIMIT_S):
                await self._dtls.start(parameters)
                if self.connected and data_port is not None:
                    await self._open_data(data_port)  # before the receive loop gets its first turn
        except TimeoutError:
            logger.info("DTLS handshake took too long")
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("DTLS handshake failed")
        if self._dtls.state != "connected":
            self._end()

    def ensure_data(self, port: int) -> None:
        """Open data channels for a peer that offered them only after the start."""
        if self._sctp is None and self.connected:
            self._data_task = asyncio.get_running_loop().create_task(self._open_data(port))

    async def _open_data(self, port: int) -> None:
        sctp: Any = RTCSctpTransport(self._dtls, port=SCTP_PORT)
        sctp.on("datachannel", self._channel_opened)
        self._sctp = sctp
        await sctp.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES), port)
        self._dtls._data_receiver = _GuardedReceiver(sctp)

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        self._channels[channel.label] = channel

        def received(message: str | bytes) -> None:
            data = message.encode() if isinstance(message, str) else message
            if self._data.take(max(DATA_FLOOR, len(data))):
                self._guard(self._handler.on_data, channel.label, data)

        channel.on("message", received)

    def _state_changed(self) -> None:
        if self._dtls.state == "connected":
            self._sessions = self._dtls._rx_srtp, self._dtls._tx_srtp  # kept: they own what is below
            rx, self._tx = (session._srtp[0] for session in self._sessions)
            self.door.open(pointer(rx), UNPROTECT, UNPROTECT_RTCP, self._sessions)
            self.connected = True
            self._aim()
            self._guard(self._handler.on_connected)
        elif self._dtls.state in ("closed", "failed"):
            self._end()

    def _end(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.connected = False
        self._tx = None
        self.door.shut()
        self._aim()
        self._ice.close()
        self._guard(self._handler.on_closed)

    def lend(self, sender: Sender, flight: Flight) -> None:
        """Let a sender of media encrypt and send by itself, while there is a way to the peer.

        What the peer tells of it goes into `flight`.
        """
        self._sender = sender
        self.door.flight = flight
        self._aim()

    def _aim(self) -> None:
        sender, address = self._sender, self._ice.nominated
        if self._tx is None or address is None:
            self._way_out.release()
            if sender is not None:
                sender.release()
            return
        session = pointer(self._tx)
        self._way_out.aim(address, session, PROTECT, PROTECT_RTCP, self._sessions)
        if sender is not None:
            sender.aim(self._mux.wire, address, session, PROTECT, self._sessions)

    def check(self, request: BindingRequest, address: Address) -> bytes | None:
        """Answer a connectivity check (see `udp_mux.Endpoint`)."""
        answer = self._ice.check(request, address)
        if answer is not None:
            self.door.heard_at = time.monotonic()
        return answer

    def _guard(self, call: Callable[..., None], *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        if isinstance(error, ValueError):
            self.malformed += 1
            logger.debug("a packet could not be read: %s", error)
        elif self._faults.take():
            logger.error("a packet could not be handled", exc_info=error)

    def send_data(self, label: str, data: bytes) -> bool:
        """Send on the client's data channel of this label; False when there is none or it is congested."""
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > MAX_BUFFERED_BYTES:
            return False
        channel.send(data)
        return True

    async def close(self) -> None:
        """Tell the peer and give everything back. Never raises."""
        try:
            if self._sctp is not None:
                await self._sctp.stop()
            await self._dtls.stop()
        except Exception as error:
            logger.debug("transport close: %s", error)
        self._link.close()
        if self._task is not None:
            self._task.cancel()
        self._end()


def self_test() -> None:
    """Check that aiortc still has the private names used here. Raises RuntimeError naming a missing one."""
    link = _Link(lambda data: False)
    dtls = RTCDtlsTransport(link, [make_certificate()])  # type: ignore[arg-type]
    missing = [name for name in _PRIVATE if not hasattr(dtls, name)]
    sctp = RTCSctpTransport(dtls, port=SCTP_PORT)
    missing += [name for name in _PRIVATE_SCTP if not hasattr(sctp, name)]
    missing += [name for name in _PRIVATE_SRTP if not hasattr(_binding.lib, name)]
    missing += [name for name in ("_srtp",) if not hasattr(Session(), name)]
    if missing:
        raise RuntimeError(
            f"this aiortc or pylibsrtp has no {', '.join(missing)}: install the versions in pyproject.toml"
        )
