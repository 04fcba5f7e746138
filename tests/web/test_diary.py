"""The diary: a briefing's log as sentences, in the reader's language, of all sites or of one."""

from __future__ import annotations

import pytest

from coordinator import catalogue
from coordinator.domain.events import EVENT_TYPES
from coordinator.web import diary
from tests.web.rig import ALFA, BRAVO, Browser, Rig

SYSTEM_CHAIN = {  # never in a briefing's own chain
    "ChainPurged", "ChainSealed", "Downloaded", "HistoryImported", "LinkRotated", "LoggedIn", "ServerStarted",
}  # fmt: skip


async def texts(program: Browser, briefing: str, **query: str) -> list[str]:
    answer = await program.get(
        f"/api/briefings/{briefing}/diary", params=query, headers={"Accept-Language": "vi"}
    )
    assert answer.status == 200, await answer.text()
    return [line["text"] for line in await answer.json()]


def test_every_event_of_a_briefing_is_told_or_left_out_on_purpose() -> None:
    told = {kind.__name__ for kind in diary.TELLERS}
    assert told | set(diary.LEFT_OUT) | SYSTEM_CHAIN == set(EVENT_TYPES)
    assert not told & set(diary.LEFT_OUT)


def test_every_sentence_has_a_vietnamese_entry_with_the_same_places() -> None:
    entries = catalogue.read(catalogue.web_folder() / "locale" / "vi" / "diary.po", "vi")
    source = (catalogue.web_folder().parent / "coordinator" / "web" / "diary.py").read_text("utf-8")
    for english in entries:
        assert f'"{english}"' in source, f"left over: {english}"
    vietnamese = catalogue.Catalogue("vi", entries)
    for words in (diary._LEFT, diary._BACK, diary._VERDICTS):
        for english in words.values():
            assert vietnamese.text(english) != english


async def test_who_did_what_is_told_the_newest_first(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    alfa = await rig.on_line(ALFA, briefing)
    await alfa.say("raise-hand", topic="Kinh phí")
    await rig.logged(briefing, lambda seen: "HandRaised" in seen)
    await program.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await program.post(f"/api/briefings/{briefing}/floor", {"site": None})

    told = await texts(program, briefing)

    assert told[:3] == [
        "host program lấy lại quyền phát biểu từ Xã Bản Thi",
        "host program mời Xã Bản Thi phát biểu",
        "Xã Bản Thi xin phát biểu: Kinh phí",
    ]
    assert told[-1] == "host program tạo hội nghị “Quán triệt”"


async def test_one_site_alone_and_only_what_is_new(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("staff")
    for code in (ALFA, BRAVO):
        socket = await rig.on_line(code, briefing)
        await socket.say("headcount", present=20)
    await rig.logged(briefing, lambda seen: seen.count("HeadcountDeclared") == 2)

    lines = await (await program.get(f"/api/briefings/{briefing}/diary")).json()
    assert {line["site"] for line in lines} >= {ALFA, BRAVO}
    own = await texts(program, briefing, site=BRAVO)
    assert own[0] == "Xã Đại Sảo báo có mặt 20/33"
    assert all("Xã Bản Thi" not in text for text in own)
    assert await texts(program, briefing, after=str(lines[0]["seq"])) == []


@pytest.mark.parametrize("after", ["x", "-1", "1.5"])
async def test_a_number_that_is_none_is_refused(rig: Rig, after: str) -> None:
    briefing = await rig.briefing()
    program = await rig.program("host")
    answer = await program.get(f"/api/briefings/{briefing}/diary", params={"after": after})
    assert await program.code(answer) == (400, "bad_query")


async def test_pages_turned_are_told_once_a_document(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    program = await rig.program("host")
    for page in (1, 2, 3):
        await program.post(f"/api/briefings/{briefing}/slide", {"slide": page})

    assert not [text for text in await texts(program, briefing) if "chiếu" in text]
