"""Where the relay sends before and after a client has chosen its path."""

from __future__ import annotations

from typing import cast

from aioice import stun

from coordinator.relay.binding import read_request
from coordinator.relay.doors import Address
from coordinator.relay.ice import MAX_EARLY, IceAgent
from coordinator.relay.udp_mux import Endpoint, UdpMux

NO_WAY_BACK, GOOD, OTHER = ("fd00::1", 5001), ("fd00::2", 5002), ("10.0.0.2", 5003)


class Mux:
    """Notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append((data, address))

    def claim(self, fragment: str, endpoint: Endpoint) -> None: ...
    def release(self, fragment: str) -> None: ...
    def admit(self, address: Address, endpoint: Endpoint) -> None: ...
    def expel(self, address: Address, endpoint: Endpoint) -> None: ...


def an_agent() -> tuple[IceAgent, Mux]:
    mux = Mux()
    agent = IceAgent(cast(UdpMux, mux), cast(Endpoint, None), lambda: None)
    agent.restart("them")
    return agent, mux


def checked(agent: IceAgent, address: Address, *, nominate: bool = False) -> None:
    known = agent.current
    assert known is not None
    check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    check.attributes["USERNAME"] = f"{known.fragment}:them"
    if nominate:
        check.attributes["USE-CANDIDATE"] = None
    check.add_message_integrity(known.password.encode())
    assert agent.check(read_request(bytes(check)), address) is not None


def test_a_handshake_begun_on_the_wrong_path_goes_on_at_once_on_the_nominated_one() -> None:
    agent, mux = an_agent()
    checked(agent, GOOD)
    agent.send(b"first")
    checked(agent, NO_WAY_BACK)
    agent.send(b"second")

    checked(agent, GOOD, nominate=True)
    agent.send(b"third")

    assert [data for data, address in mux.sent if address == GOOD] == [b"first", b"second", b"third"]


def test_nothing_is_sent_twice_to_the_path_it_was_sent_on() -> None:
    agent, mux = an_agent()
    checked(agent, GOOD)
    agent.send(b"hello")
    checked(agent, GOOD, nominate=True)
    checked(agent, OTHER)
    checked(agent, OTHER, nominate=True)
    agent.send(b"later")

    assert mux.sent == [(b"hello", GOOD), (b"later", OTHER)]


def test_what_is_kept_for_the_nomination_is_bounded() -> None:
    agent, mux = an_agent()
    checked(agent, NO_WAY_BACK)
    for _ in range(MAX_EARLY + 5):
        agent.send(b"x")
    checked(agent, GOOD, nominate=True)

    assert sum(1 for _, address in mux.sent if address == GOOD) == MAX_EARLY
