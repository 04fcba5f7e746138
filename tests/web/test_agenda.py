"""The agenda: written whole by whoever steers, gone through item by item, kept over a replay of the log."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.domain.briefing import Briefing
from tests.web.rig import ALFA, Rig

ITEMS: list[dict[str, Any]] = [
    {"title": "Chào cờ", "minutes": 10},
    {"title": "Quán triệt nghị quyết"},
    {"title": "Ý kiến", "minutes": 15, "site": ALFA},
]


async def test_it_is_in_the_snapshot_and_moves_on(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    path = f"/api/briefings/{briefing}/agenda"

    assert (await program.put(path, {"items": ITEMS})).status == 200
    snapshot = (await (await program.post(f"{path}/step", {"item": 2})).json())["snapshot"]

    assert [item["title"] for item in snapshot["agenda"]] == [item["title"] for item in ITEMS]
    assert snapshot["agenda"][2]["site"] == ALFA
    assert snapshot["agenda_item"] == 2
    assert snapshot["agenda_since"] is not None
    recorded = await rig.services.read(rig.services.reader.events, briefing)
    assert [item.title for item in Briefing.replay(briefing, recorded).agenda] == [
        item["title"] for item in ITEMS
    ]


async def test_an_agenda_that_becomes_shorter_than_its_place_is_at_no_item(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    path = f"/api/briefings/{briefing}/agenda"
    await program.put(path, {"items": ITEMS})
    await program.post(f"{path}/step", {"item": 3})

    snapshot = (await (await program.put(path, {"items": ITEMS[:1]})).json())["snapshot"]

    assert snapshot["agenda_item"] is None


@pytest.mark.parametrize(
    ("items", "code"),
    [
        (None, "bad_body"),
        ("x", "bad_body"),
        ([{"title": ""}], "bad_body"),
        ([{"title": "x", "minutes": -1}], "bad_body"),
        ([{"title": "x", "colour": "red"}], "bad_body"),
        ([{"title": "x", "site": "xa-khong-co"}], "unknown_site"),
        ([{"title": "x"}] * 41, "bad_body"),
    ],
)
async def test_what_is_no_agenda_is_refused_and_changes_nothing(rig: Rig, items: Any, code: str) -> None:
    briefing = await rig.briefing()
    program = await rig.program("host")
    path = f"/api/briefings/{briefing}"

    assert (await program.code(await program.put(f"{path}/agenda", {"items": items})))[1] == code
    assert (await (await program.get(path)).json())["snapshot"]["agenda"] == []


async def test_an_item_that_is_not_there_is_refused(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    answer = await program.post(f"/api/briefings/{briefing}/agenda/step", {"item": 1})
    assert (await program.code(answer))[1] == "bad_number"
