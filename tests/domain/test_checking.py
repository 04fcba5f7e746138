"""Line checks: the verdict follows the worst figure, and the newest check is what hosts see."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain import snapshot
from coordinator.domain.checking import verdict
from tests.domain.scenes import HOST, Story, at, operator, refused

WELL: dict[str, Any] = {
    "rtt_ms": 60, "loss": 0.0, "jitter_ms": 8, "rate_bps": 3_000_000, "up_bps": 900_000, "route": "udp",
}  # fmt: skip


def measured(**figures: Any) -> c.ReportLineCheck:
    return c.ReportLineCheck("alfa", True, True, **WELL | figures)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, "good"),
        ({"up_bps": 300_000}, "fair"),
        ({"up_bps": 100_000}, "poor"),
        ({"rate_bps": 64_000}, "poor"),
        ({"loss": 0.03}, "fair"),
        ({"loss": 0.2}, "poor"),
        ({"rtt_ms": 400, "loss": 0.1}, "poor"),
        ({"route": "blocked"}, "poor"),
        ({"jitter_ms": None, "up_bps": None}, "good"),
        (dict.fromkeys(WELL), None),
    ],
)
def test_the_worst_figure_decides_and_what_is_unknown_does_not(
    figures: dict[str, Any], expected: str | None
) -> None:
    assert verdict(measured(**figures)) == expected


def test_a_check_is_kept_with_its_devices_before_the_opening_too_and_the_newest_counts() -> None:
    story = Story("alfa", "bravo")
    story.do(1, measured(up_bps=100_000, microphone="USB Audio", device="Chrome, Windows"), operator("alfa"))
    [kept] = story.do(60, measured(camera="C270", speakers=True), operator("alfa"))

    assert isinstance(kept, e.LineChecked)
    assert (kept.verdict, kept.camera, kept.speakers) == ("good", "C270", True)
    shown = snapshot.full(story.briefing, at(61), "applied")["sites"]
    assert shown[1]["check"] is None
    assert (shown[0]["check"]["verdict"], shown[0]["check"]["at"][:10]) == ("good", "2026-11-18")


def test_a_check_of_an_older_log_is_still_read() -> None:
    old = {"sound": True, "picture": False, "rtt_ms": 80, "loss": 0.02, "rate_bps": 900_000}
    assert e.from_payload("LineChecked", "alfa", None, old) == e.LineChecked(
        "alfa", True, False, 80, 0.02, 900_000
    )


def test_an_operator_checks_its_own_line() -> None:
    story = Story("alfa", "bravo")
    assert refused(story, 1, measured(), operator("bravo")).code == "forbidden"
    assert story.do(1, measured(), HOST)
