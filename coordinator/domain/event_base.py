"""What all events share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events. `site` and `connection`, where an event has them, are columns of the log."""

    version: ClassVar[int] = 1
