"""A peer's way out: whole packets, encrypted and sent. For what goes to many, or often, there is `sender`.

Rule 1: packets are encrypted in place, in one buffer that serves all peers (everything here is synchronous):
one copy in, none out to the socket.
Rule 2: without a way to the peer nothing is sent and nothing is raised.
Rule 3: the compiled plane has the same class, which sends on the descriptors of `wire`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pylibsrtp import _binding

from .door import pointer
from .forwarding import engine
from .forwarding.engine import Wire
from .forwarding.sender import BUFFER_BYTES, MAX_PLAIN_BYTES

_ffi: Any = _binding.ffi
_srtp: Any = _binding.lib
_BUFFER = _ffi.new("char[]", BUFFER_BYTES)
_VIEW = memoryview(_ffi.buffer(_BUFFER))
_LENGTH = _ffi.new("int *")
PROTECT, PROTECT_RTCP = map(pointer, ("srtp_protect", "srtp_protect_rtcp"))


class PureWayOut:
    """Sends to one peer: through `send(data, address)` in pure Python, on `wire` in the compiled plane."""

    def __init__(self, wire: Wire, send: Callable[[memoryview, tuple[str, int]], None]) -> None:
        self._send = send
        self._session: Any = None
        self._address: tuple[str, int] | None = None

    def aim(
        self, address: tuple[str, int], session: int, protect: int, protect_rtcp: int, owner: object
    ) -> None:
        """Send there from now on; all but the address are pointers, and `owner` keeps the session alive."""
        self._session, self._address = _ffi.cast("srtp_t", session), address

    def release(self) -> None:
        """Send nothing any more."""
        self._session = self._address = None

    def send_rtp(self, data: bytes) -> None:
        """Encrypt and send one packet of media; dropped silently while there is no way."""
        self._put(_srtp.srtp_protect, data)

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send one control packet; dropped silently while there is no way."""
        self._put(_srtp.srtp_protect_rtcp, data)

    def _put(self, protect: Callable[[Any, Any, Any], int], data: bytes) -> None:
        size, address = len(data), self._address
        if address is None or size > MAX_PLAIN_BYTES:
            return
        _VIEW[:size] = data
        _LENGTH[0] = size
        if not protect(self._session, _BUFFER, _LENGTH):
            self._send(_VIEW[: _LENGTH[0]], address)


if TYPE_CHECKING:
    WayOut = PureWayOut
else:
    WayOut = engine.compiled.WayOut if engine.compiled else PureWayOut
