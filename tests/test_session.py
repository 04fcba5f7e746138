"""Commands in, one at a time; effects out, in one order; nothing that is slow or broken stalls the rest."""

from __future__ import annotations

import asyncio
import time

import pytest

from coordinator import session
from coordinator.domain.commands import (
    Actor,
    Create,
    DeclareHeadcount,
    End,
    GiveFloor,
    LowerHand,
    RaiseHand,
    TakeFloor,
)
from coordinator.domain.errors import Refusal, StorageError
from coordinator.domain.events import (
    SYSTEM_CHAIN,
    ChainSealed,
    ConnectionClosed,
    FloorGiven,
    OutageBegan,
    Sealed,
)
from tests.session_fakes import HOST, FakeMedia, FakeScreen, FakeStore, briefing, running, sites, until


def of(site: str) -> Actor:
    return Actor(f"site:{site}", "operator", site)


def closings(store: FakeStore, made: str) -> list[str]:
    return [one.event.reason for one in store.events(made) if isinstance(one.event, ConnectionClosed)]


async def test_the_event_is_written_then_media_follows_then_screens_show_it() -> None:
    tape: list[str] = []
    store, media = FakeStore(tape), FakeMedia(tape)
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        hub = FakeScreen("hub", tape)
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen("alfa"))
        media.enter(made, "alfa", alfa)
        sessions.media_event(made, "participant_joined")
        await until(lambda: media.listed and "alfa" in media.listed[-1])
        await until(lambda: hub.shown and hub.shown[-1]["media"] == "applied")
        tape.clear()

        await sessions.run(made, GiveFloor("alfa"), HOST)
        shown = "hub shows live alfa applied"
        await until(lambda: shown in tape)

        assert tape[:3] == [
            "wrote FloorGiven",
            "granted alfa camera microphone",
            "hub shows live alfa applied",
        ]


async def test_what_cannot_be_written_did_not_happen() -> None:
    tape: list[str] = []
    store, media = FakeStore(tape, fail_on=FloorGiven), FakeMedia(tape)
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        hub = FakeScreen("hub", tape)
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        media.enter(made, "alfa", alfa)
        await until(lambda: hub.shown)

        with pytest.raises(StorageError):
            await sessions.run(made, GiveFloor("alfa"), HOST)

        assert sessions.storage_state == "failed"
        assert (await sessions.snapshot(made))["floor"] is None
        assert not any(line.startswith("granted") for line in tape)
        await sessions.run(made, RaiseHand("alfa"), of("alfa"))  # the next command has its chance
        assert sessions.storage_state == "ok"


async def test_a_refusal_changes_nothing() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        before = store.names(made)

        with pytest.raises(Refusal):
            await sessions.run(made, GiveFloor("alfa"), HOST)  # it is not on line

        assert store.names(made) == before


async def test_an_unknown_briefing_is_refused() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        for unknown in ("bzzzzzzzzzzzz", SYSTEM_CHAIN):
            with pytest.raises(Refusal, match="unknown_briefing"):
                await sessions.snapshot(unknown)


async def test_a_refused_creation_leaves_nothing() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        with pytest.raises(Refusal):
            await sessions.create(Create("", "meeting", sites("alfa")), HOST)
        assert store.chains == {}
        assert await sessions.list() == []


@pytest.mark.parametrize("trouble", ["hangs", "fails", "breaks"])
async def test_media_in_trouble_never_delays_attendance(trouble: str) -> None:
    store, media = FakeStore(), FakeMedia(trouble=trouble)
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa", "bravo")
        hub = FakeScreen("hub")
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)

        began = time.monotonic()
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        await sessions.attach(made, "bravo", "p2", "Chrome", FakeScreen())
        await sessions.detach(made, alfa)
        took = time.monotonic() - began

        assert took < 0.5
        assert store.names(made)[-3:] == ["ConnectionOpened", "ConnectionOpened", "ConnectionClosed"]
        await until(lambda: hub.shown and hub.shown[-1]["media"] == "failed")
        media.trouble = None
        sessions.media_event(made, "room_started")
        await until(lambda: hub.shown[-1]["media"] == "applied")


async def test_a_command_that_waits_for_the_disk_is_not_stopped_by_its_asker_leaving() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        asking = asyncio.create_task(sessions.run(made, RaiseHand("alfa"), of("alfa")))
        await asyncio.sleep(0)
        asking.cancel()
        await sessions.run(made, LowerHand("alfa"), of("alfa"))

        assert store.names(made)[-2:] == ["HandRaised", "HandLowered"]


async def test_the_newest_page_of_a_site_wins_and_the_older_is_told() -> None:
    store = FakeStore()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        old, new = FakeScreen(), FakeScreen()
        first = await sessions.attach(made, "alfa", "p1", "Chrome", old)
        await sessions.attach(made, "alfa", "p2", "Firefox", new)
        await until(lambda: old.closed)
        await sessions.detach(made, first)  # the late leave of the replaced one

        assert old.closed == ["replaced"]
        assert new.closed == []
        assert closings(store, made) == ["replaced"]
        assert (await sessions.snapshot(made))["sites"][0]["state"] != "lost"


async def test_a_page_that_comes_back_is_not_told_it_was_replaced() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        old = FakeScreen()
        await sessions.attach(made, "alfa", "p1", "Chrome", old)
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        await until(lambda: old.closed)

        assert old.closed == ["closed"]


async def test_several_pages_of_the_hub_live_side_by_side() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        pages = [FakeScreen(), FakeScreen()]
        for number, page in enumerate(pages):
            await sessions.attach(made, "hub", f"p{number}", "Chrome", page, HOST)
        await until(lambda: all(page.shown for page in pages))

        assert [page.closed for page in pages] == [[], []]


async def test_snapshots_are_coalesced_to_two_a_second_and_their_numbers_grow() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", live=True)
        hub = FakeScreen("hub")
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        for _ in range(20):
            await sessions.run(made, RaiseHand("alfa"), of("alfa"))
            await sessions.run(made, LowerHand("alfa"), of("alfa"))
        await sessions.run(made, RaiseHand("alfa"), of("alfa"))
        await until(lambda: hub.shown and hub.shown[-1]["sites"][0]["hand"] == 1)

        gaps = [later - earlier for earlier, later in zip(hub.times, hub.times[1:], strict=False)]
        assert all(gap > 0.49 for gap in gaps)
        numbers = [shown["seq"] for shown in hub.shown]
        assert numbers == sorted(set(numbers))


async def test_what_has_not_changed_is_not_sent_again() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", "bravo")
        alfa, hub = FakeScreen(), FakeScreen()
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        await sessions.attach(made, "alfa", "p1", "Chrome", alfa)
        await sessions.attach(made, "bravo", "p2", "Chrome", FakeScreen())
        await until(lambda: alfa.shown and hub.shown and hub.shown[-1]["media"] == "applied")
        before = len(alfa.shown)
        await sessions.run(made, RaiseHand("bravo"), of("bravo"))  # of no interest to alfa
        await until(lambda: hub.shown[-1]["sites"][1]["hand"] == 1)
        sent = len(hub.shown)
        await asyncio.sleep(2.5)  # two ticks

        assert len(hub.shown) == sent
        assert len(alfa.shown) == before


async def test_a_stuck_screen_stalls_nobody() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        stuck, hub = FakeScreen(stuck=True), FakeScreen("hub")
        await sessions.attach(made, "alfa", "p1", "Chrome", stuck)
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        await sessions.run(made, RaiseHand("alfa"), of("alfa"))

        await until(lambda: hub.shown and hub.shown[-1]["sites"][0]["hand"] == 1, within_s=2)


async def test_a_site_sees_its_own_entry_only() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa", "bravo")
        screen = FakeScreen()
        await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        await until(lambda: screen.shown)

        assert "bravo" not in str(screen.shown[-1])


async def test_a_token_never_carries_the_floors_microphone() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        screen, hub = FakeScreen(), FakeScreen()
        await sessions.attach(made, "hub", "p0", "Chrome", hub, HOST)
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        await sessions.run(made, GiveFloor("alfa"), HOST)
        await sessions.fresh_media(made, alfa)
        await until(lambda: len(screen.medias) == 2 and hub.medias)

        assert set(screen.medias) == {("wss://hop.example.vn", "alfa may camera")}
        assert "microphone" in hub.medias[0][1]


async def test_staff_who_follow_along_at_the_hub_publish_nothing() -> None:
    async with running(FakeStore(), FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        follows = FakeScreen()
        await sessions.attach(made, "hub", "p0", "Chrome", follows, Actor("mai", "staff"))
        await until(lambda: follows.medias)

        assert follows.medias[0][1] == "hub may "


async def test_the_floors_microphone_is_granted_to_who_comes_into_the_room_later() -> None:
    media = FakeMedia()
    async with running(FakeStore(), media) as sessions:
        made = await briefing(sessions, "alfa")
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        await sessions.run(made, GiveFloor("alfa"), HOST)
        media.enter(made, "alfa", alfa)
        sessions.media_event(made, "participant_joined")
        await until(lambda: "granted alfa camera microphone" in media.tape)
        await sessions.run(made, TakeFloor(), HOST)
        await until(lambda: "granted alfa camera" in media.tape)


async def test_a_participant_without_a_connection_is_sent_out() -> None:
    media = FakeMedia()
    async with running(FakeStore(), media) as sessions:
        made = await briefing(sessions, "alfa")
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        media.enter(made, "alfa", alfa)
        media.enter(made, "bravo", "stranger00")
        sessions.media_event(made, "participant_joined")
        await until(lambda: "removed bravo" in media.tape)

        assert "removed alfa" not in media.tape


async def test_what_the_hub_sends_reaches_the_briefing() -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        hub = await sessions.attach(made, "hub", "p0", "Chrome", FakeScreen(), HOST)
        alfa = await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        media.enter(made, "hub", hub, audio=True)
        sessions.media_event(made, "track_published")

        def judged() -> bool:
            sessions.alive(made, alfa, n=1, receiving=False)
            found = [getattr(one.event, "following", None) for one in store.events(made)]
            return "signal_only" in found

        await until(judged)


async def test_a_new_relay_gets_rooms_and_every_screen_a_new_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MEDIA_WITHIN_S", 0.0)
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        screen = FakeScreen()
        await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        await until(lambda: screen.medias)
        media.url, media.rooms, media.tape[:] = None, {}, []
        sessions.media_moved()
        await until(lambda: "OutageBegan" in store.names(made))
        media.url = "ws://127.0.0.1:7999"
        sessions.media_moved()
        await until(lambda: len(screen.medias) == 2 and "room made" in media.tape)
        await until(lambda: "OutageEnded" in store.names(made))

        assert OutageBegan("relay") in [one.event for one in store.events(made)]
        assert closings(store, made) == []


async def test_the_end_is_sealed_in_both_chains_and_the_room_closed() -> None:
    store, media = FakeStore(), FakeMedia()
    async with running(store, media) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        await until(lambda: "room made" in media.tape)
        await sessions.run(made, End(), HOST)

        sealed = store.events(made)[-1]
        assert isinstance(sealed.event, Sealed)
        assert sealed.event.head_hash == store.events(made)[-2].hash
        assert store.events(SYSTEM_CHAIN)[-1].event == ChainSealed(made, sealed.hash)
        await until(lambda: "room closed" in media.tape)
        await sessions.run(
            made, DeclareHeadcount("alfa", 20, reason="gọi điện"), HOST
        )  # goes on after the seal


async def test_a_crash_between_end_and_seal_is_made_good() -> None:
    store = FakeStore(fail_on=Sealed)
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.run(made, End(), HOST)
    assert "Sealed" not in store.names(made)
    store.fail_on = None

    async with running(store, FakeMedia()):
        assert store.names(made)[-1] == "Sealed"
    async with running(store, FakeMedia()):
        assert store.names(made).count("Sealed") == 1


async def test_a_graceful_stop_ends_every_interval_and_tells_the_screens() -> None:
    store, screen = FakeStore(), FakeScreen()
    async with running(store, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.attach(made, "alfa", "p1", "Chrome", screen)
        await until(lambda: screen.shown)

    assert closings(store, made) == ["server_stop"]
    assert screen.closed == ["server_stop"]


async def test_after_a_crash_the_briefing_is_live_and_its_intervals_end_at_their_marks() -> None:
    killed = FakeStore()
    async with running(killed, FakeMedia()) as sessions:
        made = await briefing(sessions, "alfa")
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        store = killed.as_a_kill_leaves_it()

    async with running(store, FakeMedia()) as sessions:
        assert (await sessions.snapshot(made))["phase"] == "live"
        assert closings(store, made) == ["server_crash"]
        await sessions.attach(made, "alfa", "p1", "Chrome", FakeScreen())
        assert store.names(made)[-1] == "ConnectionOpened"
