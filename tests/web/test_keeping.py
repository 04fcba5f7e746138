"""Calling the roll in turn, and what is written down after the end, over the API."""

from __future__ import annotations

from tests.web.rig import ALFA, BRAVO, CHARLIE, Browser, Rig


async def ended(rig: Rig) -> tuple[str, Browser]:
    """A briefing that is over, with 30 of 34 present at the first site, and a staff member's program."""
    briefing, staff = await rig.briefing("open", "start"), await rig.program("staff")
    counted = {"present": 30, "reason": "gọi điện"}
    await staff.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", counted)
    assert (await (await rig.program("host")).post(f"/api/briefings/{briefing}/end")).status == 200
    return briefing, staff


async def test_the_host_calls_one_site_after_the_other(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    path = f"/api/briefings/{briefing}/roll-calls"

    assert await host.code(await host.post(f"{path}/next")) == (409, "not_in_turn")
    assert (await host.post(path, {"mode": "in_turn", "label": "middle"})).status == 201
    page = await rig.on_line(BRAVO, briefing)
    called = [(await (await host.post(f"{path}/next")).json())["called"] for _ in range(2)]
    again = await (await host.post(f"{path}/next", {"site": ALFA})).json()

    assert called == [ALFA, BRAVO]
    assert again == {"called": ALFA}
    wanted = {"number": 2, "mode": "in_turn", "label": "middle", "called": ALFA}
    await page.until(lambda message: message.get("calling") == wanted)


async def test_a_strange_mode_or_label_is_refused(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    path = f"/api/briefings/{briefing}/roll-calls"

    for body in ({"mode": "loud"}, {"label": "noon"}, {"sites": []}):
        assert await host.code(await host.post(path, body)) == (400, "bad_body")
    assert await host.code(await host.post(f"{path}/next", {"site": "nowhere"})) == (409, "not_in_turn")


async def test_make_up_attendance_stands_in_its_own_column(rig: Rig) -> None:
    briefing, staff = await ended(rig)
    path = f"/api/briefings/{briefing}/sites/{ALFA}/made-up"

    kept = await staff.post(path, {"persons": 3, "on": "2026-11-25", "reason": "xem bản ghi"})
    over = await staff.post(path, {"persons": 5, "on": "2026-11-26", "reason": "xem bản ghi"})
    told = await (await staff.get(f"/api/briefings/{briefing}/attendance")).json()

    assert (await kept.json())["made_up"] == 3
    assert await staff.code(over) == (409, "make_up_over")
    site = next(site for site in told["sites"] if site["code"] == ALFA)
    assert (site["present"], site["made_up"], told["totals"]["made_up"]) == (30, 3, 3)
    assert site["made_up_rows"][0]["on"] == "2026-11-25"


async def test_notes_after_the_end_need_a_reason(rig: Rig) -> None:
    briefing, staff = await ended(rig)
    path = f"/api/briefings/{briefing}/notes"

    assert await staff.code(await staff.post(path, {"text": "mất điện"})) == (409, "reason_required")
    assert (await staff.post(path, {"site": BRAVO, "text": "mất điện", "reason": "bổ sung"})).status == 201
    told = await (await staff.get(f"/api/briefings/{briefing}/attendance")).json()
    site = next(site for site in told["sites"] if site["code"] == BRAVO)
    assert [(note["text"], note["reason"]) for note in site["notes"]] == [("mất điện", "bổ sung")]


async def test_the_operator_sees_its_own_line_and_answers_for_it(rig: Rig) -> None:
    briefing, staff = await ended(rig)
    operator, path = await rig.site(ALFA), f"/api/briefings/{briefing}/sites/{ALFA}"

    line = await (await operator.get(f"{path}/attendance")).json()
    unclear = await operator.post(f"{path}/sign-off", {"answer": "wrong"})
    signed = await operator.post(f"{path}/sign-off", {"answer": "wrong", "remark": "có mặt 31"})
    seen = await (await staff.get(f"/api/briefings/{briefing}/attendance")).json()

    assert (line["present"], line["provisional"], line["signed"]) == (30, False, None)
    assert await operator.code(unclear) == (400, "remark_required")
    assert (await signed.json())["signed"] == {"answer": "wrong", "changed": False}
    site = next(site for site in seen["sites"] if site["code"] == ALFA)
    assert (site["signed"]["answer"], site["signed"]["remark"]) == ("wrong", "có mặt 31")


async def test_an_operator_sees_and_signs_no_other_line(rig: Rig) -> None:
    briefing, _ = await ended(rig)
    operator, path = await rig.site(ALFA), f"/api/briefings/{briefing}/sites/{CHARLIE}"

    assert await operator.code(await operator.get(f"{path}/attendance")) == (403, "forbidden")
    assert await operator.code(await operator.post(f"{path}/sign-off", {"answer": "right"})) == (
        403, "forbidden",
    )  # fmt: skip


async def test_a_line_is_signed_after_the_end_only(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    operator = await rig.site(ALFA)
    answer = await operator.post(f"/api/briefings/{briefing}/sites/{ALFA}/sign-off", {"answer": "right"})
    assert await operator.code(answer) == (409, "wrong_phase")
