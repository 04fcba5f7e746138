"""Checks of connectivity that the compiled door answers itself, beside the agent that answers all."""

from __future__ import annotations

import contextlib
import hmac
import random
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from struct import pack
from typing import Any, NamedTuple
from unittest import mock
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.relay.binding import BindingRequest, write_response
from coordinator.relay.door import Behind, PureDoor
from coordinator.relay.doors import Address, PureDoors
from coordinator.relay.forwarding import sender
from coordinator.relay.ice import Credentials, IceAgent
from coordinator.relay.media_loop import MediaSelector
from coordinator.relay.udp_mux import UdpMux

compiled: Any = pytest.importorskip("coordinator.relay.forwarding._compiled", reason="no compiler at set-up")

PURE = PureDoors, PureDoor, sender.Wire
IN_C = compiled.Doors, compiled.Door, compiled.Wire
FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
COOKIE = 0x2112A442
TRANSACTION = bytes(range(100, 112))
USUAL = ("username", "controlling", "priority", "integrity", "print")
NOMINATING = ("username", "use", "integrity", "print")
PLAIN = {
    "foreign": (0x06, b"nobody:them"),
    "not text": (0x06, b"\xff\xfe"),
    "use": (0x25, b""),
    "priority": (0x24, bytes(4)),
    "controlling": (0x802A, bytes(8)),
    "software": (0x8022, b"seven b"),
    "short integrity": (0x08, bytes(19)),
}
OTHERS = [
    "username",
    "half",
    "integrity",
    "wrong integrity",
    "long integrity",
    "print",
    "wrong print",
    "long print",
]
IGNORED = ["foreign", "not text", "use", "software", "short integrity", "half", "wrong integrity"]
"""Where they come after the signature."""


def udp(family: int, host: str) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, 0))
    made.setblocking(False)
    return made


def requested(attributes: Sequence[str], known: Credentials, cookie: int = COOKIE) -> bytes:
    """A request with these attributes in this order; what is signed or printed is what is before it."""
    body, prints = b"", []

    def head(more: int) -> bytes:
        return pack("!HHI12s", 1, len(body) + more, cookie, TRANSACTION)

    for name in attributes:
        if name in ("username", "half"):
            username = f"{known.fragment}:them" if name == "username" else f"{known.fragment}:th"
            code, value = 0x06, username.encode()
        elif name in ("integrity", "wrong integrity", "long integrity"):
            password = "wrong" if name == "wrong integrity" else known.password
            value = hmac.digest(password.encode(), head(24) + body, "sha1")
            code, value = 0x08, value + bytes(4 * (name == "long integrity"))
        elif name.endswith("print"):
            prints.append((20 + len(body), 0 if name == "wrong print" else 0x5354554E))
            code, value = 0x8028, bytes(8 if name == "long print" else 4)
        else:
            code, value = PLAIN[name]
        body += pack("!HH", code, len(value)) + value + bytes(-len(value) % 4)
    whole = head(0) + body
    for at, xor in prints:  # they are about the length in the header too
        whole = whole[: at + 4] + pack("!I", crc32(whole[:at]) ^ xor) + whole[at + 8 :]
    return whole


class Mux(UdpMux):
    """The relay's end of one socket in one plane; notes what `stranger` gets."""

    def __init__(self, plane: Any, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock
        self.strange: list[bytes] = []
        make_doors, _, make_wire = plane
        self.doors, self.wire = make_doors(self._noted), make_wire()
        self.wire.open(*((sock, None) if sock.family == socket.AF_INET else (None, sock)))

    def _noted(self, data: bytes, address: Address) -> None:
        self.strange.append(data)
        self._stranger(data, address)

    def send(self, data: bytes | memoryview, address: Address) -> None:
        self.sock.sendto(data, address)
        self.wire.sent += 1


def a_door(plane: Any) -> Any:
    return plane[1](Behind(*[lambda _: None] * 4), (1e6, 0.0), (1e6, 0.0))


class Side:
    """One peer's end in one plane: its door and agent, as a transport has them."""

    def __init__(self, plane: Any, sock: socket.socket) -> None:
        self.mux = Mux(plane, sock)
        self.door = a_door(plane)
        self.turns = 0
        self.agent = IceAgent(self.mux, self, self._turned)
        self.known: list[Credentials] = []

    def _turned(self) -> None:
        self.turns += 1

    def check(self, asked: BindingRequest, address: Address) -> bytes | None:
        answer = self.agent.check(asked, address)
        if answer is not None:
            self.door.heard_at = 1.0
        return answer

    def restart(self, fragment: str = "them") -> Credentials:
        with mock.patch("secrets.choice", random.Random(len(self.known)).choice):
            self.known.append(self.agent.restart(fragment))
        return self.known[-1]

    def asked(self, client: socket.socket, data: bytes) -> bytes | None:
        """Send to this side and return what comes back."""
        self.door.heard_at = 0.0
        client.sendto(data, self.mux.sock.getsockname())
        self.mux.doors.drain(self.mux.sock)
        try:
            return client.recv(2048)
        except BlockingIOError:
            return None

    def strange(self) -> list[bytes]:
        """What came to `stranger` since the last time."""
        told, self.mux.strange = self.mux.strange, []
        return told

    def looks(self) -> object:
        """What the same requests should leave the same."""
        mux = self.mux
        return (
            self.agent.nominated, self.agent.current, self.turns, len(mux.doors),
            mux.doors.received, mux.doors.dropped, mux.wire.sent, mux.wire.refused,
        )  # fmt: skip


@contextlib.contextmanager
def sides(where: tuple[int, str], clients: int = 2) -> Iterator[tuple[Side, Side, list[socket.socket]]]:
    """The pure side, the compiled one, and clients."""
    with contextlib.ExitStack() as stack:
        some = [stack.enter_context(udp(*where)) for _ in range(2 + clients)]
        yield Side(PURE, some[0]), Side(IN_C, some[1]), some[2:]


@pytest.fixture(params=FAMILIES, ids=["four", "six"])
def nominated(request: pytest.FixtureRequest) -> Iterator[tuple[Side, list[socket.socket]]]:
    """A compiled side on which the first client has nominated its path, and clients."""
    with sides(request.param, 12) as (_, side, clients):
        known = side.restart()
        assert side.asked(clients[0], requested(NOMINATING, known))
        assert side.strange() == [requested(NOMINATING, known)]
        yield side, clients


class Ask(NamedTuple):
    """A request of a client, with some generation's credentials, and what is done to its bytes."""

    client: int
    generation: int
    attributes: Sequence[str]
    flips: Sequence[int] = ()
    cut: int = 0
    more: bytes = b""
    fits: bool = False
    """Whether its length is put right afterwards."""

    def data(self, known: Sequence[Credentials]) -> bytes:
        data = bytearray(requested(self.attributes, known[self.generation % len(known)]))
        for bit in self.flips:
            data[bit // 8 % len(data)] ^= 1 << bit % 8
        data = data[: max(0, len(data) - self.cut)] + self.more
        if self.fits and len(data) >= 20:
            data[2:4] = pack("!H", len(data) - 20)
        return bytes(data)


before = st.lists(st.sampled_from(["use", "priority", "controlling", "software", "username"]), max_size=4)
good = st.builds(
    lambda first, then, last: ("username", *first, "integrity", *then, *last),
    before,
    st.lists(st.sampled_from(IGNORED), max_size=2),
    st.sampled_from([("print",), ()]),
)
layouts = st.one_of(
    st.sampled_from([USUAL, NOMINATING]),
    good,
    st.lists(st.sampled_from([*PLAIN, *OTHERS, "username", "integrity"]), max_size=8),
)
clients, generations = st.integers(0, 1), st.sampled_from([-1, -1, 0, 1])
sound = st.builds(Ask, clients, generations, layouts)
spoilt = st.builds(
    Ask,
    clients,
    generations,
    st.one_of(st.just(USUAL), layouts),
    st.lists(st.integers(0, 8 * 120), max_size=2),
    st.sampled_from([0, 0, 1, 4, 8, 24, 32]),
    st.sampled_from([b"", b"", b"\0", b"\0\6\0\0", pack("!HH", 0x25, 0), pack("!HHI", 0x8028, 4, 0)]),
    st.booleans(),
)
steps = st.lists(
    st.one_of(sound, sound, spoilt, spoilt, st.sampled_from(["restart them", "restart "])), max_size=12
)


@settings(max_examples=400)
@given(st.sampled_from(FAMILIES), st.booleans(), steps, st.booleans())
def test_what_comes_back_is_the_same_and_the_rest_goes_to_who_takes_strangers(
    where: tuple[int, str], nominates: bool, walk: list[Ask | str], closes: bool
) -> None:
    first: list[Ask | str] = [Ask(0, 0, NOMINATING)] if nominates else []
    last: list[Ask | str] = ["close", Ask(0, 0, USUAL), Ask(0, -1, USUAL)] if closes else []
    with sides(where) as (pure, fast, others):
        for step in ["restart them", *first, *walk, *last]:
            if isinstance(step, Ask):
                taken_alike(pure, fast, others[step.client], step.data(pure.known))
            elif step == "close":
                pure.agent.close()
                fast.agent.close()
            else:
                assert pure.restart(step[8:]) == fast.restart(step[8:])
            assert pure.looks() == fast.looks()
        assert not (closes and fast.agent.nominated)


def taken_alike(pure: Side, fast: Side, client: socket.socket, data: bytes) -> None:
    before = pure.looks(), fast.agent.nominated
    expected = pure.asked(client, data)
    assert fast.asked(client, data) == expected
    assert (fast.door.heard_at > 0.0) == (pure.door.heard_at > 0.0) == (expected is not None)
    if data and data[0] < 4:
        assert pure.strange() == [data]
        at_the_door = fast.strange() != [data]
        assert not at_the_door or (expected is not None and client.getsockname() == before[1])
        assert not at_the_door or pure.agent.nominated == fast.agent.nominated == before[1]
    else:
        assert pure.strange() == fast.strange() == []


@settings(max_examples=100)
@given(st.sampled_from(FAMILIES), good)
def test_a_check_that_changes_nothing_is_answered_at_the_door(
    where: tuple[int, str], attributes: tuple[str, ...]
) -> None:
    with sides(where) as (_, side, (client, _)):
        known = side.restart()
        side.asked(client, requested(NOMINATING, known))
        side.strange()
        sent, before = side.mux.wire.sent, side.turns
        answer = side.asked(client, requested(attributes, known))
        assert answer == write_response(TRANSACTION, client.getsockname(), known.password.encode())
        assert side.strange() == []
        assert side.door.heard_at > 1.0
        assert (side.mux.wire.sent, side.turns) == (sent + 1, before)


SIGNED = ("username", "integrity")


@pytest.mark.parametrize(
    "spoilt",
    [
        Ask(0, 0, SIGNED, cut=1),
        Ask(0, 0, SIGNED, cut=1, fits=True),
        Ask(0, 0, SIGNED, more=bytes(4)),
        Ask(0, 0, SIGNED, more=bytes(2), fits=True),
        Ask(0, 0, SIGNED, more=b"\x80\x22\0\4abc", fits=True),
        Ask(0, 0, (*SIGNED, "print"), more=bytes(4), fits=True),
        Ask(0, 0, USUAL, flips=[8 * 30]),
        Ask(0, 0, USUAL, flips=[15]),
        Ask(0, 0, USUAL, flips=[32]),
    ],
    ids=["cut", "cut off", "longer", "half", "runs over", "after print", "name", "kind", "cookie"],
)
def test_what_is_spoilt_goes_to_who_takes_strangers(
    nominated: tuple[Side, list[socket.socket]], spoilt: Ask
) -> None:
    side, (client, *_) = nominated
    for data in (spoilt.data(side.known), requested(USUAL, side.known[0], COOKIE + 1)):
        assert side.asked(client, data) is None
        assert side.strange() == [data]


@pytest.mark.parametrize(
    "attributes",
    [
        ("username", "print"),
        ("not text", "username", "integrity", "print"),
        ("foreign", "username", "integrity", "print"),
        ("username", "integrity", "print", "software"),
        ("username", "wrong integrity", "print"),
        ("username", "integrity", "wrong print"),
        ("username", "integrity", "long print"),
        ("username", "short integrity", "print"),
        ("username", "long integrity", "print"),
        ("foreign", "integrity", "print"),
        ("half", "integrity", "print"),
        ("integrity", "username", "print"),
        ("username", "print", "integrity"),
        ("integrity", "print"),
        (),
    ],
    ids=" ".join,
)
def test_any_other_goes_to_who_takes_strangers(
    nominated: tuple[Side, list[socket.socket]], attributes: tuple[str, ...]
) -> None:
    side, (client, *_) = nominated
    data = requested(attributes, side.known[0])
    side.asked(client, data)
    assert side.strange() == [data]


def test_before_a_nomination_and_from_elsewhere_checks_are_the_agents() -> None:
    with sides(FAMILIES[0]) as (_, side, (one, other)):
        data = requested(USUAL, side.restart())
        assert side.asked(one, data) and side.strange() == [data]
        assert side.asked(one, data) and side.strange() == [data]
        side.asked(one, requested(NOMINATING, side.known[0])), side.strange()
        assert side.asked(other, data) and side.strange() == [data]
        assert side.asked(one, data) and side.strange() == []
        side.asked(other, requested(NOMINATING, side.known[0])), side.strange()
        assert side.asked(one, data) and side.strange() == [data]
        assert side.asked(other, data) and side.strange() == []


def test_a_restart_ends_the_old_credentials_with_the_new_nomination(
    nominated: tuple[Side, list[socket.socket]],
) -> None:
    side, (client, *_) = nominated
    old, new = requested(USUAL, side.known[0]), requested(USUAL, side.restart())
    assert side.asked(client, old) and side.strange() == []
    assert side.asked(client, new) and side.strange() == [new]
    assert side.asked(client, old) and side.strange() == []

    nominating = requested(NOMINATING, side.known[1])
    assert side.asked(client, nominating) and side.strange() == [nominating]
    assert side.asked(client, old) is None and side.strange() == [old]
    assert side.asked(client, new) and side.strange() == []
    assert side.asked(client, nominating) and side.strange() == []


def test_nobody_is_answered_after_the_end(nominated: tuple[Side, list[socket.socket]]) -> None:
    side, (client, *_) = nominated
    data = requested(USUAL, side.known[0])
    side.mux.admit(client.getsockname(), side)
    side.agent.close()
    side.mux.admit(client.getsockname(), side)  # the door itself knows it no more either
    assert side.asked(client, data) is None and side.strange() == [data]


def test_the_nominated_address_is_kept_though_the_agent_sees_none_of_its_checks(
    nominated: tuple[Side, list[socket.socket]],
) -> None:
    side, clients = nominated
    data = requested(USUAL, side.known[0])
    for client in clients[1:]:
        assert side.asked(client, data)
        side.strange()
        assert side.asked(clients[0], data) and side.strange() == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_fault_leaves_a_check_to_who_takes_strangers(
    nominated: tuple[Side, list[socket.socket]], times: int
) -> None:
    side, (client, *_) = nominated
    data = requested(USUAL, side.known[0])
    real, calls = hmac.digest, []

    def fails(*arguments: Any) -> bytes:
        calls.append(arguments)
        if len(calls) == times:
            raise ValueError("not now")
        return real(*arguments)

    with mock.patch("hmac.digest", fails):
        assert side.asked(client, data) and side.strange() == [data]
    with mock.patch("hmac.digest", side_effect=[b"short", real(b"", b"", "sha1"), b""]):
        assert side.asked(client, data) is None and side.strange() == [data]
    with mock.patch("hmac.digest", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        side.asked(client, data)
    assert side.strange() == []
    assert side.asked(client, data) and side.strange() == []


def test_the_event_loop_waits_on_over_a_check(nominated: tuple[Side, list[socket.socket]]) -> None:
    side, (client, *_) = nominated
    ours, theirs = socket.socketpair()

    def tell() -> None:
        client.settimeout(20)
        if client.recv(2048):
            theirs.send(b"answered")

    teller = threading.Thread(target=tell)
    with ours, theirs, contextlib.closing(MediaSelector(compiled)) as selector:
        selector.watch(side.mux.sock, side.mux.doors)
        selector.register(ours, 1)
        client.sendto(requested(USUAL, side.known[0]), side.mux.sock.getsockname())
        teller.start()
        assert [key.fileobj for key, _ in selector.select(20)] == [ours]
        teller.join(20)
    assert side.strange() == []


def test_a_door_takes_what_checks_are_about_and_lets_go_of_it() -> None:
    door, wire = a_door(IN_C), compiled.Wire()
    username, password = b"a user:a peer", b"a password"
    before = [sys.getrefcount(each) for each in (wire, username, password)]
    for address in (("10.0.0.1", 7), ("::1", 7, 0, 0), ("nowhere", 7), ("10.0.0.1", 7)):
        door.answer_checks(wire, address, username, password)
    assert [sys.getrefcount(each) for each in (wire, username, password)] == [each + 1 for each in before]
    for wrong in (("no wire", ("10.0.0.1", 7), b"", b""), (wire, ("10.0.0.1", 7), "text", b""), ()):
        with pytest.raises(TypeError):
            door.answer_checks(*wrong)
    assert [sys.getrefcount(each) for each in (wire, username, password)] == before
    door.answer_checks(wire, ("10.0.0.1", 7), username, password)
    door.leave_checks()
    assert [sys.getrefcount(each) for each in (wire, username, password)] == before
    door.answer_checks(wire, ("10.0.0.1", 7), username, password)
    del door
    assert [sys.getrefcount(each) for each in (wire, username, password)] == before


def test_answers_keep_nothing(nominated: tuple[Side, list[socket.socket]]) -> None:
    side, (client, *_) = nominated
    data, door = requested(USUAL, side.known[0]), side.door
    bad = requested(("username", "wrong integrity"), side.known[0])
    counted = [door, side.mux.wire, side.agent]
    before = [sys.getrefcount(each) for each in counted]
    blocks = sys.getallocatedblocks()
    for _ in range(2000):
        assert side.asked(client, data)
        assert side.asked(client, bad) is None
        side.strange()
    assert [sys.getrefcount(each) for each in counted] == before
    assert sys.getallocatedblocks() - blocks < 500
