"""A random walk over the sessions, with a media server and a disk that come and go.

What must always hold: the log alone makes the state in memory again; who is attached is open in the log, or
is told goodbye; numbers of snapshots grow on every screen; the room holds nobody without a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

import pytest

from coordinator import clock
from coordinator.domain import snapshot
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import (
    Actor,
    Break,
    Command,
    GiveFloor,
    LowerHand,
    RaiseHand,
    Resume,
    TakeFloor,
)
from coordinator.domain.errors import CoordinatorError
from coordinator.screens import timeless
from coordinator.session import Sessions
from tests.session_fakes import HOST, FakeMedia, FakeScreen, FakeStore, briefing, running, until

CODES = ("alfa", "bravo", "charlie")
STEPS = 300


@dataclass
class Walk:
    """The walker: knows which screens it has attached."""

    sessions: Sessions
    store: FakeStore
    media: FakeMedia
    made: str
    chance: random.Random
    attached: dict[str, tuple[str, FakeScreen]] = field(default_factory=dict)
    screens: list[FakeScreen] = field(default_factory=list)

    async def step(self) -> None:
        acts = (self.come, self.come, self.go, self.command, self.command, self.live, self.trouble)
        with contextlib.suppress(CoordinatorError):  # refused, or the disk is full: nothing happened
            await self.chance.choice(acts)()

    async def come(self) -> None:
        site = self.chance.choice((*CODES, "hub"))
        screen, page = FakeScreen(site, stuck=self.chance.random() < 0.2), f"page {self.chance.randrange(4)}"
        actor = HOST if site == "hub" else None
        connection = await self.sessions.attach(self.made, site, page, "Chrome", screen, actor)
        self.screens.append(screen)
        self.attached[connection] = (site, screen)
        self.media.enter(self.made, site, connection, audio=True)
        self.sessions.media_event(self.made, "participant_joined")

    async def go(self) -> None:
        if self.attached:
            connection = self.chance.choice(list(self.attached))
            self.attached.pop(connection)
            await self.sessions.detach(self.made, connection)

    async def command(self) -> None:
        site = self.chance.choice(CODES)
        operator = Actor(f"site:{site}", "operator", site)
        choices: tuple[tuple[Command, Actor], ...] = (
            (RaiseHand(site), operator), (LowerHand(site), operator),
            (GiveFloor(site), HOST), (TakeFloor(), HOST), (Break(), HOST), (Resume(), HOST),
        )  # fmt: skip
        command, actor = self.chance.choice(choices)
        await self.sessions.run(self.made, command, actor)

    async def live(self) -> None:
        for number, connection in enumerate(self.attached):
            self.sessions.alive(self.made, connection, n=number, receiving=self.chance.random() < 0.5)
        await asyncio.sleep(0)

    async def trouble(self) -> None:
        self.media.trouble = self.chance.choice((None, None, "hangs", "fails", "breaks"))
        self.store.full = self.chance.random() < 0.2

    async def settle(self) -> None:
        """Everything works again, and is brought into line."""
        self.media.trouble, self.store.full = None, False
        again = Briefing.replay(self.made, self.store.events(self.made))
        is_open = {line.connection for line in again.open_lines()}
        for connection in set(self.attached) - is_open:
            await _is_told(self.attached.pop(connection)[1])
            await self.sessions.detach(self.made, connection)  # as the socket does when it was told goodbye
        self.sessions.media_event(self.made, "track_muted")
        wanted = {f"{site}:{connection}" for connection, (site, _) in self.attached.items()}
        await until(lambda: set(self.media.rooms.get(self.made, {})) <= wanted, within_s=10)


async def _is_told(screen: FakeScreen) -> None:
    await until(lambda: screen.closed, within_s=10)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_the_log_alone_makes_the_state_again(seed: int) -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, *CODES)
        walk = Walk(sessions, store, media, made, random.Random(seed))
        for _ in range(STEPS):
            await walk.step()
        await walk.settle()

        again = Briefing.replay(made, store.events(made))
        now = clock.now()
        replayed = timeless(snapshot.full(again, now, "applied"))
        remembered = timeless(await sessions.snapshot(made))
        for told in ("phase", "floor", "stage", "outages", "roll_call"):
            assert replayed[told] == remembered[told], told
        # what the hall sends is the media server's news, and in no log
        assert replayed["hub"]["connections"] == remembered["hub"]["connections"]
        lasting = ("code", "connection", "hand", "headcount")
        assert [{name: site[name] for name in lasting} for site in replayed["sites"]] == [
            {name: site[name] for name in lasting} for site in remembered["sites"]
        ]
        assert {line.connection for line in again.open_lines()} >= set(walk.attached)
    for screen in walk.screens:
        numbers = [shown["seq"] for shown in screen.shown]
        assert numbers == sorted(numbers)
