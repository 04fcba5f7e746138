"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

Rule 1: `Recorder` notes when packets came from a publisher and writes the feedback that its encoder needs to
choose a bitrate. `read` understands the same feedback from a subscriber.
Rule 2: every number from the first unreported one to the newest is reported once, as received or not.
Rule 3: feedback goes out with the first packet that comes once it is due: no clock wakes anybody for it.
"""

from __future__ import annotations

import math
import struct
from operator import sub

from . import rtcp
from .rtp import newer_by

INTERVAL_S, SPARSE_INTERVAL_S, SPARSE = 0.1, 0.25, 10
"""How often there is feedback, the second while fewer packets come in the first: it takes the line too."""
TICK_S = 0.00025
REFERENCE_TICKS = 256  # 64 ms
MAX_STATUSES = 600
SPAN = 2048
"""Numbers that may wait to be reported: the rest of what a longer pause left untold is given up."""
MAX_REPORTED = 2048
"""Seconds of media: a few bytes could claim 65,535 packets, and each claim costs time."""
NOT_RECEIVED, SMALL, LARGE = 0, 1, 2
_HEAD, _RUN = struct.Struct("!HHI"), struct.Struct("!H")
_TWO_BITS = [tuple(byte >> shift & 3 for shift in (6, 4, 2, 0)) for byte in range(256)]
_ONE_BIT = [tuple(byte >> shift & 1 for shift in range(7, -1, -1)) for byte in range(256)]
"""The statuses in a byte of a vector."""


class Recorder:
    """Arrival times of one publisher's packets, by transport-wide number."""

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._newest: int | None = None
        self._next = 0
        self._count = 0
        self.reported = self._lost = 0
        """Packets reported since the last `take_loss`."""
        self.due_at = 0.0
        """When the next feedback is due, in seconds; `packet` sets it where something came."""
        self._told_at = 0.0

    def __len__(self) -> int:
        return len(self._arrivals)

    def arrived(self, sequence: int, now: float) -> None:
        """Note one packet; `sequence` is the 16-bit number on the wire, `now` in seconds."""
        if self._newest is None:
            self._newest = self._next = sequence
        number = self._newest + 1
        if sequence == number & 0xFFFF and number - self._next < SPAN:  # as it is nearly always
            self._arrivals[number] = now
            self._newest = number
            return
        number = self._newest + newer_by(sequence, self._newest & 0xFFFF)
        if number - self._newest > MAX_STATUSES or number - self._next >= SPAN:
            self._arrivals.clear()
            self._next = number  # a jump: report from here on
        if number >= self._next:
            self._arrivals[number] = now
        self._newest = max(self._newest, number)

    def feedback(self) -> bytes | None:
        """Return the feedback on everything since the last call, or None when nothing came."""
        if not self._arrivals:
            return None
        base = self._next
        last = min(self._newest or 0, base + MAX_STATUSES - 1)
        times = [self._arrivals.pop(number, None) for number in range(base, last + 1)]
        self._next = last + 1
        self.reported += len(times)
        self._lost += times.count(None)
        first = next((time for time in times if time is not None), None)
        if first is None:
            return None
        reference = int(first / TICK_S) // REFERENCE_TICKS
        head = _HEAD.pack(base & 0xFFFF, len(times), (reference & 0xFFFFFF) << 8 | self._count & 0xFF)
        self._count += 1
        at_ticks = reference * REFERENCE_TICKS
        return head + (_usual(times, at_ticks) or _statuses(times, at_ticks))

    def packet(self, ssrc: int, now: float) -> bytes:
        """Return that feedback as a packet, empty when nothing came; `ssrc` is any of the publisher's."""
        if not self._arrivals:
            return b""
        sparse = len(self._arrivals) * INTERVAL_S < SPARSE * (now - self._told_at)
        interval_s = SPARSE_INTERVAL_S if sparse else INTERVAL_S
        self._told_at, self.due_at = now, (math.floor(now / interval_s) + 1) * interval_s
        body = self.feedback()
        return rtcp.transport_feedback(ssrc, body) if body is not None else b""

    def take_loss(self) -> float:
        """Return the share of what was reported that had not come by then, and begin to count anew."""
        share = self._lost / self.reported if self.reported else 0.0
        self.reported = self._lost = 0
        return share


def _usual(times: list[float | None], at_ticks: int) -> bytes | None:
    """Return the statuses and deltas where all came soon after one another, as nearly always; else None."""
    try:
        ticks = [int(time / TICK_S) for time in times]  # type: ignore[operator]
        deltas = bytes(map(sub, ticks, [at_ticks, *ticks]))
    except (TypeError, ValueError):
        return None
    return _RUN.pack(SMALL << 13 | len(times)) + deltas


def _statuses(times: list[float | None], at_ticks: int) -> bytes:
    """Return the statuses and deltas."""
    statuses, deltas = _deltas(times, at_ticks)
    return _chunks(statuses) + deltas


def _deltas(times: list[float | None], at_ticks: int) -> tuple[list[int], bytes]:
    statuses: list[int] = []
    deltas = bytearray()
    for time in times:
        if time is None:
            statuses.append(NOT_RECEIVED)
            continue
        delta = max(-32768, min(32767, int(time / TICK_S) - at_ticks))
        at_ticks += delta
        if 0 <= delta <= 255:
            statuses.append(SMALL)
            deltas.append(delta)
        else:
            statuses.append(LARGE)
            deltas += struct.pack("!h", delta)
    return statuses, bytes(deltas)


def _chunks(statuses: list[int]) -> bytes:
    """Pack statuses into run-length chunks where seven or more are alike, else into two-bit vectors."""
    out = bytearray()
    at = 0
    while at < len(statuses):
        run = 1
        while at + run < len(statuses) and statuses[at + run] == statuses[at] and run < 8191:
            run += 1
        if run >= 7 or at + run == len(statuses):
            out += struct.pack("!H", statuses[at] << 13 | run)
            at += run
            continue
        word = 0xC000
        for offset, status in enumerate(statuses[at : at + 7]):
            word |= status << (12 - 2 * offset)
        out += struct.pack("!H", word)
        at += 7
    return bytes(out)


def read(body: bytes) -> list[tuple[int, float | None]]:
    """Return (16-bit number, arrival or None) for each reported packet; see `arrivals`."""
    base, found = arrivals(body)
    return [(base + index & 0xFFFF, arrival) for index, arrival in enumerate(found)]


def arrivals(body: bytes) -> tuple[int, list[float | None]]:
    """Return the first reported number (16 bits) and, from there on, when each packet came or None.

    In seconds on the receiver's clock. Raises ValueError when the body is truncated, or reports more than
    `MAX_REPORTED` packets.
    """
    size = len(body)
    if size < 8:
        raise ValueError("transport feedback is truncated")
    base, count, reference = _HEAD.unpack_from(body)
    if count > MAX_REPORTED:
        raise ValueError("transport feedback on too many packets")
    ticks = (reference >> 8) * REFERENCE_TICKS
    statuses, at = _read_statuses(body, count)
    if at + count <= size and statuses.count(SMALL) == count:  # as it is nearly always
        return base, [(ticks := ticks + delta) * TICK_S for delta in body[at : at + count]]
    found: list[float | None] = []
    for status in statuses:
        if status not in (SMALL, LARGE):
            found.append(None)
            continue
        width = 1 if status == SMALL else 2
        if at + width > size:
            raise ValueError("transport feedback is truncated")
        ticks += body[at] if width == 1 else int.from_bytes(body[at : at + 2], "big", signed=True)
        at += width
        found.append(ticks * TICK_S)
    return base, found


def _read_statuses(body: bytes, count: int) -> tuple[list[int], int]:
    """Return the status of each packet, and where what follows them begins."""
    statuses: list[int] = []
    at = 8
    while len(statuses) < count:
        if at + 2 > len(body):
            raise ValueError("transport feedback is truncated")
        word = body[at] << 8 | body[at + 1]
        at += 2
        if not word & 0x8000:
            statuses += [word >> 13] * min(word & 0x1FFF, count - len(statuses))
        elif word & 0x4000:
            statuses += _TWO_BITS[word >> 8 & 0x3F][1:]
            statuses += _TWO_BITS[word & 0xFF]
        else:
            statuses += _ONE_BIT[word >> 8 & 0x3F][2:]
            statuses += _ONE_BIT[word & 0xFF]
    del statuses[count:]
    return statuses, at
