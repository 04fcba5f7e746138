"""Rosters: names come in, the operator ticks, people check in by a code; the log holds numbers only."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from coordinator.web import roster_file
from coordinator.web.errors import BadRequest
from tests.web.rig import ALFA, BRAVO, Rig

PASTED = "Họ và tên\tChức vụ\nNguyễn Văn An\tBí thư\nTrần Thị Bình\tChủ tịch\n\nHoàng Văn Cường\t\n"
PEOPLE = [("Nguyễn Văn An", "Bí thư"), ("Trần Thị Bình", "Chủ tịch"), ("Hoàng Văn Cường", "")]


def workbook() -> bytes:
    book, raw = openpyxl.Workbook(), io.BytesIO()
    for row in (("STT", "Chức vụ", "Họ tên"), *((1, post, name) for name, post in PEOPLE)):
        book.worksheets[0].append(row)
    book.save(raw)
    return raw.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        PASTED.encode(),
        b"\xef\xbb\xbf" + PASTED.replace("\t", ";").encode(),
        "\n".join(f"{name},{post}" for name, post in PEOPLE).encode(),
        workbook(),
    ],
    ids=["pasted", "semicolons", "no headings", "xlsx"],
)
def test_names_and_posts_come_from_any_spreadsheet(raw: bytes) -> None:
    assert roster_file.read(raw) == PEOPLE


@pytest.mark.parametrize("raw", [b"PK\x03\x04 broken", b"\xff\xfe"])
def test_a_file_that_is_no_list_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as told:
        roster_file.read(raw)
    assert told.value.code == "roster_unreadable"


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        ("An\tBí thư\n\tChủ tịch", 2, "A"),
        ("STT\tHọ tên\tChức vụ\n1\tAn\tBí thư\n\n2\tBình\tChủ\u202etịch", 4, "C"),
        ("An\tBí thư\nBình\tBí thư\nAn\tBí thư", 3, "A"),  # one of two would never be counted
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column_and_nothing_is_taken(
    raw: str, line: int, column: str
) -> None:
    with pytest.raises(BadRequest) as told:
        roster_file.read(raw.encode())
    assert told.value.code == "bad_roster"
    assert (told.value.details["line"], told.value.details["column"]) == (line, column)


async def test_a_list_can_be_looked_at_before_it_replaces_another(rig: Rig) -> None:
    staff, operator, path = await rig.program("staff"), await rig.site(ALFA), f"/api/sites/{ALFA}/roster"

    seen = await staff.ask("POST", path, data=PASTED.encode())

    assert [person["name"] for person in await seen.json()] == [name for name, _ in PEOPLE]
    assert await (await staff.get(path)).json() == []
    long = "\n".join(f"Người {number}" for number in range(501)).encode()
    assert await staff.code(await staff.ask("POST", path, data=long)) == (400, "roster_too_long")
    assert await operator.code(await operator.ask("POST", path, data=PASTED.encode())) == (403, "forbidden")


async def test_the_operator_ticks_who_is_there(rig: Rig) -> None:
    staff, briefing = await rig.program("staff"), await rig.briefing("open", "start")
    operator, path = await rig.site(ALFA), f"/api/briefings/{briefing}/sites/{ALFA}/attendees"

    taken = await staff.ask("PUT", f"/api/sites/{ALFA}/roster", data=PASTED.encode())
    seen = await (await operator.get(f"/api/sites/{ALFA}/roster")).json()
    first = await (await operator.put(path, {"present": [1, 3]})).json()
    again = await (await operator.put(path, {"present": [2, 3]})).json()

    assert taken.status == 200
    assert [(person["number"], person["name"]) for person in seen] == [
        (1, "Nguyễn Văn An"), (2, "Trần Thị Bình"), (3, "Hoàng Văn Cường"),
    ]  # fmt: skip
    assert first["present"] == 2
    assert [one["name"] for one in again["attendees"]] == ["Trần Thị Bình", "Hoàng Văn Cường"]
    assert await operator.code(await operator.put(path, {"present": [9]})) == (404, "unknown_person")
    names = b"".join([await rig.services.read(rig.services.reader.jsonl, briefing)]).decode()
    assert "Trần" not in names


async def test_who_checks_in_by_the_rooms_code_waits_for_the_operator(rig: Rig) -> None:
    briefing, operator = await rig.briefing("open", "start"), await rig.site(ALFA)
    path = f"/api/briefings/{briefing}/sites/{ALFA}"
    code = await (await operator.post(f"{path}/check-in")).json()
    phone, place = await rig.nobody(), "/checkin/" + code["url"].split("/checkin/")[1]

    page = await (await phone.get(place)).text()
    said = await phone.ask("POST", place, data={"name": "Lý Thị Dung", "post": "Hội Phụ nữ"})
    twice = await phone.ask("POST", place, data={"name": "Lý Thị Dung", "post": "Hội Phụ nữ"})
    waiting = await (await operator.get(f"{path}/attendees")).json()
    person = waiting["attendees"][0]["id"]
    accepted = await (await operator.post(f"{path}/attendees/{person}", {"accepted": True})).json()

    assert code["svg"].startswith("<svg") and re.search(r"Xã Bản Thi", page)
    assert (said.status, twice.status) == (200, 200)
    assert [(one["name"], one["state"]) for one in waiting["attendees"]] == [("Lý Thị Dung", "waiting")]
    assert (waiting["present"], accepted["present"]) == (0, 1)


async def test_a_code_ends_with_its_briefing_and_a_guess_finds_nothing(rig: Rig) -> None:
    briefing, operator = await rig.briefing("open", "start"), await rig.site(ALFA)
    code = await (await operator.post(f"/api/briefings/{briefing}/sites/{ALFA}/check-in")).json()
    place = "/checkin/" + code["url"].split("/checkin/")[1]
    await (await rig.program("host")).post(f"/api/briefings/{briefing}/end")

    phone = await rig.nobody()
    assert (await phone.get(place)).status == 404
    assert (await phone.get("/checkin/guess")).status == 404


async def test_an_operator_sees_no_other_sites_people(rig: Rig) -> None:
    briefing, operator = await rig.briefing("open"), await rig.site(ALFA)
    for path in (f"/api/sites/{BRAVO}/roster", f"/api/briefings/{briefing}/sites/{BRAVO}/attendees"):
        assert await operator.code(await operator.get(path)) == (403, "forbidden")
