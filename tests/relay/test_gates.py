"""What time brings is looked at only where something may be due; the ways in which something becomes due."""

from __future__ import annotations

import time

from livekit.protocol import rtc

from coordinator.relay.demand import PATIENCE_S, Demand
from coordinator.relay.liveness import tick_participant
from coordinator.relay.negotiation import REASK_S
from tests.relay.test_hostile import Tape, a_room, enter
from tests.relay.test_offering import publish


def test_a_publisher_is_told_of_every_change_of_demand_and_nobody_looks_in_between() -> None:
    demand = Demand()
    assert demand.unsettled and demand.due(0.0) and not demand.unsettled
    demand.set("site", 1)
    assert demand.unsettled and demand.due(1.0) and demand.told == 1 and not demand.unsettled
    demand.set("site", 0)
    assert not demand.due(2.0) and demand.unsettled, "less is told later: it has to be looked at again"
    assert demand.due(2.0 + PATIENCE_S) and demand.told == 0 and not demand.unsettled
    demand.forget_told()
    assert demand.unsettled and demand.due(9.0)


async def test_sections_that_lack_are_asked_for_again_until_they_come() -> None:
    room = a_room()
    hub, site = enter(room, "hub"), enter(room, "site")
    assert isinstance(site.socket, Tape)
    publish(site, "own")
    site.want_sections()
    assert not site.lacks_sections
    publish(hub, "camera")
    assert site.lacks_sections

    asked = [said for said in site.socket.said if said.HasField("media_sections_requirement")]
    assert len(asked) == 1
    assert site.negotiation._asked_at is not None
    site.negotiation._asked_at -= REASK_S
    site.socket.last_heard = time.monotonic()
    tick_participant(site, time.monotonic())
    asked = [said for said in site.socket.said if said.HasField("media_sections_requirement")]
    assert len(asked) == 2

    site.handle(rtc.SignalRequest(subscription=rtc.UpdateSubscription(
        track_sids=list(hub.publications), subscribe=False
    )))  # fmt: skip
    assert not site.lacks_sections
    room.clear(0)
