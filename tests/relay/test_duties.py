"""Who is due is called and nobody else."""

from __future__ import annotations

import math

from coordinator.relay.duties import MAX_AT_ONCE, RETRY_S, Duties


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
