"""Waiting for a state, never for luck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    what: str, ask: Callable[[], Awaitable[T]], within_s: float = 45.0, every_s: float = 0.1
) -> T:
    """Asks until the answer is true and returns it.

    Raises:
        AssertionError: it did not become true within `within_s`; says `what` and the last answer.
    """
    deadline = time.monotonic() + within_s
    while not (answer := await ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what} (last answer: {answer!r})")
        await asyncio.sleep(every_s)
    return answer
