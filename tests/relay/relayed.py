"""A camera and a microphone on their way to some subscribers, on the fast path of either plane."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from typing import Any

import pytest

from coordinator.relay.door import pointer
from coordinator.relay.forwarding import cursor, rtp
from coordinator.relay.forwarding.history import History
from tests.relay.inside import outbound

VP8, OPUS = 96, 111
CAMERA, VOICE = 7, 6
FIRST = 0xFFFA
FIELDS = cursor.Cursor.__slots__
SO_NO_CHECK = 11
"""A socket without checksums is one whose bursts the kernel refuses to cut."""
EVERYBODY = [({"source": CAMERA, "shift": number}, 5, True) for number in range(3)]


def nothing(*found: object) -> None:
    """What is not to be called."""
    pytest.fail(f"{found}")


class Relayed:
    """A camera on its way to some subscribers: each on a socket of its own, or through a caller."""

    def __init__(
        self, plane: Any, stack: contextlib.ExitStack, *, checks: bool = True, six: bool = False
    ) -> None:
        self.plane, self.stack = plane, stack
        self.family, self.host = (socket.AF_INET6, "::1") if six else (socket.AF_INET, "127.0.0.1")
        self.called: list[list[bytes]] = []
        self.receivers: list[socket.socket | None] = []
        self.exits: list[Any] = []
        self.flights: list[Any] = []
        self.looked_at: list[Any] = []
        self.path = plane.FastPath(plane.Recorder(), self.looked_at.append)
        self.intake = plane.Intake("vp8", 90_000, History(64))
        self.intake.top = FIRST - 1
        self.out = stack.enter_context(socket.socket(self.family, socket.SOCK_DGRAM))
        if not checks:
            self.out.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        self.wire = plane.Wire()
        self.wire.open(None if six else self.out, self.out if six else None)
        self.path.put(CAMERA, (VP8,), self.intake, self.exits, self._keyframe, self._look)
        voice = plane.Intake("opus", 48_000, History(64))
        voice.top = FIRST - 1
        self.path.put(VOICE, (OPUS,), voice, self.exits, self._keyframe, self._look)

    def _keyframe(self, packet: Any, now: float) -> None:
        self.looked_at.append((packet.seq, "keyframe", now))

    def _look(self, packet: Any, places: list[int], now: float) -> None:
        self.looked_at.append((packet.seq, places, now))

    def add(self, fields: dict[str, int], counted: int, aimed: bool) -> None:
        """One more subscriber."""
        told: list[bytes] = []
        at, line = self.plane.Cursor(100 + len(self.exits), 1, 98), self.plane.Flight()
        for name, value in fields.items():
            setattr(at, name, value)
        out = self.plane.Sender(told.append, line)
        out.configure(3, counted)
        receiver = None
        if aimed:
            receiver = self.stack.enter_context(socket.socket(self.family, socket.SOCK_DGRAM))
            receiver.bind((self.host, 0))
            receiver.setblocking(False)
            theirs = outbound()
            srtp = pointer(theirs._srtp[0])
            assert out.aim(self.wire, receiver.getsockname(), srtp, pointer("srtp_protect"), theirs)
        self.called.append(told)
        self.receivers.append(receiver)
        self.flights.append(line)
        self.exits.append((at, out))

    def known(self) -> list[Any]:
        """What each got, and all that is known of it."""
        found: list[Any] = [self.looked_at, self.path.received, self.intake.top]
        found += [self.wire.sent, self.wire.refused]
        for (at, out), told, receiver, line in zip(
            self.exits, self.called, self.receivers, self.flights, strict=True
        ):
            line.take([(number, number / 50 + 7) for number in range(1, line.number + 1, 2)])
            found.append({name: getattr(at, name) for name in FIELDS})
            found.append((out.packets, line.number, line.sent_bytes, line.queue_s, line.outcome()))
            found.append(told + arrived(receiver))
        return found


def arrived(receiver: socket.socket | None) -> list[bytes]:
    """What came to a socket that does not block."""
    found: list[bytes] = []
    with contextlib.suppress(BlockingIOError):
        while receiver is not None:
            found.append(receiver.recv(4096))
    return found


def camera(coming: list[tuple[bytes, bytes, int, bool]], sounds: Collection[int] = ()) -> list[bytes]:
    """Packets of a camera, but for those that are of sound."""
    found = []
    number = {CAMERA: FIRST, VOICE: FIRST}
    for place, (start, kind, length, marker) in enumerate(coming):
        ssrc, payload_type = (VOICE, OPUS) if place in sounds else (CAMERA, VP8)
        payload = start + kind + bytes(length)
        found.append(rtp.build(payload_type, marker, number[ssrc], 3000 * place, ssrc, b"", payload))
        number[ssrc] += 1
    return found
