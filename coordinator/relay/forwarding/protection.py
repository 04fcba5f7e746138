"""How often the sound of one subscriber is sent, from what its line loses and carries.

Rule 1: more copies at once, fewer only after `CALM_S`: losses come in spells.
Rule 2: copies take at most a quarter of what the line carries, and none are sent while its queue is long:
there losses come from too much being sent already.
"""

from __future__ import annotations

ONE_COPY_LOSS, TWO_COPIES_LOSS = 0.02, 0.06
CALM_S = 10.0
SHARE = 0.25
LONG_QUEUE_S = 0.1


class Protection:
    """`copies` is how many earlier frames each packet of sound carries (0..2)."""

    def __init__(self) -> None:
        self.copies = 0
        self._needed_at = -1e9

    def note(self, loss: float, queue_s: float, budget_bps: float, sound_bps: float, now: float) -> None:
        """Choose again: `loss` is a share, `sound_bps` the rate of all sound without copies."""
        needed = (loss >= ONE_COPY_LOSS) + (loss >= TWO_COPIES_LOSS)
        affordable = int(SHARE * budget_bps / max(sound_bps, 1.0)) if queue_s < LONG_QUEUE_S else 0
        if needed >= self.copies:
            self._needed_at = now
        if needed > self.copies or now - self._needed_at > CALM_S:
            self.copies, self._needed_at = needed, now
        self.copies = min(self.copies, affordable)
