"""What the subscribers of a video track need of it together (dynacast: the publisher encodes no more).

Rule: more is told at once; less only after it has been less for `PATIENCE_S`, because switching back costs a
keyframe.
"""

from __future__ import annotations

PATIENCE_S = 3.0


class Demand:
    """The highest quality anybody wants: models.VideoQuality, None = nobody wants any."""

    def __init__(self) -> None:
        self._wanted: dict[str, int] = {}
        self._told: int | None = None
        self._known = False
        self._less_since: float | None = None
        self.unsettled = True
        """Whether `due` may have something to report: it is asked for nothing else."""

    def set(self, subscriber: str, quality: int | None) -> None:
        """Note what one subscriber wants now (None = nothing)."""
        self.unsettled = True
        if quality is None:
            self._wanted.pop(subscriber, None)
        else:
            self._wanted[subscriber] = quality

    @property
    def highest(self) -> int | None:
        """The highest quality wanted now."""
        return max(self._wanted.values(), default=None)

    @property
    def told(self) -> int | None:
        """What the publisher was told last."""
        return self._told

    def forget_told(self) -> None:
        """Make `due` report again, after the publisher's signalling was cut."""
        self._known, self.unsettled = False, True

    def due(self, now: float) -> bool:
        """Whether the publisher must be told `told` now; call it after every `set` and while `unsettled`."""
        if not self.unsettled:
            return False
        highest = self.highest
        less = self._known and (-1 if highest is None else highest) < (
            -1 if self._told is None else self._told
        )
        if less:
            if self._less_since is None:
                self._less_since = now
            if now - self._less_since < PATIENCE_S:
                return False
        self._less_since, self.unsettled = None, False
        if self._known and highest == self._told:
            return False
        self._known, self._told = True, highest
        return True
