"""How much an operator has to press until the hall is heard, and how long it takes to see it."""

from __future__ import annotations

import pytest

from tests.support.briefing_room import open_briefing
from tests.support.browsers import Browsers
from tests.support.clicks import AS_BROWSERS_ARE, Visit
from tests.support.clips import HUB_LOOK, Clips
from tests.support.pages import SitePage
from tests.support.server import Server
from tests.support.watching import hears, sees

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CODE = "xa-ban-thi"
PERMISSION = 1  # the press on "Allow" is in the browser's own window, which tests answer in advance


async def test_the_first_visit_takes_four_clicks_at_most_and_the_second_one(
    server: Server,
    browsers: Browsers,
    hub_clips: Clips,
    site_clips: list[Clips],
    capsys: pytest.CaptureFixture[str],
) -> None:
    room = await open_briefing(server, browsers, hub_clips)
    await room.host.press("phase-start")
    browsers.more = (AS_BROWSERS_ARE,)
    person = await browsers.person(CODE, site_clips[0])
    site = SitePage(person, CODE, server.links()[CODE])
    visit = await Visit.watch(person.context)

    visit.opens()
    await site.open()
    await site.page.get_by_test_id("speaker-test").click()
    await site.page.get_by_test_id("speaker-yes").click()
    await site.join()
    await visit.picture()
    await sees(site.page, HUB_LOOK)
    await hears(site.page, HUB_LOOK)
    first = (len(visit.presses) + PERMISSION, visit.after_press_ms)

    await site.page.close()
    site = SitePage(person, CODE, server.links()[CODE])
    site.page = person.page = await person.context.new_page()
    visit.opens()
    await site.open()
    await site.join()
    await visit.picture()
    await hears(site.page, HUB_LOOK)
    second = (len(visit.presses), visit.after_press_ms)

    with capsys.disabled():
        print(
            f"\nlink to hearing the hall: {first[0]} presses, the second time {second[0]}; first picture "
            f"{first[1]:.0f} and {second[1]:.0f} ms after the last press, "
            f"{visit.after_link_ms:.0f} ms after the link"
        )
    assert first[0] <= 4
    assert second[0] == 1
