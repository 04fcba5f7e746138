"""The names of both media planes, to hold them side by side."""

from __future__ import annotations

from typing import Any

from coordinator.relay.door import PureDoor
from coordinator.relay.doors import PureDoors
from coordinator.relay.forwarding import cursor, engine, fast_path, flight, history, intake, rtp, sender, twcc


class Pure:
    """The names of the pure plane in one place, as the compiled module has them."""

    Cursor = cursor.Cursor
    Door = PureDoor
    Doors = PureDoors
    FastPath = fast_path.FastPath
    Flight = flight.Flight
    Intake = intake.Intake
    Packet = history.Packet
    RateMeter = intake.RateMeter
    Recorder = twcc.Recorder
    Sender = sender.Sender
    Wire = sender.Wire
    fan_out = staticmethod(sender.fan_out)
    parse = staticmethod(rtp.parse)


PLANES: list[Any] = [Pure, engine.compiled] if engine.compiled is not None else [Pure]
