"""One briefing from log-in to log, in real browsers: what the product is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

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
from tests.support.pages import hook
from tests.support.server import Server
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODES = ("tt-bang-lung", "xa-ban-thi", "xa-bang-lang")
CUT = 1.0  # a time in the log is cut to whole seconds


async def test_a_briefing_from_log_in_to_log(
    server: Server, browsers: Browsers, hub_clips: Clips, site_clips: list[Clips], tmp_path: Path
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    asked = {}
    for code, clips in zip(CODES, site_clips, strict=True):
        asked[code] = now()
        await join(room, browsers, code, clips)
    await room.host.press("phase-start")
    started = now()
    for code, site in room.sites.items():
        await sees(site.page, HUB_LOOK)
        await hears(site.page, HUB_LOOK)
        await site.see_connection("online")
        await room.host.see_site(code, "online")
    await _one_speaks(room, site_clips)

    gone = room.sites[CODES[1]]
    gone.person.kill()
    killed = now()
    await room.host.see_site(CODES[1], "lost", within_s=10)
    asked_again = now()
    await join(room, browsers, CODES[1], site_clips[1])
    await room.host.see_site(CODES[1], "online")
    await sees(room.sites[CODES[1]].page, HUB_LOOK)

    await room.host.end()
    ended = now()
    await expect(hook(room.host.page, "phase-end")).to_be_hidden()
    log = read_log(await room.host.download_log(room.briefing, tmp_path))
    by_site = {code: [row for row in log if row.code == code] for code in CODES}
    assert {row.code for row in log} == set(CODES)
    for code in (CODES[0], CODES[2]):
        (row,) = by_site[code]
        assert asked[code].timestamp() - CUT <= row.joined.timestamp() <= started.timestamp()
        assert seconds_apart(row.left, ended) <= 1 + CUT
        assert row.reason == "hội nghị kết thúc"
    first, second = by_site[CODES[1]]
    assert seconds_apart(first.left, killed) <= 1 + CUT and first.reason == "đóng trang"
    assert asked_again.timestamp() - CUT <= second.joined.timestamp()
    assert seconds_apart(second.left, ended) <= 1 + CUT
    _followed((ended - started).total_seconds(), by_site[CODES[0]])


def _followed(seconds: float, rows: list[LogRow]) -> None:
    """A site that was there throughout followed nearly all of the briefing: the page tells every 5 s."""
    assert seconds - 12 <= sum(row.following_s for row in rows) <= seconds + 1


async def _one_speaks(room: BriefingRoom, clips: list[Clips]) -> None:
    """The first site is given the floor, and is seen and heard in the hall and at another site."""
    speaker, listener = room.sites[CODES[0]], room.sites[CODES[1]]
    await room.host.give_floor(speaker.code)
    await speaker.ready_to_speak()
    for page in (room.host.page, listener.page):
        await sees(page, clips[0].look)
        await hears(page, clips[0].look)
    await room.host.press("take-floor")
    await room.host.see_floor(speaker.code, held=False)
    await sees(listener.page, HUB_LOOK)
