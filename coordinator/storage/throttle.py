"""Slows down who keeps guessing passwords. Pure: time comes in, nothing is stored for good.

Rule 1: a few free tries, then a wait that doubles up to a limit; a success or an hour of quiet forgets all.
Rule 2: counted apart by address, by account, and by both, so that a stranger far away cannot easily lock
the host out, and guessing one account from many places is slowed too.
Rule 3: memory is bounded: of too many keys the oldest are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict

_QUIET_MS = 3_600_000
_MOST_KEYS = 10_000
_LIMITS = {
    "both": (5, 900_000),
    "address": (20, 900_000),
    "account": (50, 30_000),
}  # free tries, longest wait


class Throttle:
    """Counts failures; ask `wait_ms` before checking a password, tell `failed` or `succeeded` after."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str, str], tuple[int, int]] = OrderedDict()  # (count, last)

    def wait_ms(self, account: str, address: str, now_ms: int) -> int:
        """How long this pair has to wait yet; 0 = may try."""
        waits = [0]
        for key in _keys(account, address):
            count, last_ms = self._failures.get(key, (0, 0))
            free, longest_ms = _LIMITS[key[0]]
            if count >= free and now_ms - last_ms < _QUIET_MS:
                pause_ms = min(longest_ms, 1000 * 2 ** min(count - free, 20))
                waits.append(last_ms + pause_ms - now_ms)
        return max(waits)

    def failed(self, account: str, address: str, now_ms: int) -> None:
        """A wrong password."""
        for key in _keys(account, address):
            count, last_ms = self._failures.pop(key, (0, 0))
            self._failures[key] = (1 if now_ms - last_ms >= _QUIET_MS else count + 1, now_ms)
        while len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """The right one: this pair starts afresh (the address's count stays, others may use it)."""
        self._failures.pop(("both", account, address), None)
        self._failures.pop(("account", account, ""), None)


def _keys(account: str, address: str) -> tuple[tuple[str, str, str], ...]:
    return ("both", account, address), ("address", "", address), ("account", account, "")
