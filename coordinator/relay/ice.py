"""The server's side of ICE, in its lite form (RFC 8445 §2.5): it answers checks and never sends any.

Rule 1: a source address counts only after a check signed with our password came from it; media goes only to
the address of the newest nominated pair. Before the first nomination handshakes go to the address that was
checked last, and once more to the nominated one if that is another: clients begin before they nominate, and a
check may come from an address to which there is no way back. Without it the handshake's own timer takes 1 s.
Rule 2: an ICE restart adds new credentials; the old ones serve until a pair is nominated with the new ones,
so that media never stops for a restart. A change of the client's address needs no restart at all.
Rule 3: the client's candidates are ignored: it cannot make the server send anything to a third party.
Rule 4: checks on the nominated pair with the credentials that nominated it change nothing. They may be
answered at the door and are then not told of here, until other credentials or another address are nominated.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from .binding import BindingRequest, write_response
from .doors import Address
from .udp_mux import Endpoint, UdpMux

MAX_ADDRESSES = 8
MAX_GENERATIONS = 4
MAX_EARLY = 16
"""Datagrams sent before the first nomination that are kept for it: a flight of DTLS has a handful."""
_ALPHABET = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True)
class Credentials:
    """One generation of the local username fragment and password, and the client's fragment ("" = any)."""

    generation: int
    fragment: str
    password: str
    remote_fragment: str


class IceAgent:
    """ICE for one participant. `endpoint` receives its datagrams; `on_nominated`: `nominated` has changed."""

    def __init__(self, mux: UdpMux, endpoint: Endpoint, on_nominated: Callable[[], None]) -> None:
        self._mux = mux
        self._endpoint = endpoint
        self._on_nominated = on_nominated
        self._known: dict[str, Credentials] = {}
        self._generation = 0
        self._nominated_generation = -1
        self._addresses: dict[Address, None] = {}
        self.current: Credentials | None = None
        self.nominated: Address | None = None
        self._early: list[tuple[bytes, Address]] = []

    def restart(self, remote_fragment: str) -> Credentials:
        """Make the credentials for a new offer, in addition to those in use."""
        fresh = Credentials(self._generation, _random(12), _random(32), remote_fragment)
        self._generation += 1
        for known in list(self._known.values())[: max(0, len(self._known) - MAX_GENERATIONS + 1)]:
            if known.generation != self._nominated_generation:
                self._release(known)
        self._known[fresh.fragment] = fresh
        self._mux.claim(fresh.fragment, self._endpoint)
        self.current = fresh
        return fresh

    def check(self, request: BindingRequest, address: Address) -> bytes | None:
        """Answer a binding request; None when it is not signed with one of our passwords."""
        local, _, remote = request.username.partition(":")
        known = self._known.get(local)
        if known is None or known.remote_fragment not in ("", remote):
            return None
        password = known.password.encode()
        if not request.is_signed(password):
            return None
        self._admit(address)
        if self._nominated_generation < 0:
            self._aim(address)
        if request.nominates and known.generation >= self._nominated_generation:
            self._nominate(known, address, request.username)
        return write_response(request.transaction, address, password)

    def _admit(self, address: Address) -> None:
        if self.nominated is not None:  # in use, whether or not its checks come to us
            self._addresses[self.nominated] = self._addresses.pop(self.nominated, None)
        self._addresses[address] = self._addresses.pop(address, None)
        self._mux.admit(address, self._endpoint)
        while len(self._addresses) > MAX_ADDRESSES:
            oldest = next(iter(self._addresses))
            del self._addresses[oldest]
            self._mux.expel(oldest, self._endpoint)

    def _nominate(self, known: Credentials, address: Address, username: str) -> None:
        self._aim(address)
        early, self._early = self._early, []
        for data, sent_to in early:
            if sent_to != address:
                self._mux.send(data, address)
        if known.generation > self._nominated_generation:
            self._nominated_generation = known.generation
            for old in [other for other in self._known.values() if other.generation < known.generation]:
                self._release(old)
        password = known.password.encode()
        self._endpoint.door.answer_checks(self._mux.wire, address, username.encode(), password)

    def _aim(self, address: Address | None) -> None:
        if address != self.nominated:
            self.nominated = address
            self._on_nominated()

    def _release(self, known: Credentials) -> None:
        self._known.pop(known.fragment, None)
        self._mux.release(known.fragment)

    def send(self, data: bytes) -> bool:
        """Send to the nominated address; False when there is none yet."""
        if self.nominated is None:
            return False
        self._mux.send(data, self.nominated)
        if self._nominated_generation < 0 and len(self._early) < MAX_EARLY:
            self._early.append((data, self.nominated))
        return True

    def close(self) -> None:
        """Give back every fragment and address."""
        self._endpoint.door.leave_checks()
        for known in list(self._known.values()):
            self._release(known)
        for address in self._addresses:
            self._mux.expel(address, self._endpoint)
        self._addresses.clear()
        self._early.clear()
        self._aim(None)
