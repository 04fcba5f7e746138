"""The list of briefings and the report of one: figures, unknown ones said, files to take away."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.rig import ALFA, BRAVO, Rig

pytestmark = [pytest.mark.browser]


async def held(rig: Rig) -> str:
    """A briefing that one site took part in and reported to, and that is over."""
    briefing = await rig.briefing("open", "start", title="Quán triệt Chỉ thị số 01")
    await (await rig.on_line(ALFA, briefing)).say("headcount", present=31, excused=3, unexcused=0)
    await rig.logged(briefing, lambda kinds: "HeadcountDeclared" in kinds)
    host = await rig.program("host")
    assert (await host.post(f"/api/briefings/{briefing}/end")).status == 200
    return briefing


async def test_the_report_has_figures_and_says_what_is_not_known(rig: Rig, host: Page) -> None:
    briefing = await held(rig)
    await host.goto(f"{rig.base}/staff/briefings/{briefing}")

    reported = host.get_by_test_id(f"attendance-{ALFA}")
    await expect(reported.get_by_role("cell", name="31", exact=True)).to_be_visible()
    await expect(reported).to_contain_text("91,2 %")
    await expect(host.get_by_test_id(f"attendance-{BRAVO}")).to_contain_text("chưa có số liệu")
    await expect(host.get_by_test_id(f"attendance-{BRAVO}")).to_contain_text("Không kết nối")
    await expect(host.get_by_test_id("report-phase")).to_have_text("Đã kết thúc")


async def test_a_rate_just_under_the_threshold_is_never_shown_as_the_threshold(rig: Rig, host: Page) -> None:
    """1,004 of 1,116 are 89.964 %, and 13 of 16 are 81.25 %, which a spreadsheet shows as 81.3 %."""
    briefing = await rig.briefing("open", "start", expected={ALFA: 1116, BRAVO: 16})
    person = await rig.program("host")
    for code, present in ((ALFA, 1004), (BRAVO, 13)):
        path = f"/api/briefings/{briefing}/sites/{code}/headcount"
        assert (await person.put(path, {"present": present, "reason": "qua điện thoại"})).status == 200
    assert (await person.post(f"/api/briefings/{briefing}/end")).status == 200

    await host.goto(f"{rig.base}/staff/briefings/{briefing}")
    await expect(host.get_by_test_id(f"attendance-{ALFA}")).to_contain_text("89,96 % ▼")
    await expect(host.get_by_test_id(f"attendance-{BRAVO}")).to_contain_text("81,3 % ▼")
    await host.goto(f"{rig.base}/staff/trends")
    await expect(host.get_by_test_id(f"heat-{ALFA}").locator("td.mean")).to_have_text("89,96")
    await expect(host.get_by_test_id(f"heat-{BRAVO}").locator("td.mean")).to_have_text("81,3")


async def test_the_line_checks_say_who_checked_how_it_echoed_and_which_way(rig: Rig, host: Page) -> None:
    briefing = await rig.briefing("open")
    figures = {
        "sound": True,
        "picture": True,
        "speakers": False,
        "route": "blocked",
        "echo": "strong",
        "operator": "Lý Thị Mai",
    }
    site = await rig.site(ALFA)
    told = await site.post("/api/line-checks", figures)
    assert told.status == 201, await told.text()

    await host.goto(f"{rig.base}/staff/briefings/{briefing}")

    row = host.get_by_test_id(f"line-check-{ALFA}")
    for words in ("Lý Thị Mai", "Mạnh", "Kém", "Chưa rõ"):
        await expect(row).to_contain_text(words)
    await host.goto(f"{rig.base}/staff/briefings/{briefing}/sites/{ALFA}/print")
    for words in ("Kiểm tra đường truyền", "Lý Thị Mai", "mạng chặn UDP"):
        await expect(host.locator("main, body").first).to_contain_text(words)


@pytest.mark.parametrize("what", ["attendance-xlsx", "attendance-csv", "log-csv", "events-jsonl"])
async def test_every_file_can_be_taken_away(rig: Rig, host: Page, what: str) -> None:
    briefing = await held(rig)
    await host.goto(f"{rig.base}/staff/briefings/{briefing}")

    async with host.expect_download() as waiting:
        await host.get_by_test_id(f"download-{what}").click()

    assert (await waiting.value).suggested_filename.endswith(what.rpartition("-")[2])


async def test_the_list_finds_a_briefing_without_its_accents(rig: Rig, host: Page) -> None:
    briefing = await held(rig)
    await rig.briefing(title="Giao ban tháng 4")
    await host.goto(f"{rig.base}/host")

    await host.get_by_role("searchbox").fill("quan triet chi thi")

    await expect(host.locator("tbody tr[data-testid]")).to_have_count(1)
    await host.get_by_test_id(f"briefing-{briefing}").get_by_role("link", name="Báo cáo").click()
    await host.wait_for_url(f"**/staff/briefings/{briefing}")
