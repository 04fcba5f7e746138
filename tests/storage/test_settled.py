"""An ended briefing without its marks of life: the same attendance, to the millisecond."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.domain import attendance
from coordinator.domain.events import (
    AliveMarked,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    ConnectionClosed,
    ConnectionOpened,
    Event,
    FollowingChanged,
    Mark,
    OutageBegan,
    OutageEnded,
    Summoned,
    Thresholds,
)
from coordinator.domain.moments import Moment
from coordinator.storage import Store

SITES = tuple(Summoned(code, f"Xã {code}", "commune", 30) for code in ("alfa", "bravo"))
LATER = Moment(1_900_000_000_000, 5, "much later")


class Clock:
    """Two clocks that drift apart, as they do, and a boot that can change."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._utc, self._mono, self._boot = 1_790_000_000_000, 50_000, 0

    def after(self, ms: int) -> Moment:
        self._mono += ms
        self._utc += ms + self._random.randrange(-900, 900)
        return self.now()

    def now(self) -> Moment:
        return Moment(self._utc, self._mono, f"boot-{self._boot}")

    def restart(self) -> None:
        self._boot, self._mono, self._utc = self._boot + 1, self._random.randrange(90_000), self._utc + 40_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store.open(tmp_path / "var")
    yield one
    one.close()


def hold(store: Store, clock: Clock, crashes: int) -> None:
    """One site on line for an hour with marks every 10 s; the machine starts again `crashes` times."""

    def say(event: Event, ms: int = 100) -> None:
        store.append("b1", [(event, clock.after(ms), "system")])

    say(BriefingCreated("Nghị quyết", "resolution", None, None, SITES))
    say(BriefingOpened())
    say(BriefingStarted("1", Thresholds(), SITES))
    for life in range(crashes + 1):
        connection = f"alfa-{life}"
        say(ConnectionOpened("alfa", connection, "Chrome", "p"))
        say(FollowingChanged("alfa", connection, "following"))
        for _ in range(30):
            alive = clock.now()
            say(AliveMarked((Mark(connection, 0, "following"),)), 10_000)
        if life < crashes:
            clock.restart()
            if life % 2:  # the first of the new life may be a mark
                say(AliveMarked((Mark(connection, 9, "following"),)), 3)
            say(OutageBegan("server", alive))
            say(ConnectionClosed("alfa", connection, "server_crash", alive))
            say(OutageEnded("server"))
    say(BriefingEnded())
    say(ConnectionClosed("alfa", f"alfa-{crashes}", "ended"))


@pytest.mark.parametrize("crashes", [0, 1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_attendance_is_the_same_without_marks(store: Store, crashes: int, seed: int) -> None:
    hold(store, Clock(seed), crashes)
    store.seal("b1", Clock(seed).now())

    whole, settled = store.events("b1"), store.settled("b1")

    assert attendance.fold(settled, LATER) == attendance.fold(whole, LATER)
    assert len([one for one in settled if isinstance(one.event, AliveMarked)]) <= 3 * crashes
    assert [one.seq for one in settled] == sorted(one.seq for one in settled)
    assert settled[-1] == whole[-1]


def test_a_mark_at_the_very_end_is_the_head(store: Store) -> None:
    clock = Clock(1)
    hold(store, clock, 0)
    store.append("b1", [(AliveMarked(()), clock.after(10), "system")])

    assert store.settled("b1")[-1] == store.events("b1")[-1]


def test_what_is_not_there_is_empty(store: Store) -> None:
    assert store.settled("b1") == []
