"""Before the end every line is asked for a sign of life: who is there counts to the end, nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from coordinator import hall
from coordinator.domain.commands import Cancel, Command, End, RaiseHand, Start
from coordinator.domain.errors import Refusal
from coordinator.domain.events import ConnectionClosed
from coordinator.session import Sessions
from tests.session_fakes import HOST, FakeMedia, FakeScreen, FakeStore, briefing, moved_clocks, running, until

OVER = [pytest.param(End(), True, id="end"), pytest.param(Cancel(), False, id="cancel")]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves both clocks on by so many ms, as time does."""
    return moved_clocks(monkeypatch)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only answers end the wait."""
    monkeypatch.setattr(hall, "ANSWER_WITHIN_S", 60.0)


async def join(sessions: Sessions, made: str, site: str, *, answers: bool, stuck: bool = False) -> FakeScreen:
    screen = FakeScreen(site, stuck=stuck)
    connection = await sessions.attach(made, site, f"page of {site}", "Chrome", screen)
    if answers:
        screen.asked = partial(sessions.alive, made, connection)
    return screen


def closings(store: FakeStore, made: str) -> dict[str, ConnectionClosed]:
    closed = [one.event for one in store.events(made) if isinstance(one.event, ConnectionClosed)]
    return {event.site: event for event in closed}


@pytest.mark.parametrize(("over", "live"), OVER)
async def test_who_answers_is_there_to_the_end_and_who_does_not_is_not(
    over: Command, live: bool, later: Callable[[int], None]
) -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", "bravo", "charlie", live=live)
        await join(sessions, made, "alfa", answers=True)
        await join(sessions, made, "bravo", answers=False)
        await join(sessions, made, "charlie", answers=False, stuck=True)
        joined = {one.event.site: one.at for one in store.events(made) if hasattr(one.event, "device")}
        later(1_500)
        await sessions.run(made, over, HOST)

        ends = {site: event.last_alive for site, event in closings(store, made).items()}
        assert ends == {"alfa": None, "bravo": joined["bravo"], "charlie": joined["charlie"]}


async def test_the_end_comes_as_soon_as_all_have_answered(patient: None) -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", "bravo")
        for site in ("alfa", "bravo"):
            await join(sessions, made, site, answers=True)
        async with asyncio.timeout(5):
            await sessions.run(made, End(), HOST)

        assert closings(store, made).keys() == {"alfa", "bravo"}


async def test_a_line_that_cannot_be_asked_or_leaves_holds_nothing_up(patient: None) -> None:
    def broken() -> None:
        raise ConnectionResetError

    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", "bravo")
        (await join(sessions, made, "alfa", answers=False)).asked = broken
        bravo = FakeScreen()
        connection = await sessions.attach(made, "bravo", "p2", "Chrome", bravo)
        bravo.asked = lambda: leaving.append(asyncio.create_task(sessions.detach(made, connection)))
        leaving: list[asyncio.Task[None]] = []
        async with asyncio.timeout(5):
            await sessions.run(made, End(), HOST)

        assert {site: event.reason for site, event in closings(store, made).items()} == {
            "alfa": "ended",
            "bravo": "closed",
        }


async def test_while_the_end_waits_the_briefing_goes_on(patient: None) -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        asked: list[bool] = []
        alfa = FakeScreen(asked=lambda: asked.append(True))
        connection = await sessions.attach(made, "alfa", "p1", "Chrome", alfa)
        ending = asyncio.create_task(sessions.run(made, End(), HOST))
        await until(lambda: asked)
        await sessions.run(made, RaiseHand("alfa"), HOST)
        assert not ending.done() and store.names(made)[-1] == "HandRaised"

        ending.cancel()  # who asked has gone; the end comes all the same
        sessions.alive(made, connection)
        await until(lambda: "Sealed" in store.names(made))


async def test_what_is_over_or_not_yet_on_asks_nobody(patient: None) -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", live=False)
        alfa = await join(sessions, made, "alfa", answers=True)
        await sessions.run(made, Start(), HOST)
        await sessions.run(made, End(), HOST)
        alfa.asked = pytest.fail
        with pytest.raises(Refusal):
            await sessions.run(made, End(), HOST)
