"""Who is due is called and nobody else, and the event loop turns for nothing else."""

from __future__ import annotations

import asyncio
import math

from coordinator.relay.duties import MAX_AT_ONCE, RETRY_S, Duties
from coordinator.relay.ticker import DutyTicker

TICK_S = 0.02


def test_only_what_is_due_is_called_and_the_earlier_time_counts() -> None:
    duties, called = Duties(), []

    def work(now: float) -> float:
        called.append(now)
        return now + 1.0

    duty = duties.add(work)
    for now in (10.0, 10.5, 11.0):
        duties.run(now)
    assert called == [10.0, 11.0]
    duty.wake(11.2)
    duty.wake(11.4)
    for now in (11.1, 11.3, 11.5, 12.3):
        duties.run(now)
    assert called == [10.0, 11.0, 11.3, 12.3]
    duty.cancel()
    duties.run(99.0)
    duty.wake()
    assert len(called) == 4 and len(duties) == 0


def test_what_is_always_due_gets_one_turn_a_run_and_what_fails_another_one_soon() -> None:
    duties, called = Duties(), []

    def busy(now: float) -> float:
        called.append(now)
        return now

    def faulty(now: float) -> float:
        called.append(-now)
        raise RuntimeError

    duties.add(faulty)
    duties.add(busy)
    for now in (1.0, 1.02, 1.02 + RETRY_S):
        duties.run(now)
    assert called[:3] == [-1.0, 1.0, 1.02] and sorted(called[3:]) == [-1.02 - RETRY_S, 1.02 + RETRY_S]


# the clock


async def test_duties_are_run_when_something_is_due_and_at_no_other_time() -> None:
    loop, duties, called = asyncio.get_running_loop(), Duties(), []
    runs = 0
    run = duties.run

    def counted(now: float) -> None:
        nonlocal runs
        runs += 1
        run(now)

    duties.run = counted  # type: ignore[method-assign]

    def work(now: float) -> float:
        called.append(now)
        return math.inf

    duty = duties.add(work)
    ticker = DutyTicker(duties, TICK_S)
    await asyncio.sleep(0.3)
    assert runs == len(called) == 1
    duty.wake(loop.time() + 60.0)
    woken_at = loop.time()
    duty.wake(woken_at + 0.1)
    await asyncio.sleep(0.3)
    assert runs == len(called) == 2 and called[1] >= woken_at + 0.1
    duty.wake()
    await asyncio.sleep(0.2)
    assert runs == 3
    ticker.stop()
    duty.wake()
    await asyncio.sleep(0.1)
    assert runs == len(called) == 3


async def test_what_is_always_due_is_done_once_a_tick() -> None:
    duties, called = Duties(), []

    def busy(now: float) -> float:
        called.append(int(now / TICK_S + 1e-3))
        return now

    duties.add(busy)
    ticker = DutyTicker(duties, TICK_S)
    await asyncio.sleep(0.5)
    ticker.stop()
    assert len(called) == len(set(called)) > 5


def test_a_run_ends_after_so_many_turns_and_the_rest_comes_next() -> None:
    duties, called = Duties(), []

    def work(now: float) -> float:
        called.append(now)
        return math.inf

    for _ in range(MAX_AT_ONCE + 3):
        duties.add(work)
    duties.run(1.0)
    duties.run(1.02)
    assert called.count(1.0) == MAX_AT_ONCE and called.count(1.02) == 3
