"""The sending plane in use: compiled where it could be built, else in pure Python; both do the same.

`COORDINATOR_PLANE` in the environment decides: `pure` takes Python where both are there,
`compiled` fails with ImportError where it could not be built.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from . import cursor, fast_path, flight, history, intake, rtp, sender, twcc

if TYPE_CHECKING:
    from .cursor import Cursor
    from .fast_path import FastPath
    from .flight import Flight
    from .history import Packet
    from .intake import Intake, RateMeter
    from .rtp import parse
    from .sender import Sender, Wire, fan_out
    from .twcc import Recorder

    NAME: str
    """`compiled` or `pure`."""
    compiled: Any
    """The compiled module, or None."""
else:
    wanted = os.environ.get("COORDINATOR_PLANE", "")
    try:
        compiled = None if wanted == "pure" else importlib.import_module("._compiled", __package__)
    except ImportError:
        if wanted == "compiled":
            raise
        compiled = None
    NAME = "pure" if compiled is None else "compiled"
    Cursor = (compiled or cursor).Cursor
    FastPath = (compiled or fast_path).FastPath
    Flight = (compiled or flight).Flight
    Intake = (compiled or intake).Intake
    Packet = (compiled or history).Packet
    RateMeter = (compiled or intake).RateMeter
    Recorder = (compiled or twcc).Recorder
    Sender = (compiled or sender).Sender
    Wire = (compiled or sender).Wire
    fan_out = (compiled or sender).fan_out
    parse = (compiled or rtp).parse

__all__ = [
    "NAME", "Cursor", "FastPath", "Flight", "Intake", "Packet", "RateMeter", "Recorder", "Sender", "Wire",
    "compiled", "fan_out", "parse",
]  # fmt: skip
