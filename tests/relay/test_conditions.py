"""How good a line is called."""

from __future__ import annotations

import pytest

from coordinator.relay.conditions import EXCELLENT, GOOD, LOST, POOR, SILENT_S, quality_of
from coordinator.relay.feed import Shortage


@pytest.mark.parametrize(
    ("loss", "rtt_s", "silent_s", "shortage", "quality"),
    [
        (0.0, 0.05, 0.0, Shortage.NONE, EXCELLENT),
        (0.05, 0.05, 0.0, Shortage.NONE, GOOD),
        (0.0, 0.5, 0.0, Shortage.NONE, GOOD),
        (0.0, 0.05, 0.0, Shortage.REDUCED, GOOD),
        (0.10, 0.05, 0.0, Shortage.NONE, POOR),
        (0.0, 1.0, 0.0, Shortage.NONE, POOR),
        (0.0, 0.05, 0.0, Shortage.PAUSED, POOR),
        (0.0, 0.05, SILENT_S + 1, Shortage.NONE, LOST),
    ],
)
def test_the_worst_figure_of_a_line_decides(
    loss: float, rtt_s: float, silent_s: float, shortage: Shortage, quality: int
) -> None:
    assert quality_of(loss, rtt_s, silent_s, shortage) == quality
