"""Which layer of which track each subscriber gets, within what its line carries.

Rule 1: audio is never reduced for video: its rate is taken off the budget first.
Rule 2: everybody's lowest layer comes before anybody's second; by priority, then in the order asked.
Rule 3: down at once; up when the line has been clean for `CLEAN_S`, one step every `STEP_S` (see `downlink`,
which owns the budget); what does not fit at all is paused, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = 1.1
"""A layer may exceed what is left by this factor: measured rates wander."""
HOLD = 1.5
"""The same for a lowest layer that is being sent: pausing it stops the picture."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber would like of one track.

    `layers` are (quality, bit/s), lowest first, up to the one asked for; `held` is the quality sent now (or
    None), which is not given up for a small excess.
    """

    key: str
    layers: tuple[tuple[int, float], ...]
    priority: int = 0
    held: int | None = None


def allocate(wishes: Sequence[Wish], budget_bps: float) -> dict[str, int | None]:
    """Return the quality to send by key; None = paused. Wishes without layers are left out."""
    chosen: dict[str, int] = {}
    left = budget_bps
    order = sorted((wish for wish in wishes if wish.layers), key=lambda wish: -wish.priority)
    for wish in order:
        cost = wish.layers[0][1]
        if cost <= left * (TOLERANCE if wish.held is None else HOLD):
            chosen[wish.key] = 0
            left -= cost
    raised = True
    while raised:
        raised = False
        for wish in order:
            level = chosen.get(wish.key)
            if level is None or level + 1 >= len(wish.layers):
                continue
            extra = wish.layers[level + 1][1] - wish.layers[level][1]
            holds = wish.held is not None and wish.held >= wish.layers[level + 1][0]
            if extra <= (left + budget_bps * (TOLERANCE - 1) if holds else left):
                chosen[wish.key] = level + 1
                left -= extra
                raised = True
    return {wish.key: wish.layers[chosen[wish.key]][0] if wish.key in chosen else None for wish in order}
