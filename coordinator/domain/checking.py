"""The line check: what a site measured, and what that will mean for it: good, fair or poor.

Rule 1: the words follow from the figures here, never from what a page says of itself.
Rule 2: what was not measured is unknown and judges nothing; media that does not get through at all is poor.
Rule 3: good carries sound and full picture both ways; fair sound, documents and a small picture; poor sound
and documents at best (docs/decisions, the ladder).
"""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain.events import Event, LineChecked
from coordinator.domain.moments import Moment
from coordinator.domain.state import BREAK, OPEN, SCHEDULED, State

GOOD, FAIR, POOR = "good", "fair", "poor"
ROUTES = ("udp", "tcp", "turn", "blocked")
ECHOES = ("none", "some", "strong")
BEFORE = (SCHEDULED, OPEN, BREAK)
"""While these last a line may be measured without taking it from the stage."""
_LEAST = {"rate_bps": (1_000_000, 250_000), "up_bps": (500_000, 120_000)}  # (good, fair), bits a second
_MOST = {"rtt_ms": (250.0, 600.0), "loss": (0.02, 0.08), "jitter_ms": (40.0, 120.0)}


def check_line(state: State, command: c.ReportLineCheck, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site."""
    return [
        LineChecked(
            state.site(command.site).code, command.sound, command.picture, command.rtt_ms, command.loss,
            command.rate_bps, command.up_bps, command.jitter_ms, command.route, command.speakers,
            command.camera, command.microphone, command.device, verdict(command), command.operator,
            command.echo,
        )
    ]  # fmt: skip


def verdict(measured: c.ReportLineCheck) -> str | None:
    """good | fair | poor by the worst figure; None: nothing was measured."""
    if measured.route == "blocked":
        return POOR
    found = [_at_least(getattr(measured, name), *limits) for name, limits in _LEAST.items()]
    found += [_at_most(getattr(measured, name), *limits) for name, limits in _MOST.items()]
    known = [one for one in found if one is not None]
    return max(known, key=(GOOD, FAIR, POOR).index) if known else None


def _at_least(value: float | None, good: float, fair: float) -> str | None:
    return None if value is None else GOOD if value >= good else FAIR if value >= fair else POOR


def _at_most(value: float | None, good: float, fair: float) -> str | None:
    return None if value is None else GOOD if value <= good else FAIR if value <= fair else POOR
