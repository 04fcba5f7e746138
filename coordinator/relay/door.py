"""A peer's way in: datagrams from a validated address, told apart, decrypted and handed on.

Rule 1: a peer may send so many and no more: what is over its allowance is dropped before it costs anything.
Control packets have an allowance of their own, as each may say much.
Rule 2: what cannot be decrypted is replayed or forged and says nothing; the rest says that the peer is there.
Rule 3: whatever is raised behind a door costs one packet and is told to `on_fault`.
Rule 4: transport feedback goes straight into the line's `flight`, where it waits to be weighed. Reports that
tell of no loss, the senders' too, wait for `take_later`: nothing is to be done at once.
Rule 5: a door gives media to its `fast_path`, and what is not for that one to `Behind.on_rtp` (see `uplink`).
Rule 6: the compiled plane has the same class.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pylibsrtp import _binding

from .allowance import Allowance
from .forwarding import engine, rtcp
from .forwarding.engine import FastPath, Flight, Wire
from .forwarding.sender import BUFFER_BYTES

MAX_LATER = 8
"""Reports that may wait; what comes then is handed on at once."""
_ffi: Any = _binding.ffi
_srtp: Any = _binding.lib
_BUFFER = _ffi.new("char[]", BUFFER_BYTES)
_VIEW = memoryview(_ffi.buffer(_BUFFER))
_LENGTH = _ffi.new("int *")
_UNPROTECT: Any = _srtp.srtp_unprotect
_UNPROTECT_RTCP: Any = _srtp.srtp_unprotect_rtcp


def pointer(thing: Any) -> int:
    """Return where something of libsrtp is: a function by its name, or a session."""
    what = _ffi.addressof(_srtp, thing) if isinstance(thing, str) else thing
    return int(_ffi.cast("uintptr_t", what))


@dataclass(frozen=True)
class Behind:
    """Who takes what comes through a door, each packet whole and in the clear."""

    on_rtp: Callable[[bytes], None]
    on_rtcp: Callable[[bytes], None]
    on_dtls: Callable[[bytes], None]
    on_fault: Callable[[Exception], None]


class PureDoor:
    """One peer's door; its allowances of datagrams and of control packets are (burst, per second)."""

    def __init__(self, behind: Behind, packets: tuple[float, float], controls: tuple[float, float]) -> None:
        self._behind = behind
        self._packets, self._controls = Allowance(*packets), Allowance(*controls)
        self.flight: Flight | None = None
        """What reports are about; without it all that is told goes to `Behind.on_rtcp`."""
        self.fast_path: FastPath | None = None
        """Who is offered each packet of media first."""
        self._later: list[tuple[bytes, float]] = []
        self._session: Any = None
        self._owner: object = None
        self.heard_at = time.monotonic()
        """When anything authentic came, in monotonic seconds; other checks are noted from outside."""

    @property
    def refused(self) -> int:
        """Datagrams that were too many, since the start."""
        return self._packets.refused

    def open(self, session: int, unprotect: int, unprotect_rtcp: int, owner: object) -> None:
        """Take media from now on; all are pointers (see `pointer`), and `owner` keeps the session alive."""
        self._session, self._owner = _ffi.cast("srtp_t", session), owner

    def shut(self) -> None:
        """Take media no more."""
        self._session = self._owner = None

    def answer_checks(self, wire: Wire, address: tuple[str, int], username: bytes, password: bytes) -> None:
        """Answer on `wire` the checks of connectivity from there that name this user and are signed so.

        This is for the compiled plane: in this one, who takes strangers' checks answers these as well.
        """

    def leave_checks(self) -> None:
        """Answer no checks any more."""

    def take(self, data: bytes | memoryview) -> None:
        """Take one datagram (RFC 7983 §7)."""
        self.hold(data)
        self.settle()

    def hold(self, data: bytes | memoryview) -> None:
        """Take one datagram; media may wait for `settle`, as more may have come with it."""
        if not data or not self._packets.take():
            return
        first = data[0]
        if 127 < first < 192:
            self._take_media(data)
        elif 19 < first < 64:
            self.settle()
            self._hand(self._behind.on_dtls, bytes(data))

    def _take_media(self, data: bytes | memoryview) -> None:
        size = len(data)
        if self._session is None or not 8 <= size <= BUFFER_BYTES:
            return
        control = 192 <= data[1] <= 223  # RFC 5761 §4
        _VIEW[:size] = data
        _LENGTH[0] = size
        unprotect = _UNPROTECT_RTCP if control else _UNPROTECT
        if unprotect(self._session, _BUFFER, _LENGTH):
            return
        self.heard_at = now = time.monotonic()
        plain = _VIEW[: _LENGTH[0]].tobytes()
        if control:
            self._take_control(plain)
            return
        try:
            if self.fast_path is not None:
                if self.fast_path.hold(plain, now):
                    return
                self.settle()
            self._behind.on_rtp(plain)
        except Exception as error:
            self._behind.on_fault(error)

    def settle(self) -> None:
        """Let what was held go on its way."""
        if self.fast_path is not None:
            try:
                self.fast_path.settle()
            except Exception as error:
                self._behind.on_fault(error)

    def _take_control(self, data: bytes) -> None:
        self.settle()
        if not self._controls.take():
            return
        flight = self.flight
        body = rtcp.only_feedback(data) if flight is not None else None
        if flight is not None and body is not None:
            self._hand(flight.read, body)
        elif flight is not None and len(self._later) < MAX_LATER and rtcp.only_good_reports(data):
            self._later.append((data, self.heard_at))
        else:
            self._hand(self._behind.on_rtcp, data)

    def take_later(self) -> list[tuple[bytes, float]]:
        """Return the reports that waited, and when each came (monotonic seconds)."""
        later, self._later = self._later, []
        return later

    def _hand(self, taker: Callable[[bytes], None], data: bytes) -> None:
        try:
            taker(data)
        except Exception as error:
            self._behind.on_fault(error)


if TYPE_CHECKING:
    Door = PureDoor
else:
    Door = engine.compiled.Door if engine.compiled else PureDoor
