"""The life of a control socket: floods, signs of life, what travels, and what ends one socket alone."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Any

import pytest

from coordinator import catalogue, hall
from coordinator.web import socket as control
from tests.web.rig import ALFA, BRAVO, Rig, closed, until


async def test_too_many_messages_are_dropped_and_told_once(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    for number in range(80):
        await page.say("alive", n=number)

    assert await page.refused() == "too_fast"


async def test_a_flood_ends_the_socket(rig: Rig) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))

    with_errors = 0
    for number in range(400):
        try:
            await page.say("alive", n=number)
        except ConnectionError:
            with_errors += 1

    assert await page.ended() in (1008, 1006, None)
    assert with_errors <= 200


async def test_a_page_that_only_answers_pings_is_alive(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(rig.services.sessions, "alive", lambda *who, **report: heard.append(who))

    reading = asyncio.create_task(page.ended())
    await until(_count(heard), lambda number: number >= 3)
    reading.cancel()

    assert len(set(heard)) == 1


async def test_before_the_end_a_page_is_pinged_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall, "ANSWER_WITHIN_S", 60.0)  # only the answer ends the wait
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)
    reading = asyncio.create_task(page.until(lambda message: message.get("phase") == "ended"))

    async with asyncio.timeout(control.PING_EVERY_S - 1):
        await (await rig.program("host")).post(f"/api/briefings/{briefing}/end")

    assert await reading
    assert await closed(rig, briefing, "ended") == ["ended"]


def _count(heard: list[Any]) -> Any:
    async def count() -> int:
        return len(heard)

    return count


async def test_a_heartbeat_reaches_the_session_as_it_was_said(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(rig.services.sessions, "alive", lambda *who, **report: heard.append(report))

    await page.say(
        "alive", n=7, t_ms=1234.5, media={"receiving": True, "mode": "audio", "loss": 0.1, "slide": 3}
    )
    await page.say("alive", n=8)
    await until(_count(heard), lambda number: number >= 2)

    assert heard == [
        {"n": 7, "receiving": True, "mode": "audio", "layer": None, "slide": 3},
        {"n": 8, "receiving": None, "mode": None, "layer": None, "slide": None},
    ]


async def test_every_heartbeat_is_answered(rig: Rig) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))

    await page.say("alive", n=41)

    assert (await page.get("alive"))["n"] == 41


async def test_a_page_that_takes_nothing_loses_its_socket_and_stalls_nobody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SEND_WITHIN_S", 0.3)
    monkeypatch.setattr(control, "MOST_WAITING_BYTES", 1)
    briefing = await rig.briefing("open", "start")
    host, page = await rig.program("host"), await rig.on_line(BRAVO, briefing)
    stuck = await (await rig.program("host")).socket()
    await stuck.hello(briefing)
    await stuck.get("snapshot")
    stuck.raw._conn.transport.pause_reading()  # type: ignore[union-attr]
    line = next(one for one in rig.lines() if one.side == "hub")

    async def sent() -> bool:
        with contextlib.suppress(Exception):
            await line.show({"pad": secrets.token_hex(500_000)})
        return line.attached is None

    await until(sent, bool)
    await host.post(f"/api/briefings/{briefing}/break")

    await page.until(lambda message: message.get("phase") == "break")


async def test_a_page_that_lost_the_room_asks_for_a_new_token(rig: Rig) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))

    await page.say("media")

    assert (await page.get("media"))["token"]


async def test_the_servers_end_is_told_and_the_page_comes_back_by_itself(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    await rig.services.sessions.close()

    assert await page.refused() == "server_stop"
    assert await page.ended() == 1001
    assert await closed(rig, briefing, "server_stop") == ["server_stop"]


async def test_nothing_is_left_of_sockets_that_ended(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")

    async def tasks() -> set[str]:
        return {task.get_name() for task in asyncio.all_tasks() if "screen" in task.get_name()}

    for turn in range(9):
        page = await rig.on_line(ALFA, briefing)
        if turn % 3 == 0:
            await page.raw.close()
        elif turn % 3 == 1:
            await page.raw.send_str("unreadable")
        else:
            page.raw._conn.transport.abort()  # type: ignore[union-attr]

    async def left() -> int:
        return len(rig.lines()) + len(await tasks())

    await until(left, lambda number: number == 0)
    assert await rig.services.sessions.snapshot(briefing)


async def test_snapshots_travel_compressed(rig: Rig) -> None:
    page = await (await rig.person("host")).socket()

    assert page.raw.compress == 15


async def test_the_device_is_named_in_the_log(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    browser = await rig.site(ALFA)
    browser.headers["User-Agent"] = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/130.0 Safari/537.36"
    )
    page = await browser.socket()
    await page.hello(briefing)
    await page.get("snapshot")

    recorded = await rig.services.read(rig.services.reader.events, briefing)

    assert [one.event.device for one in recorded if type(one.event).__name__ == "ConnectionOpened"] == [
        "Chrome 130 · Windows"
    ]


def test_every_goodbye_has_a_close_code_and_a_sentence() -> None:
    told = set(control.CLOSE_CODES) - set(control._QUIET)
    for language in ("vi", "en"):
        known = catalogue.load(language).messages
        assert {code for code in told if f"error:{code}" not in known} == set()


async def test_one_link_says_hello_only_so_often(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "HELLO_BURST", 2.0)
    monkeypatch.setattr(control, "HELLOS_A_SECOND", 0.001)
    briefing = await rig.briefing("open", "start")
    alfa, bravo = await rig.site(ALFA), await rig.site(BRAVO)
    for _ in range(2):
        page = await alfa.socket()
        await page.hello()
        await page.get("snapshot")
    written = len(await rig.events(briefing))

    third = await alfa.socket()
    await third.hello()

    assert await third.refused() == "too_fast"
    assert await third.ended() == 1008
    assert len(await rig.events(briefing)) == written
    other = await bravo.socket()
    await other.hello()
    assert (await other.get("snapshot"))["phase"] == "live"
