"""Where a screen belongs: before the opening, after the end, another briefing; what time alone changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from coordinator import clock
from coordinator.domain.commands import Cancel, Create, End, Open, Start
from coordinator.domain.errors import Refusal
from coordinator.domain.events import SYSTEM_CHAIN, ClockStepped, ConnectionClosed
from tests.session_fakes import (
    HOST,
    FakeMedia,
    FakeScreen,
    FakeStore,
    briefing,
    moved_clocks,
    running,
    sites,
    until,
)


def closings(store: FakeStore, made: str) -> list[str]:
    return [one.event.reason for one in store.events(made) if isinstance(one.event, ConnectionClosed)]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves both clocks on by so many ms, as time does."""
    return moved_clocks(monkeypatch)


def state(screen: FakeScreen) -> str:
    return str(screen.shown[-1]["sites"][0]["state"]) if screen.shown else "nothing shown"


async def test_who_enters_a_room_after_the_end_is_sent_out_also_when_nobody_remembers_the_briefing() -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.run(made, End(), HOST)
        await until(lambda: "room closed" in media.tape)
        media.enter(made, "alfa", "latecomer0")
        sessions.media_event(made, "participant_joined")
        await until(lambda: media.tape.count("room closed") == 2)

    async with running(store, media) as sessions:
        media.enter(made, "alfa", "latecomer0")
        sessions.media_event(made, "participant_joined")
        sessions.media_event("no-briefing-of-ours", "participant_joined")
        await until(lambda: media.tape.count("room closed") == 3)


async def test_a_silent_site_is_shown_unstable_without_any_event(later: Callable[[int], None]) -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        hub = FakeScreen()
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        await until(lambda: state(hub) == "waiting")
        later(12_000)
        await until(lambda: state(hub) == "unstable")

        assert closings(store, made) == []


async def test_a_lost_site_stays_in_its_room_and_late_heartbeats_heal_the_gap(
    later: Callable[[int], None],
) -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        screen = FakeScreen()
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        media.enter(made, "alfa", alfa)
        sessions.alive(made, alfa, n=1)
        await until(lambda: screen.shown)
        later(25_000)
        await until(lambda: closings(store, made) == ["lost"])
        listed = len(media.listed)
        sessions.media_event(made, "track_muted")
        await until(lambda: len(media.listed) > listed)
        for number in range(2, 8):
            sessions.alive(made, alfa, n=number)
        await until(lambda: "ConnectionHealed" in store.names(made))

        assert screen.closed == []
        assert "removed alfa" not in media.tape


async def test_before_the_opening_a_screen_looks_on_and_then_joins_by_itself() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await sessions.create(Create("Hội nghị", "meeting", sites("alfa")), HOST)
        screen = FakeScreen()
        await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        await until(lambda: screen.shown)
        assert store.names(made) == ["BriefingCreated"]
        assert screen.medias == []

        await sessions.run(made, Open(), HOST)
        await until(lambda: screen.medias)

        assert store.names(made)[:3] == ["BriefingCreated", "BriefingOpened", "ConnectionOpened"]


async def test_a_site_that_looks_on_elsewhere_is_called_over_when_another_briefing_opens() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        later = await sessions.create(Create("Sau", "meeting", sites("alfa", "bravo")), HOST)
        alfa, bravo = FakeScreen(), FakeScreen()
        await sessions.attach(later, "alfa", "p1", "Chrome", alfa)
        await sessions.attach(later, "bravo", "p2", "Chrome", bravo)
        await briefing(sessions, "alfa", live=False)
        await until(lambda: alfa.closed)

        assert (alfa.closed, bravo.closed) == (["moved"], [])


async def test_a_site_that_stayed_after_the_end_is_called_over_to_the_next_briefing() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        first = await briefing(sessions, "alfa")
        alfa = FakeScreen()
        await sessions.attach(first, "alfa", "p1", "Chrome", alfa)
        await sessions.run(first, End(), HOST)
        await until(lambda: alfa.shown and alfa.shown[-1]["phase"] == "ended")
        assert alfa.closed == []

        await briefing(sessions, "alfa", live=False)
        await until(lambda: alfa.closed == ["moved"])


async def test_after_the_end_the_hub_looks_on_and_a_site_is_refused() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.run(made, End(), HOST)
        hub = FakeScreen()
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        await until(lambda: hub.shown)
        with pytest.raises(Refusal, match="not_open"):
            await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())


async def test_a_sites_link_leads_to_the_live_then_the_open_then_the_next_briefing() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        assert await sessions.live_for("alfa") == []
        scheduled = await sessions.create(Create("Sau", "meeting", sites("alfa")), HOST)
        await sessions.create(Create("Khác", "meeting", sites("bravo")), HOST)
        assert await sessions.live_for("alfa") == [scheduled]
        opened = await briefing(sessions, "alfa", live=False)
        assert await sessions.live_for("alfa") == [opened]
        live = await briefing(sessions, "alfa")
        assert await sessions.live_for("alfa") == [live]
        second = await briefing(sessions, "alfa")
        assert await sessions.live_for("alfa") == [live, second]


async def test_a_revoked_link_closes_its_screens_and_participants() -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        screen = FakeScreen()
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        media.enter(made, "alfa", alfa)
        await sessions.revoke("alfa")
        await until(lambda: screen.closed and "removed alfa" in media.tape)

        assert screen.closed == ["revoked"]
        assert closings(store, made) == ["revoked"]


async def test_a_clock_step_is_an_event_of_the_briefing_and_of_the_system_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, read = FakeStore(), clock.now
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        monkeypatch.setattr(clock, "now", lambda: replace(read(), utc_ms=read().utc_ms + 60_000))
        await until(lambda: "ClockStepped" in store.names(made) and store.events(SYSTEM_CHAIN))

        stepped = store.events(SYSTEM_CHAIN)[-1].event
        assert isinstance(stepped, ClockStepped)
        assert abs(stepped.step_ms - 60_000) < 100


async def test_a_cancelled_briefing_is_not_sealed() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", live=False)
        await sessions.run(made, Cancel(), HOST)
        assert store.names(made)[-1] == "BriefingCancelled"


async def test_a_started_briefing_is_loaded_once_for_many_who_ask_at_once() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await sessions.create(Create("Hội nghị", "meeting", sites("alfa")), HOST)
    async with running(store, FakeMedia()) as sessions:
        answers = await asyncio.gather(*(sessions.snapshot(made) for _ in range(10)))
        assert {answer["id"] for answer in answers} == {made}
        await sessions.run(made, Open(), HOST)
        await sessions.run(made, Start(), HOST)
        assert (await sessions.snapshot(made))["phase"] == "live"
