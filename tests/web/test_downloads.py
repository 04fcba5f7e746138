"""Downloads: what comes, under which name, and that each is on record."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import openpyxl
import pytest
from docx import Document

from coordinator.domain.events import SYSTEM_CHAIN, Downloaded
from coordinator.web.downloads import disposition
from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig

FILES = (
    "attendance.json",
    "attendance.csv",
    "attendance.xlsx",
    "attendance.docx",
    "sites.zip",
    f"sites/{ALFA}/attendance.xlsx",
    "log.csv",
    f"sites/{ALFA}/log.csv",
    "events.jsonl",
)


async def _held(rig: Rig) -> str:
    """A briefing that is over: one site came, one declared by its link, one did neither."""
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)
    await page.say("headcount", present=30, excused=3, unexcused=1)
    await page.until(lambda seen: seen["type"] == "snapshot" and seen["sites"][0]["headcount"] is not None)
    host = await rig.program("host")
    await host.post(f"/api/briefings/{briefing}/end")
    return briefing


def _rows(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))


async def test_the_attendance_is_told_in_json(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    told = await (await staff.get(f"/api/briefings/{briefing}/attendance")).json()

    assert told["briefing"]["id"] == briefing
    assert (told["provisional"], told["window"]["seconds"] >= 0) == (False, True)
    assert len(told["head_hash"]) == 64
    assert (told["totals"]["sites_expected"], told["totals"]["sites_reported"]) == (3, 1)
    sites = {site["code"]: site for site in told["sites"]}
    assert list(sites) == [ALFA, BRAVO, CHARLIE]
    assert (sites[ALFA]["present"], sites[ALFA]["expected"], sites[BRAVO]["present"]) == (30, 34, None)
    assert sites[ALFA]["first_joined"].endswith("Z")
    assert sites[BRAVO]["first_joined"] is None
    assert "not_connected" in sites[BRAVO]["status"]
    assert not [key for key in _keys(told) if key.endswith("_ms") and key != "rtt_ms"]


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for inner in value.values() for key in _keys(inner))]
    return [key for inner in value for key in _keys(inner)] if isinstance(value, list) else []


async def test_the_attendance_as_csv_for_both_kinds_of_excel(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    comma = await staff.get(f"/api/briefings/{briefing}/attendance.csv")
    semicolon = await staff.get(f"/api/briefings/{briefing}/attendance.csv?sep=semicolon")

    for answer, delimiter in ((comma, ","), (semicolon, ";")):
        rows = _rows(await answer.read(), delimiter)
        assert [row["Mã"] for row in rows] == [ALFA, BRAVO, CHARLIE]
        assert rows[0]["Có mặt"] == "30"


async def test_the_attendance_as_a_workbook(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/attendance.xlsx")

    sheet = openpyxl.load_workbook(io.BytesIO(await answer.read())).worksheets[0]
    assert sheet.max_row == 4


async def test_the_log_has_a_row_a_connection(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")
    path = f"/api/briefings/{briefing}"

    everything = _rows(await (await staff.get(f"{path}/log.csv")).read())
    one = _rows(await (await staff.get(f"{path}/sites/{ALFA}/log.csv")).read())
    none = _rows(await (await staff.get(f"{path}/sites/{BRAVO}/log.csv")).read())

    assert [row["Mã"] for row in everything] == [ALFA]
    assert [row["Điểm cầu"] for row in one] == ["Xã Bản Thi"]
    assert none == []


async def test_the_chain_is_the_chain(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/events.jsonl")

    lines = [json.loads(line) for line in (await answer.read()).splitlines()]
    head = await rig.services.read(rig.services.reader.head, briefing)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert (lines[-1]["seq"], lines[-1]["hash"]) == head
    assert await rig.services.read(rig.services.reader.jsonl, briefing) == await answer.read()


@pytest.mark.parametrize("file", FILES)
async def test_every_download_is_on_record_under_its_name(rig: Rig, file: str) -> None:
    briefing, staff = await rig.briefing("open", "start"), await rig.program("staff")
    before = await rig.events(briefing)

    answer = await staff.get(f"/api/briefings/{briefing}/{file}")

    noted = (await rig.services.read(rig.services.reader.events, SYSTEM_CHAIN))[-1]
    assert isinstance(noted.event, Downloaded)
    assert (noted.event.about, noted.actor) == (briefing, "staff program")
    assert f'filename="{noted.event.what}"' in answer.headers["Content-Disposition"]
    assert noted.event.what.startswith("TAM-TINH-")
    assert await rig.events(briefing) == before


async def test_a_download_never_asks_the_session(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    briefing, staff = await rig.briefing("open", "start"), await rig.program("staff")

    async def asked(*_: object) -> None:
        raise AssertionError("the session was asked")

    monkeypatch.setattr(rig.services.sessions, "_hall", asked)
    statuses = [(await staff.get(f"/api/briefings/{briefing}/{file}")).status for file in FILES]

    assert statuses == [200] * len(FILES)


async def test_the_minutes_come_as_a_document(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/attendance.docx")

    text = "\n".join(paragraph.text for paragraph in Document(io.BytesIO(await answer.read())).paragraphs)
    assert "BIÊN BẢN" in text and "có mặt 30/34 của các điểm cầu đã báo, tỷ lệ 88,2 %" in text


async def test_one_site_has_a_workbook_of_its_own(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/sites/{ALFA}/attendance.xlsx")
    nowhere = await staff.get(f"/api/briefings/{briefing}/sites/xa-nowhere/attendance.xlsx")

    book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    assert [cell.value for cell in book["Tổng hợp"]["B"]] == ["Mã", ALFA]
    assert await staff.code(nowhere) == (404, "unknown_site")


@pytest.mark.parametrize("path", ["attendance.csv", "log.csv", f"sites/{ALFA}/log.csv"])
async def test_an_unknown_separator_is_refused(rig: Rig, path: str) -> None:
    briefing, staff = await rig.briefing(), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/{path}?sep=tab")

    assert await staff.code(answer) == (400, "bad_query")


def test_a_name_is_told_in_ascii_and_in_full() -> None:
    assert disposition("biên bản.csv") == (
        "attachment; filename=\"bi_n b_n.csv\"; filename*=UTF-8''bi%C3%AAn%20b%E1%BA%A3n.csv"
    )
    assert '"; x="' not in disposition('a"; x="b')


async def test_participation_is_over_the_briefings_asked_for(rig: Rig) -> None:
    first, staff = await _held(rig), await rig.program("staff")
    await rig.briefing(title="Chưa bắt đầu")

    async def found(query: str) -> list[str]:
        told = await (await staff.get(f"/api/reports/participation{query}")).json()
        return [one["id"] for one in told["briefings"]]

    assert await found("") == [first]
    assert await found("?kind=class") == []
    assert await found("?kind=resolution&from=2020-01-01&to=2099-12-31") == [first]
    assert await found("?to=2020-01-01") == []
    assert await found("?from=2099-01-01T00:00:00Z") == []


async def test_participation_gives_rates_by_site(rig: Rig) -> None:
    await _held(rig)
    staff = await rig.program("staff")

    told = await (await staff.get("/api/reports/participation")).json()
    rows = _rows(await (await staff.get("/api/reports/participation.csv")).read())
    book = await (await staff.get("/api/reports/participation.xlsx")).read()

    sites = {site["code"]: site for site in told["sites"]}
    assert (sites[ALFA]["present"], sites[ALFA]["expected"], sites[BRAVO]["rate"]) == (30, 34, None)
    assert [row["Mã"] for row in rows] == [ALFA, BRAVO, CHARLIE]
    assert openpyxl.load_workbook(io.BytesIO(book)).sheetnames == [
        "Theo điểm cầu", "Theo hội nghị", "Điểm cầu theo tháng", "Xu hướng", "Theo loại", "Dưới 90%",
        "Nguyên nhân",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-11-23T08:00:00", "kind=party", "from=2026-02-30"]
)
async def test_a_period_that_cannot_be_read_is_refused(rig: Rig, query: str) -> None:
    staff = await rig.program("staff")

    answer = await staff.get(f"/api/reports/participation?{query}")

    assert await staff.code(answer) == (400, "bad_query")
