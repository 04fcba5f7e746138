"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

Rule 1: `Recorder` notes when packets came from a publisher and writes the feedback that its encoder needs to
choose a bitrate. `read` understands the same feedback from a subscriber.
Rule 2: every number from the first unreported one to the newest is reported once, as received or not.
"""

from __future__ import annotations

import struct

from .rtp import newer_by

TICK_S = 0.00025
REFERENCE_TICKS = 256  # 64 ms
MAX_STATUSES = 600
SPAN = 2048
"""Numbers that may wait to be reported: the rest of what a longer pause left untold is given up."""
MAX_REPORTED = 2048
"""Seconds of media: a few bytes could claim 65,535 packets, and each claim costs time."""
NOT_RECEIVED, SMALL, LARGE = 0, 1, 2


class Recorder:
    """Arrival times of one publisher's packets, by transport-wide number."""

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._newest: int | None = None
        self._next = 0
        self._count = 0
        self.reported = self._lost = 0
        """Packets reported since the last `take_loss`."""

    def __len__(self) -> int:
        return len(self._arrivals)

    def arrived(self, sequence: int, now: float) -> None:
        """Note one packet; `sequence` is the 16-bit number on the wire, `now` in seconds."""
        if self._newest is None:
            self._newest = self._next = sequence
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
        last = min(max(self._arrivals), base + MAX_STATUSES - 1)
        times = [self._arrivals.pop(number, None) for number in range(base, last + 1)]
        self._next = last + 1
        self.reported += len(times)
        self._lost += times.count(None)
        first = next((time for time in times if time is not None), None)
        if first is None:
            return None
        reference = int(first / TICK_S) // REFERENCE_TICKS
        statuses, deltas = _deltas(times, reference * REFERENCE_TICKS)
        head = struct.pack(
            "!HHI", base & 0xFFFF, len(times), (reference & 0xFFFFFF) << 8 | self._count & 0xFF
        )
        self._count += 1
        return head + _chunks(statuses) + deltas

    def take_loss(self) -> float:
        """Return the share of what was reported that had not come by then, and begin to count anew."""
        share = self._lost / self.reported if self.reported else 0.0
        self.reported = self._lost = 0
        return share


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
    """Return (16-bit number, arrival in seconds on the receiver's clock or None) for each reported packet.

    Raises ValueError when the body is truncated, or reports more than `MAX_REPORTED` packets.
    """
    if len(body) < 8:
        raise ValueError("transport feedback is truncated")
    base, count, reference = struct.unpack_from("!HHI", body)
    if count > MAX_REPORTED:
        raise ValueError("transport feedback on too many packets")
    ticks = (reference >> 8) * REFERENCE_TICKS
    statuses, at = _read_statuses(body, count)
    result: list[tuple[int, float | None]] = []
    for index, status in enumerate(statuses):
        number = base + index & 0xFFFF
        if status not in (SMALL, LARGE):
            result.append((number, None))
            continue
        width = 1 if status == SMALL else 2
        if at + width > len(body):
            raise ValueError("transport feedback is truncated")
        ticks += body[at] if width == 1 else struct.unpack_from("!h", body, at)[0]
        at += width
        result.append((number, ticks * TICK_S))
    return result


def _read_statuses(body: bytes, count: int) -> tuple[list[int], int]:
    statuses: list[int] = []
    at = 8
    while len(statuses) < count:
        if at + 2 > len(body):
            raise ValueError("transport feedback is truncated")
        (word,) = struct.unpack_from("!H", body, at)
        at += 2
        if not word & 0x8000:
            statuses.extend([word >> 13 & 3] * min(word & 0x1FFF, count - len(statuses)))
        elif word & 0x4000:
            statuses.extend(word >> (12 - 2 * index) & 3 for index in range(7))
        else:
            statuses.extend(word >> (13 - index) & 1 for index in range(14))
    return statuses[:count], at
