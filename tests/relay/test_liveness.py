"""When silence means that a path is dead."""

from __future__ import annotations

import pytest

from coordinator.relay.liveness import LONGEST_SILENCE_S, Pulse


def heard(*times: float) -> Pulse:
    pulse = Pulse()
    for at in times:
        pulse.notice(at)
        pulse.notice(at)  # a tick in which nothing new came
    return pulse


def test_media_that_stops_is_noticed_within_4_s() -> None:
    assert heard(*(100 + 0.02 * n for n in range(500))).patience_s < 4 - 0.2
    assert Pulse().patience_s < 4 - 0.2


@pytest.mark.parametrize("pause_s", [2.5, 5.0, 6.0])
def test_a_quiet_client_gets_as_long_as_its_own_checks_need(pause_s: float) -> None:
    assert heard(*(100 + pause_s * n for n in range(9))).patience_s > pause_s


def test_an_outage_is_forgotten_once_media_flows_again() -> None:
    pulse = heard(100, 130)
    assert pulse.patience_s == LONGEST_SILENCE_S
    for n in range(75):  # 15 s of ticks
        pulse.notice(130 + 0.2 * n)
    assert pulse.patience_s < 4 - 0.2
