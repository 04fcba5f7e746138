"""Pages for paper, and the texts and pictures beside them."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest

from coordinator.config import AttendanceSettings
from coordinator.web import print_pages
from tests.web.rig import ALFA, BRAVO, Rig

PAGES = ("print", "roll-call", "quick", f"sites/{ALFA}/print")


async def _held(rig: Rig, *steps: str) -> str:
    briefing = await rig.briefing(
        "open", "start", title="Quán triệt <b>Nghị quyết</b>", document_number="41-GM/HU"
    )
    page = await rig.on_line(ALFA, briefing)
    await page.say("headcount", present=30, excused=3, unexcused=1)
    await page.until(lambda seen: seen["type"] == "snapshot" and seen["sites"][0]["headcount"] is not None)
    host = await rig.program("host")
    for step in steps:
        await host.post(f"/api/briefings/{briefing}/{step}")
    return briefing


@pytest.mark.parametrize("page", PAGES)
async def test_each_page_carries_what_it_rests_on_and_escapes_what_was_typed(rig: Rig, page: str) -> None:
    briefing, staff = await _held(rig, "end"), await rig.person("staff")

    answer = await staff.get(f"/staff/briefings/{briefing}/{page}")
    text = await answer.text()

    seq, digest = await rig.services.read(rig.services.reader.head, briefing)
    assert answer.status == 200
    assert 'lang="vi"' in text and "<b>Nghị quyết</b>" not in text
    assert "Quán triệt &lt;b&gt;Nghị quyết&lt;/b&gt;" in text
    assert digest in text and f"ự kiện {seq}" in text
    assert "ĐẢNG CỘNG SẢN VIỆT NAM" in text
    assert "TẠM TÍNH" not in text
    assert " style=" not in text, "the content security policy would drop it"


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_of_a_running_briefing_says_so(rig: Rig, page: str) -> None:
    briefing, staff = await _held(rig), await rig.person("staff")

    assert "TẠM TÍNH" in await (await staff.get(f"/staff/briefings/{briefing}/{page}")).text()


async def test_the_roll_call_sheet_has_a_row_a_site_and_places_to_sign(rig: Rig) -> None:
    briefing, staff = await _held(rig, "end"), await rig.person("staff")

    text = await (await staff.get(f"/staff/briefings/{briefing}/roll-call")).text()

    row = re.search(r"Xã Bản Thi</th>(.*?)</tr>", text)
    assert row is not None and re.findall(r"<td>(.*?)</td>", row[1])[:6] == ["34", "30", "", "3", "1", "88,2"]
    assert "chưa có số liệu" in text
    assert "NGƯỜI LẬP BIỂU" in text


async def test_each_roll_call_has_a_sheet_of_its_own(rig: Rig) -> None:
    briefing, staff = await _held(rig), await rig.person("staff")
    host = await rig.program("host")
    await host.post(f"/api/briefings/{briefing}/roll-calls")
    said = {"present": 20, "roll_call": 2, "reason": "cuối giờ"}
    assert (await host.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", said)).status == 200
    await host.post(f"/api/briefings/{briefing}/end")
    path = f"/staff/briefings/{briefing}/roll-call"

    async def present(query: str) -> str:
        row = re.search(
            r"Xã Bản Thi</th><td>34</td><td>(.*?)</td>", await (await staff.get(path + query)).text()
        )
        assert row is not None
        return row[1]

    assert (await present("?call=1"), await present("?call=2")) == ("30", "20")
    assert "Lần 2" in await (await staff.get(f"{path}?call=2")).text()
    assert (await staff.get(f"{path}?call=3")).status == 404
    assert (await staff.get(f"{path}?call=x")).status == 400


async def test_a_sheet_printed_beforehand_has_room_to_write(rig: Rig) -> None:
    briefing, staff = await rig.briefing(), await rig.person("staff")

    text = await (await staff.get(f"/staff/briefings/{briefing}/roll-call")).text()

    assert "Xã Bản Thi</th><td>34</td><td></td>" in text
    assert "chưa có số liệu" not in text


async def test_a_sheet_of_one_site_tells_its_connections_only(rig: Rig) -> None:
    briefing, staff = await _held(rig, "end"), await rig.person("staff")

    text = await (await staff.get(f"/staff/briefings/{briefing}/sites/{BRAVO}/print")).text()
    nowhere = await staff.get(f"/staff/briefings/{briefing}/sites/xa-nowhere/print")

    assert "Xã Đại Sảo" in text and "Xã Bản Thi" not in text
    assert "Không có kết nối nào" in text
    assert nowhere.status == 404


async def test_the_state_has_its_own_heading(rig: Rig) -> None:
    state = AttendanceSettings(heading="state", authority="UBND tỉnh", office="UBND huyện", place="Chợ Đồn")
    rig.services.config = replace(rig.services.config, attendance=state)
    briefing, staff = await _held(rig, "end"), await rig.person("staff")

    text = await (await staff.get(f"/staff/briefings/{briefing}/print")).text()

    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text and "ĐẢNG CỘNG SẢN" not in text
    assert "UBND HUYỆN" in text and "<i>Chợ Đồn, ngày" in text


async def test_nobody_else_may_print(rig: Rig) -> None:
    briefing = await rig.briefing()
    nobody, site = await rig.nobody(), await rig.site(ALFA)

    for route in print_pages.ROUTES:
        path = route.path.replace("{id}", briefing).replace("{code}", ALFA)
        assert (await nobody.get(path)).status == 303
        assert (await site.get(path)).status == 403


async def test_the_quick_report_is_text_to_paste(rig: Rig) -> None:
    briefing, staff = await _held(rig, "end"), await rig.program("staff")

    told = await (await staff.get(f"/api/briefings/{briefing}/quick-report")).json()

    assert told["text"].startswith("BÁO CÁO NHANH\n")
    assert "1/3 điểm cầu đã báo, có mặt 30/34, đạt 88,2 % trong số đã báo" in told["text"]
    assert (told["provisional"], told["head_hash"] in told["text"]) == (False, True)


async def test_the_timeline_is_told_in_json_and_drawn(rig: Rig) -> None:
    briefing, staff = await _held(rig, "end"), await rig.program("staff")

    told = await (await staff.get(f"/api/briefings/{briefing}/timeline")).json()
    picture = await staff.get(f"/api/briefings/{briefing}/timeline.svg")

    kinds = {site["code"]: {each["kind"] for each in site["stretches"]} for site in told["sites"]}
    assert kinds[BRAVO] <= {"absent"}
    assert picture.content_type == "image/svg+xml"
    assert "Xã Đại Sảo" in await picture.text()


async def test_all_logs_come_in_one_archive(rig: Rig) -> None:
    briefing, staff = await _held(rig, "end"), await rig.program("staff")

    answer = await staff.get(f"/api/briefings/{briefing}/sites.zip")

    with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
        names = archive.namelist()
        log = archive.read(next(name for name in names if ALFA in name)).decode("utf-8-sig")
    assert len(names) == 3 and "Xã Bản Thi" in log
