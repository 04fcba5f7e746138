"""A server's writing half with a real store, which can be killed at any point of any write.

The order is that of `running.py`: decide, append (one synced transaction), apply. A kill leaves what the disk
holds at that moment: the folder is copied as it stands, open files and a half-written transaction included,
and the next start works on the copy.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command, Recover
from coordinator.domain.events import Event, Recorded
from coordinator.domain.moments import Moment
from coordinator.storage import Fault, Store, verify

BRIEFING = "b1"
POINTS = ("decided", "inserted", "committed", "applied")  # of one write


class Killed(Exception):
    """kill -9 came."""


@dataclass
class Office:
    """`kill_at`: (number of the write from 1, point) at which the process is killed; None: never.

    `tell` hears of every event once it is acknowledged.
    """

    root: Path
    kill_at: tuple[int, str] | None = None
    writes: int = 0
    lives: int = 1
    acknowledged: list[Recorded] = field(default_factory=list)
    tell: Callable[[Recorded], None] = lambda one: None

    def __post_init__(self) -> None:
        self.store = Store.open(self._folder)
        self.briefing = Briefing(BRIEFING)

    @property
    def _folder(self) -> Path:
        return self.root / f"life-{self.lives}"

    def handle(self, command: Command, at: Moment, actor: Actor = SYSTEM_ACTOR) -> list[Event]:
        """Raises Killed, or Refusal as the briefing does."""
        happened = self.briefing.decide(command, at, actor)
        if not happened:
            return []
        self.writes += 1
        self._maybe_die("decided")
        with self.store.transaction():
            recorded = self.store.append(BRIEFING, [(event, at, actor.name) for event in happened])
            self._maybe_die("inserted")
        self._maybe_die("committed")
        for one in recorded:
            self.briefing.apply(one.event, one.at)
            self.acknowledged.append(one)
            self.tell(one)
        self._maybe_die("applied")
        return happened

    def _maybe_die(self, point: str) -> None:
        if self.kill_at is not None and self.kill_at[0] <= self.writes and self.kill_at[1] == point:
            self.kill_at = None
            self.kill()
            raise Killed(point)

    def kill(self) -> None:
        """What the disk holds now is what the next life finds."""
        before, self.lives = self._folder, self.lives + 1
        shutil.copytree(before, self._folder)

    def restart(self, at: Moment) -> None:
        """The next life: reads the log and closes what was open."""
        self.store.close()
        self.store = Store.open(self._folder)
        self.briefing = Briefing.replay(BRIEFING, self.store.events(BRIEFING))
        if self.briefing.created:
            self.handle(Recover(), at)

    def events(self) -> list[Recorded]:
        return self.store.events(BRIEFING)

    def lost_or_altered(self) -> list[Recorded]:
        """What was acknowledged and is not in the log as it was."""
        kept = {one.seq: one for one in self.events()}
        return [one for one in self.acknowledged if kept.get(one.seq) != one]

    def faults(self) -> list[Fault]:
        return verify(self.store)

    def close(self) -> None:
        self.store.close()
