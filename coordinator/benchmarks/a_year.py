"""Writes a year of briefings into a data folder, as real ones leave it.

Every 10 s a mark of all lines; drops and returns, a roll call, a break, speeches. The same size makes the
same year.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coordinator.domain.events import (
    AliveMarked,
    BreakEnded,
    BreakStarted,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    ConnectionClosed,
    ConnectionOpened,
    FloorGiven,
    FloorTaken,
    FollowingChanged,
    HeadcountConfirmed,
    HeadcountDeclared,
    LineChecked,
    Mark,
    RollCallStarted,
    Summoned,
    Thresholds,
)
from coordinator.domain.moments import Moment
from coordinator.storage import Store
from coordinator.storage.log import Happened

FIRST_MS = 1_767_312_000_000  # 2026-01-02 07:00 in Ho Chi Minh City
_KINDS = ("resolution", "class", "meeting")
_MARK_S = 10


@dataclass(frozen=True, slots=True)
class Size:
    """`hours`: how long each briefing lasts."""

    briefings: int = 200
    sites: int = 25
    hours: float = 3.0


def write(store: Store, size: Size, told: Callable[[int], None]) -> list[str]:
    """Writes the year; returns the briefings' ids. `told(n)` after each."""
    names = []
    for number in range(size.briefings):
        name = f"b{number:012}"
        happened = list(_Briefing(number, size).events())
        store.append(name, happened)
        store.seal(name, happened[-1][1])
        names.append(name)
        told(number + 1)
    return names


class _Briefing:
    """One briefing's events in order."""

    def __init__(self, number: int, size: Size) -> None:
        self._random = random.Random(number)
        self._number, self._size = number, size
        self._began = FIRST_MS + number * 365 * 86_400_000 // max(size.briefings, 1)
        self._sites = tuple(
            Summoned(f"xa-{place:03}", f"Xã thứ {place}", "commune", 20 + place % 30, 10)
            for place in range(size.sites)
        )
        self._lines: dict[str, str] = {}
        self._made = 0

    def _at(self, second: float) -> Moment:
        ms = round(second * 1000)
        return Moment(self._began + ms, 1_000_000 + ms, f"boot-{self._number}")

    def events(self) -> Iterator[Happened]:
        """From the making to the end."""
        kind = _KINDS[self._number % 3]
        title = f"Quán triệt Nghị quyết số {self._number}"
        yield BriefingCreated(title, kind, "1-GM/HU", None, self._sites), self._at(0), "host"
        yield BriefingOpened(), self._at(1), "host"
        for site in self._sites:
            yield LineChecked(site.code, True, True, 80, 0.01, 900_000), self._at(5), f"site:{site.code}"
            yield from self._join(site.code, 10)
        yield BriefingStarted("1", Thresholds(), self._sites), self._at(600), "host"
        yield RollCallStarted(1), self._at(600), "host"
        yield from self._running(600, 600 + round(self._size.hours * 3600))

    def _join(self, code: str, second: float) -> Iterator[Happened]:
        self._made += 1
        self._lines[code] = f"c{self._number:05}{self._made:04}"
        actor = f"site:{code}"
        opened = ConnectionOpened(code, self._lines[code], "Chrome 140, Windows", "page")
        yield opened, self._at(second), actor
        yield FollowingChanged(code, self._lines[code], "following"), self._at(second + 0.5), actor

    def _running(self, start: int, end: int) -> Iterator[Happened]:
        middle = (start + end) // 2 // _MARK_S * _MARK_S
        for second in range(start + _MARK_S, end, _MARK_S):
            if second == start + 60:
                yield from self._count(second)
            if second == middle:
                yield BreakStarted(), self._at(second), "host"
            if second == middle + 600:
                yield BreakEnded(), self._at(second), "host"
            if second % 1800 == 0:
                yield from self._speech(second)
            if self._random.random() < 0.02:
                yield from self._drop(second)
            marks = tuple(Mark(line, 1500, "following") for line in self._lines.values())
            yield AliveMarked(marks), self._at(second + 1), "system"
        yield BriefingEnded(), self._at(end), "host"
        for code, line in self._lines.items():
            yield ConnectionClosed(code, line, "ended"), self._at(end + 0.1), "system"

    def _count(self, second: float) -> Iterator[Happened]:
        for site in self._sites:
            away = self._random.randrange(4)
            said = HeadcountDeclared(site.code, 1, site.expected - away, 9, away, 0, 0)
            yield said, self._at(second), f"site:{site.code}"
            yield HeadcountConfirmed(site.code, 1, 1), self._at(second + 1), "host"

    def _speech(self, second: float) -> Iterator[Happened]:
        code = self._random.choice(self._sites).code
        yield FloorGiven(code), self._at(second), "host"
        yield FloorTaken(code, "host"), self._at(second + 0.9), "host"

    def _drop(self, second: float) -> Iterator[Happened]:
        code = self._random.choice(list(self._lines))
        lost = ConnectionClosed(code, self._lines[code], "lost", self._at(second - 20))
        yield lost, self._at(second), "system"
        yield from self._join(code, second + 0.2)
