"""Rates over many briefings, as the outside asks for them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from docx import Document

from coordinator import clock
from coordinator.storage import history_import
from coordinator.storage.history_import import Figure
from coordinator.web import downloads
from tests.web.rig import ALFA, BRAVO, Rig

OLD = (
    Figure(2, "2019-05-14", "Nghị quyết 10", "resolution", ALFA, "Xã Bản Thi", 30, 24),
    Figure(3, "2019-05-14", "Nghị quyết 10", "resolution", "xa-cu", "Xã Cũ", 20, None),
    Figure(4, "2020-02-01", "Lớp mới", "class", ALFA, "Xã Bản Thi", 30, 30),
)


async def _take_in(rig: Rig) -> None:
    await rig.services.write(history_import.add, rig.services.store, "cũ.xlsx", OLD, clock.now(), "mai")


async def _held(rig: Rig, present: int = 30) -> str:
    briefing, staff = await rig.briefing("open", "start"), await rig.program("host")
    said = {"present": present, "reason": "theo điện thoại"}
    answer = await staff.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", said)
    assert answer.status == 200, await answer.text()
    await staff.post(f"/api/briefings/{briefing}/end")
    return briefing


async def _told(rig: Rig, query: str = "") -> dict[str, Any]:
    staff = await rig.program("staff")
    answer = await staff.get(f"/api/reports/participation{query}")
    assert answer.status == 200, await answer.text()
    told: dict[str, Any] = await answer.json()
    return told


async def test_earlier_figures_are_marked_and_summed_apart(rig: Rig) -> None:
    briefing = await _held(rig)
    await _take_in(rig)

    told = await _told(rig)

    assert [(one["id"], one["day"], one["imported"]) for one in told["briefings"][:2]] == [
        (None, "2019-05-14", True), (None, "2020-02-01", True),
    ]  # fmt: skip
    assert (told["briefings"][2]["id"], told["briefings"][2]["imported"]) == (briefing, False)
    sites = {site["code"]: site for site in told["sites"]}
    assert (sites[ALFA]["rate"], sites[ALFA]["imported"]["rate"]) == (30 / 34, 54 / 60)
    assert sites[ALFA]["course"] == [24 / 30, 1.0, 30 / 34]
    assert (sites["xa-cu"]["rate"], sites["xa-cu"]["imported"]["reported"]) == (None, 0)
    assert sites[BRAVO]["imported"] is None
    assert [(month["name"], month["imported"]) for month in told["months"]][:2] == [
        ("2019-05", True), ("2020-02", True),
    ]  # fmt: skip
    assert {(kind["name"], kind["imported"]) for kind in told["kinds"]} == {
        ("resolution", True), ("class", True), ("resolution", False),
    }  # fmt: skip


async def test_the_period_and_the_kind_hold_for_earlier_figures_too(rig: Rig) -> None:
    await _take_in(rig)

    async def days(query: str) -> list[str]:
        return [one["day"] for one in (await _told(rig, query))["briefings"]]

    assert await days("?from=2019-05-14&to=2019-05-14") == ["2019-05-14"]
    assert await days("?from=2019-05-15") == ["2020-02-01"]
    assert await days("?kind=class") == ["2020-02-01"]


async def test_the_threshold_is_asked_for_in_percent(rig: Rig) -> None:
    await _held(rig)  # 30 of 34: 88.2 %

    assert (await _told(rig))["under"] == [ALFA]  # 90 unless the configuration says otherwise
    assert (await _told(rig, "?threshold=88"))["under"] == []
    assert (await _told(rig, "?threshold=89"))["threshold"] == 0.89


@pytest.mark.parametrize("threshold", ["-1", "101", "0.9", "x", "９"])
async def test_a_threshold_that_is_none_is_refused(rig: Rig, threshold: str) -> None:
    staff = await rig.program("staff")

    answer = await staff.get("/api/reports/participation", params={"threshold": threshold})

    assert await staff.code(answer) == (400, "bad_query")


async def test_a_briefing_is_folded_once_until_something_is_added_to_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefing = await _held(rig, 20)
    folded: list[str] = []
    whole = downloads.fold

    def counted(services: Any, name: str) -> Any:
        folded.append(name)
        return whole(services, name)

    monkeypatch.setattr(downloads, "fold", counted)
    assert [(await _told(rig))["sites"][0]["present"] for _ in range(3)] == [20, 20, 20]
    assert folded == [briefing]

    staff = await rig.program("staff")
    said = {"present": 25, "reason": "đếm lại"}
    answer = await staff.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", said)

    assert answer.status == 200, await answer.text()
    assert (await _told(rig))["sites"][0]["present"] == 25
    assert folded == [briefing, briefing]


async def test_the_workbook_marks_what_was_imported(rig: Rig) -> None:
    await _held(rig)
    await _take_in(rig)
    staff = await rig.program("staff")

    answer = await staff.get("/api/reports/participation.xlsx")

    book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    sources = [row[-1].value for row in list(book["Xu hướng"].rows)[1:]]
    assert sources == ["số liệu nhập", "số liệu nhập", "nhật ký"]


async def test_the_report_over_many_comes_as_a_word_file(rig: Rig) -> None:
    await _held(rig)
    staff = await rig.program("staff")

    answer = await staff.get("/api/reports/participation.docx?threshold=95")

    told = "\n".join(line.text for line in Document(io.BytesIO(await answer.read())).paragraphs)
    assert answer.headers["Content-Type"] == downloads.DOCX
    assert "Tỷ lệ tham gia các hội nghị trực tuyến" in told and "chung dưới 95 %: Xã Bản Thi (88,2 %" in told


async def test_a_long_report_tells_how_far_it_is_and_then_reads_nothing_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await _held(rig)
    staff = await rig.program("staff")

    answer = await staff.get("/api/reports/participation/progress")
    told = [json.loads(line) for line in (await answer.text()).splitlines()]

    assert told == [{"done": done, "whole": 3} for done in range(4)]
    monkeypatch.setattr(downloads, "fold", None)  # whoever reads a log again fails
    assert (await staff.get("/api/reports/participation.xlsx")).status == 200
    assert len((await _told(rig))["briefings"]) == 3


async def test_progress_is_over_what_is_asked_for(rig: Rig) -> None:
    await _held(rig)
    staff = await rig.program("staff")

    nothing = await staff.get("/api/reports/participation/progress?kind=class")
    wrong = await staff.get("/api/reports/participation/progress?kind=x")

    assert await nothing.text() == '{"done": 0, "whole": 0}\n'
    assert await staff.code(wrong) == (400, "bad_query")


async def test_a_template_that_cannot_be_used_is_the_servers_fault_and_is_named(
    rig: Rig, tmp_path: Path
) -> None:
    (tmp_path / "own.docx").write_bytes(b"no archive")
    briefing, staff, config = await _held(rig), await rig.program("staff"), rig.services.config
    settings = replace(
        config.attendance, template=tmp_path / "own.docx", summary_template=tmp_path / "own.docx"
    )
    rig.services.config = replace(config, attendance=settings)

    for path in (f"/api/briefings/{briefing}/attendance.docx", "/api/reports/participation.docx"):
        answer = await staff.get(path)
        assert await staff.code(answer) == (500, "bad_template")
        assert "own.docx" in (await answer.json())["message"]
