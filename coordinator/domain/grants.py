"""What each participant may send and receive in the media room: a projection of the briefing.

Rule 1: the hub may publish everything; a site its camera, and its microphone while it has the floor.
Office staff who follow along at the hub only receive.
Rule 2: nobody publishes or receives before the opening or after the end; who is not summoned never does.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.events import HUB
from coordinator.domain.state import ON_LINE, State

HUB_SOURCES = frozenset({"camera", "microphone", "screen_share", "screen_share_audio"})


@dataclass(frozen=True, slots=True)
class Grants:
    """`sources`: LiveKit's track sources that may be published; `subscribe`: may it receive?"""

    sources: frozenset[str]
    subscribe: bool


NOTHING = Grants(frozenset(), False)


def grants_for(briefing: State, site: str, role: str) -> Grants:
    """The grants at a site, or at the hub ("hub"), of who has this role, as the briefing now stands."""
    if briefing.phase not in ON_LINE or (site != HUB and site not in briefing.sites):
        return NOTHING
    if site == HUB:
        return Grants(frozenset() if role == "staff" else HUB_SOURCES, True)
    return Grants(frozenset({"camera", "microphone"} if briefing.floor == site else {"camera"}), True)
