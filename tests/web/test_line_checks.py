"""The line check over HTTP: the private room, bytes to time, and the figures on record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.rig import ALFA, Rig

FIGURES = {
    "sound": True, "picture": True, "speakers": True, "rtt_ms": 118, "jitter_ms": 12, "loss": 0.016,
    "rate_bps": 1_800_000, "up_bps": 900_000, "route": "udp", "camera": "Logitech C270",
    "microphone": "USB Audio", "operator": "Hoàng Văn Nam", "echo": "some",
}  # fmt: skip


async def test_the_figures_are_judged_and_kept_for_the_next_briefing(rig: Rig) -> None:
    briefing, site = await rig.briefing(), await rig.site(ALFA)

    answer = await site.post("/api/line-checks", FIGURES)

    assert (answer.status, await answer.json()) == (201, {"verdict": "good", "briefing": briefing})
    host = await rig.program("host")
    shown = (await (await host.get(f"/api/briefings/{briefing}")).json())["snapshot"]["sites"][0]["check"]
    assert FIGURES.items() <= shown.items()
    assert (shown["verdict"], shown["at"][:2]) == ("good", "20")
    assert await rig.events(briefing) == ["BriefingCreated", "LineChecked"]


async def test_without_a_briefing_they_are_judged_all_the_same(rig: Rig) -> None:
    answer = await (await rig.site(ALFA)).post("/api/line-checks", {"route": "blocked"})
    assert await answer.json() == {"verdict": "poor", "briefing": None}


@pytest.mark.parametrize(
    "wrong",
    [{"loss": 2}, {"loss": "x"}, {"route": "pigeon"}, {"rtt_ms": -1}, {"odd": 1}, {"sound": 1},
     {"echo": "loud"}, {"operator": 7}],
)  # fmt: skip
async def test_figures_that_make_no_sense_are_refused(rig: Rig, wrong: dict[str, Any]) -> None:
    site = await rig.site(ALFA)
    assert await site.code(await site.post("/api/line-checks", FIGURES | wrong)) == (400, "bad_body")


async def test_a_site_checks_in_a_room_of_its_own_where_one_sends_and_one_hears(rig: Rig) -> None:
    answer = await (await rig.site(ALFA)).post("/api/line-check/room")

    assert answer.status == 200, await answer.text()
    told = await answer.json()
    assert told["url"].startswith("ws://")
    assert told["send"] != told["hear"]


async def test_bytes_are_given_and_taken_up_to_a_limit(rig: Rig) -> None:
    site = await rig.site(ALFA)

    given = await site.get("/api/line-check/bytes?n=65536")
    taken = await site.ask("POST", "/api/line-check/bytes", data=b"x" * 65536)
    too_many = await site.ask("POST", "/api/line-check/bytes", data=b"x" * (2 * 1024 * 1024 + 1))

    assert len(await given.read()) == 65536
    assert await taken.json() == {"bytes": 65536}
    assert too_many.status == 413
    for n in ("0", "x", "99999999", ""):
        assert (await site.get(f"/api/line-check/bytes?n={n}")).status == 400


async def test_the_host_asks_every_open_page_to_measure_but_not_while_it_is_live(rig: Rig) -> None:
    briefing, host = await rig.briefing("open"), await rig.program("host")
    socket = await rig.on_line(ALFA, briefing)

    asked = await host.post(f"/api/briefings/{briefing}/line-checks/ask")

    assert (asked.status, await asked.json()) == (200, {"asked": [ALFA]})
    await socket.get("measure")
    await host.post(f"/api/briefings/{briefing}/start")
    late = await host.post(f"/api/briefings/{briefing}/line-checks/ask")
    assert await host.code(late) == (409, "wrong_phase")
    assert (await (await rig.site(ALFA)).post(f"/api/briefings/{briefing}/line-checks/ask")).status == 403
