"""Feedback that is weighed seldom while a line is easy: the same is found out, no later."""

from __future__ import annotations

import math

import pytest

from coordinator.relay.forwarding import engine, flight
from coordinator.relay.forwarding.downlink import Downlink
from coordinator.relay.plane import EASY_INTERVAL_S, WEIGHING_INTERVAL_S

TICK_S = 0.02


@pytest.mark.parametrize("kind", {flight.Flight, engine.Flight})
def test_a_flight_raises_the_alarm_for_loss_and_for_a_queue_and_for_nothing_else(
    kind: type[flight.Flight],
) -> None:
    line, rung = kind(), []
    line.alarm = lambda: rung.append(line.told)
    for number in range(30):
        line.sent(1000, number / 100)
    line.take([(number, number / 100) for number in range(1, 11)])
    assert rung == []
    line.take([(11, None)])
    assert rung == [2]
    line.outcome()
    line.take([(number, number / 100 + 0.3) for number in range(12, 25)])
    assert rung == [2, 1]
    line.alarm = None
    line.take([(25, None)])
    assert rung == [2, 1]


@pytest.mark.parametrize("kind", {flight.Flight, engine.Flight})
def test_a_queue_that_builds_up_is_told_from_a_machine_that_stumbled(kind: type[flight.Flight]) -> None:
    def told(late_s: list[list[float]]) -> tuple[list[bool], int]:
        line, rung, seen, number = kind(), [], [], 0
        line.alarm = lambda: rung.append(line.told)
        for message in [[0.0] * 5, *late_s]:
            for _ in message:
                number += 1
                line.sent(1000, number / 100)
            first = number - len(message) + 1
            line.take([(first + n, (first + n) / 100 + late) for n, late in enumerate(message)])
            seen.append(line.rising)
        return seen[1:], len(rung)

    assert told([[0.01], [0.05], [0.09], [0.14]]) == ([False, False, False, True], 1)
    assert told([[0.06, 0.09], [0.11, 0.15], [0.18, 0.16], [0.17, 0.2]])[0] == [False, True, True, False]
    assert told([[0.04], [0.08], [0.09], [0.1]])[0] == [False, False, False, False], "one that stands"
    assert told([[0.4, 0.3, 0.2, 0.1, 0.0], [0.2, 0.15, 0.05], [0.15, 0.07]])[0] == [False, False, False]


def trace(rate_bps: float, loss_every: int, after_s: float) -> list[tuple[float, int, float | None, float]]:
    """Packets on a line that is good for a while, then thin or lossy: (sent, number, came, told)."""
    packets, free_at, step = [], 0.0, 0.008
    for number in range(1, 1500):
        sent = 100 + number * step
        thin = sent - 100 > after_s
        waits = max(0.0, free_at - sent) if thin else 0.0
        lost = thin and (waits > 0.25 or (loss_every and number % loss_every == 0))
        if thin and not lost:
            free_at = max(free_at, sent) + 9600 / rate_bps
        came = None if lost else (free_at if thin else sent) + 0.02
        packets.append((sent, number, came, 100 + math.ceil((sent - 100 + 0.3) / 0.1) * 0.1))
    return packets


def seen_at(packets: list[tuple[float, int, float | None, float]], every_s: float) -> tuple[float, float]:
    """When the line is found out, and what it is then believed to carry; weighed so often while easy."""
    line, now, place, told = Downlink(), 100.0, 0, 0
    weighed_at = 0.0
    while now < 110.0:
        now = round(now + TICK_S, 6)
        while place < len(packets) and packets[place][0] <= now:
            assert line.flight.sent(1200, packets[place][0]) == packets[place][1]
            place += 1
        body: list[tuple[int, float | None]] = []
        due = told
        while told < place and packets[told][3] <= now:
            body.append((packets[told][1], packets[told][2]))
            told += 1
        if told > due:
            line.flight.take(body)
        if line.flight.told and (now - weighed_at >= every_s or not line.easy):
            weighed_at = now
            line.weigh(now)
        if not line.learning:
            return now, line.budget_bps
    raise AssertionError("never seen")


@pytest.mark.parametrize("every_s", [WEIGHING_INTERVAL_S, EASY_INTERVAL_S])
@pytest.mark.parametrize("after_s", [3.0, 3.05, 3.1, 3.15, 3.2, 3.25])
@pytest.mark.parametrize(("rate_bps", "loss_every"), [(2e5, 0), (6e5, 0), (1e6, 0), (1e8, 2), (1e8, 4)])
def test_a_line_that_turns_bad_is_found_out_no_later_than_when_every_message_is_weighed(
    rate_bps: float, loss_every: int, after_s: float, every_s: float
) -> None:
    packets = trace(rate_bps, loss_every, after_s)
    at_once, seldom = seen_at(packets, 0.0), seen_at(packets, every_s)
    assert seldom[0] <= at_once[0] + TICK_S + 1e-6
    assert seldom[0] >= at_once[0] - 0.1
    assert seldom[1] == pytest.approx(at_once[1], rel=0.15)
