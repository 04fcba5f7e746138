"""Thin lines: video waits, sound does not, and what a line carries is found out by trying a little more."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.forwarding.downlink import Downlink
from coordinator.relay.forwarding.pacer import MAX_HOLD_S, MAX_WAIT_S, Pacer
from coordinator.relay.forwarding.probe import (
    FIRST_FACTOR,
    MAX_STEP_S,
    NEAR_FACTOR,
    PAST,
    WAIT_S,
    Condition,
    Prober,
)
from coordinator.relay.forwarding.probe import MAX_WAIT_S as PROBE_WAIT_S

TICK_S = 0.02


def test_a_keyframe_leaves_spread_over_the_time_its_bits_take() -> None:
    pacer: Pacer[int] = Pacer(400_000, 0.0)
    for number in range(12):  # 14 kB, a quarter of a second at this rate
        if not pacer.passes(1200, 0.0):
            pacer.put(number, 1200)
    assert len(pacer) >= 10, "only the first goes at once"
    left, gone, now = len(pacer), [], 0.0
    while len(pacer):
        now += TICK_S
        ready = pacer.due(now)
        assert len(ready) <= 2
        gone += ready
    assert gone == sorted(gone) and len(gone) == left and 0.15 < now < 0.4


def test_what_would_wait_too_long_goes_out_faster_than_the_rate() -> None:
    pacer: Pacer[int] = Pacer(100_000, 0.0)
    for number in range(50):  # 60 kB: almost five seconds at this rate
        pacer.put(number, 1200)
    now = 0.0
    while len(pacer):
        now += TICK_S
        pacer.due(now)
    assert now < 6 * MAX_WAIT_S


def test_nothing_goes_out_while_the_line_drains_and_not_for_ever() -> None:
    pacer: Pacer[int] = Pacer(1_000_000, 0.0)
    pacer.hold(True, 1.0)
    assert not pacer.passes(500, 1.1)
    pacer.put(1, 500)
    assert pacer.due(1.5) == [] and pacer.due(1.1 + MAX_HOLD_S) == [1]


@given(st.lists(st.tuples(st.integers(50, 1400), st.floats(0, 0.05)), max_size=200))
def test_order_is_kept_and_nothing_is_lost_whatever_comes(steps: list[tuple[int, float]]) -> None:
    pacer: Pacer[int] = Pacer(500_000, 0.0)
    gone: list[int] = []
    now = 0.0
    for number, (size, pause) in enumerate(steps):
        now += pause
        gone += pacer.due(now)
        if pacer.passes(size, now):
            gone.append(number)
        else:
            pacer.put(number, size)
    gone += pacer.clear()
    assert gone == list(range(len(steps)))


GOOD = Condition(300_000, 280_000, 0.0, 0.0, 0.0, 0.1, 0)


def test_nothing_is_tried_while_nobody_wants_more_or_the_line_is_not_clean() -> None:
    prober = Prober()
    prober.limited(200_000, 0.0)
    assert prober.padding(GOOD.budget_bps, 0, 60.0) == 0, "nobody wants more"
    prober.wanted_bps = 1_500_000
    prober.limited(200_000, 60.0)
    assert prober.padding(GOOD.budget_bps, 0, 60.0 + WAIT_S / 2) == 0
    prober.padding(GOOD.budget_bps, 0, 60.0 + WAIT_S)
    assert prober.running and prober.padding(GOOD.budget_bps, 0, 60.1 + WAIT_S) > 0


def test_padding_only_fills_what_the_media_leaves() -> None:
    prober = Prober()
    prober.wanted_bps = 1_500_000
    prober.padding(GOOD.budget_bps, 0, 10.0)
    assert prober.padding(GOOD.budget_bps, 100_000, 10.5) == 0
    assert prober.padding(GOOD.budget_bps, 0, 10.5) > 0


def test_a_queue_ends_a_probe_and_the_next_one_waits_a_little_longer() -> None:
    prober = Prober()
    prober.wanted_bps = 1_500_000
    now, waits = 100.0, []
    for _ in range(4):
        began = now
        while not prober.running:
            now += TICK_S
            prober.padding(GOOD.budget_bps, 0, now)
        waits.append(now - began)
        now += 0.2
        assert prober.judge(replace(GOOD, queue_s=0.2), now) is not None and not prober.running
    assert waits[1] < waits[-1] <= PROBE_WAIT_S + 0.1


def step(prober: Prober, budget_bps: float, condition: Condition, now: float) -> tuple[float, float]:
    """Run a step to its end; returns how much it sent (bit/s) and how long it took (seconds)."""
    prober.padding(budget_bps, 0, now)
    goal_bps = 8 * prober.padding(budget_bps, 0, now + 0.1) / 0.1
    arrived = replace(condition, arrived_bps=goal_bps)
    return goal_bps, next(
        TICK_S * n for n in range(1000) if prober.judge(arrived, now + TICK_S * n) is not None
    )


def test_steps_are_small_where_the_line_last_ended_and_large_beyond() -> None:
    prober = Prober()
    prober.wanted_bps = 10_000_000
    prober.limited(200_000, 0.0)
    near, took_near_s = step(prober, 190_000, GOOD, 10.0)
    assert near == pytest.approx(NEAR_FACTOR * 200_000, rel=0.01)
    assert near * took_near_s > 200_000 * took_near_s + 8 * 4000, "more than a line may let pass at once"
    prober.limited(200_000, 20.0)
    beyond, took_beyond_s = step(prober, PAST * 200_000, GOOD, 30.0)
    assert beyond == pytest.approx(FIRST_FACTOR * PAST * 200_000, rel=0.01) and took_beyond_s < took_near_s


def test_a_short_queue_makes_a_step_longer_and_is_no_end() -> None:
    prober = Prober()
    prober.wanted_bps = 10_000_000
    _, clear_s = step(prober, 300_000, GOOD, 10.0)
    prober = Prober()
    prober.wanted_bps = 10_000_000
    goal_bps, queued_s = step(prober, 300_000, replace(GOOD, queue_s=0.05), 10.0)
    assert clear_s < queued_s == pytest.approx(MAX_STEP_S, abs=2 * TICK_S)
    assert prober.running, "the step was enough, the next one follows"
    assert goal_bps == pytest.approx(FIRST_FACTOR * 300_000, rel=0.01)


class ThinLine:
    """A bottleneck with a queue of 350 ms, 50 ms away; media as the estimate allows, in layers.

    After a rest it lets `bucket` bytes pass at once.
    """

    LAYERS = (0.0, 190_000.0, 480_000.0, 1_450_000.0)
    SOUND_BYTES, SOUND_S, RESERVED_BPS = 230, 0.06, 50_000.0

    def __init__(self, bucket: int = 0) -> None:
        self.rate_bps, self.free_at, self.now = 10_000_000.0, 0.0, 100.0
        self.bucket, self.spoke_at = bucket, 0.0
        self.downlink = Downlink()
        self.downlink.probing = True
        self.downlink.prober.wanted_bps = self.LAYERS[-1] + self.RESERVED_BPS
        self.pending: deque[tuple[int, float | None]] = deque()
        self.fed_at = self.credit = 0.0
        self.late = 0.0
        self.silent_s = 0.0
        """How much sound the queue had no place for."""

    def send(self, size: int) -> None:
        number = self.downlink.flight.sent(size, self.now)
        begins = max(self.free_at, self.now - 8 * self.bucket / self.rate_bps)
        waits = max(0.0, begins - self.now)
        arrival = None
        if waits < 0.35:
            self.free_at = begins + 8 * size / self.rate_bps
            arrival = max(self.free_at, self.now) + 0.05
        elif size == self.SOUND_BYTES:
            self.silent_s += self.SOUND_S
        self.pending.append((number & 0xFFFF, arrival))
        self.late = max(self.late, waits)

    def layer(self) -> float:
        left = max(0.0, self.downlink.budget_bps - self.RESERVED_BPS)
        return max(bps for bps in self.LAYERS if bps <= left)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        self.late = 0.0
        while self.now < end:
            self.now += 0.01
            if self.now - self.spoke_at >= self.SOUND_S:
                self.spoke_at = self.now
                self.send(self.SOUND_BYTES)
            self.credit += (0 if self.downlink.draining else self.layer()) / 8 * 0.01
            while self.credit > 0:
                self.send(1100)
                self.credit -= 1100
            for _ in range(self.downlink.padding(self.now) // 305):
                self.send(305)
            if self.now - self.fed_at >= 0.06:
                self.fed_at = self.now
                self.feed()

    def feed(self) -> None:
        told: list[tuple[int, float | None]] = []
        while self.pending and (self.pending[0][1] is None or self.pending[0][1] < self.now - 0.05):
            told.append(self.pending.popleft())
        if told:
            self.downlink.feedback(told, self.now)


def test_a_line_that_becomes_thin_is_found_out_within_two_seconds() -> None:
    line = ThinLine()
    line.run(5.0)
    assert line.layer() == line.LAYERS[-1]
    line.rate_bps = 300_000
    line.run(2.0)
    assert line.layer() == 190_000 and line.downlink.budget_bps < 400_000


@pytest.mark.parametrize("bucket", [0, 4000])
@pytest.mark.parametrize("thin_bps", [300_000, 200_000, 150_000, 100_000])
@pytest.mark.parametrize("after_s", [5.0, 5.02, 5.04])
def test_a_line_that_becomes_thin_costs_a_moment_of_sound(thin_bps: int, bucket: int, after_s: float) -> None:
    line = ThinLine(bucket)
    line.run(after_s)
    line.rate_bps = thin_bps
    line.run(10.0)
    assert line.silent_s < 0.5, "a queue that builds up is not waited for"


@pytest.mark.parametrize("bucket", [0, 4000])
@pytest.mark.parametrize("thin_bps", [300_000, 200_000, 150_000, 100_000])
def test_trying_leaves_the_sound_its_place(thin_bps: int, bucket: int) -> None:
    line = ThinLine(bucket)
    line.run(5.0)
    line.rate_bps = thin_bps
    line.run(6.0)
    line.run(60.0)
    assert 0.6 * thin_bps < line.downlink.budget_bps
    assert line.late < 0.3, "the queue holds 0.35 s"


@pytest.mark.parametrize("bucket", [0, 4000])
@pytest.mark.parametrize("thin_bps", [300_000, 200_000, 150_000, 100_000, 64_000])
def test_a_line_that_was_mended_is_found_out_within_15_seconds(thin_bps: int, bucket: int) -> None:
    line = ThinLine(bucket)
    line.run(5.0)
    line.rate_bps = thin_bps
    line.run(30.0)
    assert line.downlink.budget_bps < 1.3 * thin_bps
    line.rate_bps = 10_000_000
    line.run(14.0)
    assert line.layer() == line.LAYERS[-1]


@pytest.mark.parametrize(("late_s", "goes_on"), [([0.0, 0.12], True), ([0.05, 0.12], False)])
def test_one_late_packet_ends_no_probe(late_s: list[float], goes_on: bool) -> None:
    line = ThinLine()
    line.run(5.0)
    line.rate_bps = 300_000
    line.run(6.0)
    downlink = line.downlink
    while not downlink.prober.running:
        line.run(0.05)
    for late in late_s:
        line.now += 0.06
        number = downlink.flight.sent(100, line.now) & 0xFFFF
        downlink.feedback([(number, line.now + 0.05 + late)], line.now)
    assert downlink.prober.running is goes_on


@pytest.mark.parametrize(("arrived_bps", "kept"), [(310_000, True), (200_000, False)])
def test_a_failed_probe_lowers_nothing_that_has_arrived(arrived_bps: float, kept: bool) -> None:
    prober = Prober()
    prober.wanted_bps = 1_500_000
    prober.padding(GOOD.budget_bps, 0, 10.0)
    found = prober.judge(replace(GOOD, arrived_bps=arrived_bps, queue_s=0.2), 10.5)
    assert found is not None and (found >= GOOD.budget_bps) is kept
