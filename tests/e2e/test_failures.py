"""The relay or the whole server dies at once: pages come back by themselves, and the attendance holds."""

from __future__ import annotations

import os
import signal
from datetime import datetime

import pytest

from tests.support.briefing_room import (
    BriefingRoom,
    LogRow,
    join,
    now,
    open_briefing,
    read_log,
    seconds_apart,
)
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, Clips
from tests.support.server import Server, api
from tests.support.waiting import until
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-ban-thi"


async def live(server: Server, browsers: Browsers, hub: Clips, site: Clips) -> BriefingRoom:
    room = await open_briefing(server, browsers, hub)
    await join(room, browsers, CODE, site)
    await room.host.press("phase-start")
    await sees(room.sites[CODE].page, HUB_LOOK)
    await room.host.see_site(CODE, "online")
    return room


async def log_of(room: BriefingRoom) -> list[LogRow]:
    token = room.server.run("token", f"tester-{now():%H%M%S%f}", "--role", "staff").strip()
    text = await api(room.server, token, "GET", f"/api/briefings/{room.briefing}/log.csv")
    return read_log(text.encode())


async def test_a_killed_relay_costs_no_attendance(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    room = await live(server, browsers, hub_clips, site_clips[0])
    page = room.sites[CODE].page
    killed = server.relay_pid()

    os.kill(killed, signal.SIGKILL)

    async def another_relay() -> bool:
        return killed not in server.children() and bool(server.children())

    await until("another relay runs", another_relay)
    await sees(page, HUB_LOOK, within_s=30)
    await hears(page, HUB_LOOK, within_s=30)
    (row,) = await log_of(room)
    assert row.left is None, "the control socket never broke"


async def test_a_killed_server_goes_on_with_the_same_briefing(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips]
) -> None:
    room = await live(server, browsers, hub_clips, site_clips[0])
    page = room.sites[CODE].page

    server.kill()
    killed = now()
    await server.start()

    await room.host.see_site(CODE, "online", within_s=60)
    await sees(page, HUB_LOOK, within_s=30)
    await hears(page, HUB_LOOK, within_s=30)
    first, second = await log_of(room)
    _closed_at_its_mark(first, killed)
    assert second.left is None
    assert server.run("verify").strip()


def _closed_at_its_mark(row: LogRow, killed: datetime) -> None:
    """One mark every 10 s, at most one heartbeat old: the interval ends up to 15 s early, never late."""
    assert row.reason.startswith("máy chủ dừng đột ngột")
    assert row.left is not None and row.left <= killed
    assert seconds_apart(row.left, killed) <= 10 + 5 + 1
