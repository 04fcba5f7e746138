"""Where the relay sends before and after a client has chosen its path."""

from __future__ import annotations

from typing import cast

from aioice import stun

from coordinator.relay.binding import read_request
from coordinator.relay.doors import Address
from coordinator.relay.forwarding.engine import Wire
from coordinator.relay.ice import MAX_ADDRESSES, MAX_EARLY, IceAgent
from coordinator.relay.udp_mux import Endpoint, UdpMux

NO_WAY_BACK, GOOD, OTHER = ("fd00::1", 5001), ("fd00::2", 5002), ("10.0.0.2", 5003)


class Mux:
    """Notes what is sent, and who is let through no more."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.sent: list[tuple[bytes, Address]] = []
        self.expelled: list[Address] = []

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append((data, address))

    def claim(self, fragment: str, endpoint: Endpoint) -> None: ...
    def release(self, fragment: str) -> None: ...
    def admit(self, address: Address, endpoint: Endpoint) -> None: ...
    def expel(self, address: Address, endpoint: Endpoint) -> None:
        self.expelled.append(address)


class Peer:
    """An endpoint and its door, with the checks that it is to answer: from where, of whom, how signed."""

    def __init__(self) -> None:
        self.door = self
        self.answers: tuple[Address, str, str] | None = None

    def answer_checks(self, wire: Wire, address: Address, username: bytes, password: bytes) -> None:
        self.answers = address, username.decode(), password.decode()

    def leave_checks(self) -> None:
        self.answers = None


def an_agent(peer: Peer | None = None) -> tuple[IceAgent, Mux]:
    mux = Mux()
    agent = IceAgent(cast(UdpMux, mux), cast(Endpoint, peer or Peer()), lambda: None)
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


def test_the_door_answers_what_is_nominated_with_the_credentials_that_nominated_it() -> None:
    peer = Peer()
    agent, _ = an_agent(peer)
    first = agent.current
    checked(agent, GOOD)
    assert peer.answers is None

    checked(agent, GOOD, nominate=True)
    checked(agent, OTHER)
    assert first and peer.answers == (GOOD, f"{first.fragment}:them", first.password)
    checked(agent, OTHER, nominate=True)
    assert peer.answers == (OTHER, f"{first.fragment}:them", first.password)

    second = agent.restart("them")
    checked(agent, GOOD)
    assert peer.answers == (OTHER, f"{first.fragment}:them", first.password)
    checked(agent, GOOD, nominate=True)
    assert peer.answers == (GOOD, f"{second.fragment}:them", second.password)

    agent.close()
    assert peer.answers is None


def test_the_nominated_address_is_as_new_as_the_newest() -> None:
    agent, mux = an_agent()
    checked(agent, GOOD, nominate=True)
    others: list[Address] = [("10.0.0.9", port) for port in range(1, 2 * MAX_ADDRESSES + 1)]
    for address in others:
        checked(agent, address)
    assert mux.expelled == others[: MAX_ADDRESSES + 1]

    checked(agent, others[-1], nominate=True)
    for address in others[: MAX_ADDRESSES - 2]:
        checked(agent, address)
    assert GOOD not in mux.expelled
    checked(agent, OTHER)
    assert mux.expelled[-1] == GOOD
