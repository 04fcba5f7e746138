"""Who is due is called and nobody else, and the event loop turns for nothing else."""

from __future__ import annotations

import asyncio
import math

from coordinator.relay.agenda import MAX_AT_ONCE, RETRY_S, Agenda
from coordinator.relay.ticker import AgendaTicker

TICK_S = 0.02


def test_only_what_is_due_is_called_and_the_earlier_time_counts() -> None:
    agenda, called = Agenda(), []

    def work(now: float) -> float:
        called.append(now)
        return now + 1.0

    turn = agenda.add(work)
    for now in (10.0, 10.5, 11.0):
        agenda.run(now)
    assert called == [10.0, 11.0]
    turn.wake(11.2)
    turn.wake(11.4)
    for now in (11.1, 11.3, 11.5, 12.3):
        agenda.run(now)
    assert called == [10.0, 11.0, 11.3, 12.3]
    turn.cancel()
    agenda.run(99.0)
    turn.wake()
    assert len(called) == 4 and len(agenda) == 0


def test_what_is_always_due_gets_one_turn_a_run_and_what_fails_another_one_soon() -> None:
    agenda, called = Agenda(), []

    def busy(now: float) -> float:
        called.append(now)
        return now

    def faulty(now: float) -> float:
        called.append(-now)
        raise RuntimeError

    agenda.add(faulty)
    agenda.add(busy)
    for now in (1.0, 1.02, 1.02 + RETRY_S):
        agenda.run(now)
    assert called[:3] == [-1.0, 1.0, 1.02] and sorted(called[3:]) == [-1.02 - RETRY_S, 1.02 + RETRY_S]


# the clock


async def test_an_agenda_is_run_when_something_is_due_and_at_no_other_time() -> None:
    loop, agenda, called = asyncio.get_running_loop(), Agenda(), []
    runs = 0
    run = agenda.run

    def counted(now: float) -> None:
        nonlocal runs
        runs += 1
        run(now)

    agenda.run = counted  # type: ignore[method-assign]

    def work(now: float) -> float:
        called.append(now)
        return math.inf

    turn = agenda.add(work)
    ticker = AgendaTicker(agenda, TICK_S)
    await asyncio.sleep(0.3)
    assert runs == len(called) == 1
    turn.wake(loop.time() + 60.0)
    woken_at = loop.time()
    turn.wake(woken_at + 0.1)
    await asyncio.sleep(0.3)
    assert runs == len(called) == 2 and called[1] >= woken_at + 0.1
    turn.wake()
    await asyncio.sleep(0.2)
    assert runs == 3
    ticker.stop()
    turn.wake()
    await asyncio.sleep(0.1)
    assert runs == len(called) == 3


async def test_what_is_always_due_is_done_once_a_tick() -> None:
    agenda, called = Agenda(), []

    def busy(now: float) -> float:
        called.append(int(now / TICK_S + 1e-3))
        return now

    agenda.add(busy)
    ticker = AgendaTicker(agenda, TICK_S)
    await asyncio.sleep(0.5)
    ticker.stop()
    assert len(called) == len(set(called)) > 5


def test_a_run_ends_after_so_many_turns_and_the_rest_comes_next() -> None:
    agenda, called = Agenda(), []

    def work(now: float) -> float:
        called.append(now)
        return math.inf

    for _ in range(MAX_AT_ONCE + 3):
        agenda.add(work)
    agenda.run(1.0)
    agenda.run(1.02)
    assert called.count(1.0) == MAX_AT_ONCE and called.count(1.02) == 3
