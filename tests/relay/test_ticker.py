"""A steady pace: no drift, missed ticks are left out, a fault costs one; for duties only when one is due."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from coordinator.relay.duties import Duties
from coordinator.relay.ticker import DutyTicker, Ticker

TICK_S = 0.25


class Loop:
    """A loop whose time is told to it, and which has one timer."""

    def __init__(self) -> None:
        self.now = 10.1
        self.due = 0.0
        self.call: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Loop:
        assert self.call is None
        self.due, self.call = when, call
        return self

    def cancel(self) -> None:
        self.call = None

    def when(self) -> float:
        return self.due

    def pass_until(self, end: float, late: float = 0.0) -> None:
        """Let the time pass; the timer comes so much too late."""
        while self.call is not None and self.due + late <= end:
            call, self.call = self.call, None
            self.now = max(self.now, self.due + late)
            call()
        self.now = end


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    return made


def test_ticks_do_not_drift(loop: Loop) -> None:
    called: list[float] = []
    Ticker(called.append, TICK_S)
    loop.pass_until(12.2, late=0.0625)
    assert called == [10.3125 + TICK_S * number for number in range(8)]


def test_two_that_tick_in_multiples_tick_together(loop: Loop) -> None:
    called: list[float] = []
    Ticker(called.append, 2 * TICK_S)
    loop.pass_until(12.1)
    assert called == [10.5, 11.0, 11.5, 12.0]


def test_ticks_that_were_missed_are_left_out(loop: Loop) -> None:
    called: list[float] = []
    Ticker(called.append, TICK_S)
    loop.now = 20.1  # everything stood still
    loop.pass_until(21.1)
    assert called[0] == 20.1
    assert sum(at == 20.1 for at in called) <= 2
    assert [at for at in called if at > 20.1] == [20.25, 20.5, 20.75, 21.0]


def test_what_is_raised_is_logged_and_costs_one_tick(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    called: list[float] = []

    def work(now: float) -> None:
        called.append(now)
        if len(called) == 1:
            raise ValueError("wrong once")

    Ticker(work, TICK_S)
    loop.pass_until(10.8)
    assert called == [10.25, 10.5, 10.75]
    assert [record.message for record in caplog.records] == ["a tick failed"]
    assert "wrong once" in caplog.text


def test_it_stops_also_from_within(loop: Loop) -> None:
    called: list[float] = []
    ticker = Ticker(called.append, TICK_S)
    loop.pass_until(10.6)
    ticker.stop()
    loop.pass_until(11.0)
    assert called == [10.25, 10.5]

    def work(now: float) -> None:
        called.append(now)
        other.stop()

    other = Ticker(work, TICK_S)
    loop.pass_until(12.0)
    assert called == [10.25, 10.5, 11.25]


# duties


class Counted(Duties):
    """Duties of which one is there, that is due when it is woken; `runs` and `called` are the times."""

    def __init__(self, again_s: float = math.inf) -> None:
        super().__init__()
        self.runs: list[float] = []
        self.called: list[float] = []
        self.duty = self.add(lambda now: self.called.append(now) or now + again_s)

    def run(self, now: float) -> None:
        self.runs.append(now)
        super().run(now)


def test_duties_are_run_at_the_tick_when_something_is_due_and_at_no_other_time(loop: Loop) -> None:
    duties = Counted()
    ticker = DutyTicker(duties, TICK_S)
    loop.pass_until(15.0)
    assert duties.runs == duties.called == [10.25] and loop.call is None
    duties.duty.wake(75.0)
    duties.duty.wake(15.6)
    loop.pass_until(20.0)
    assert duties.runs == duties.called == [10.25, 15.75] and loop.call is None
    duties.duty.wake()
    loop.pass_until(20.3)
    assert duties.runs[2:] == duties.called[2:] == [20.25]
    ticker.stop()
    duties.duty.wake()
    loop.pass_until(30.0)
    assert len(duties.runs) == len(duties.called) == 3


def test_what_is_always_due_is_done_once_a_tick(loop: Loop) -> None:
    duties = Counted(again_s=0.0)
    DutyTicker(duties, TICK_S)
    loop.pass_until(12.1)
    assert duties.called == [10.25 + TICK_S * number for number in range(8)]
