"""The JSON API: what it takes, what it gives, and what it refuses without having done a thing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig

GOOD = {"title": "Quán triệt Nghị quyết", "kind": "resolution"}


async def test_a_new_briefing_calls_every_site_with_its_usual_number(rig: Rig) -> None:
    host = await rig.program("host")

    made = await host.post("/api/briefings", GOOD)

    told = await made.json()
    assert made.status == 201
    assert made.headers["Location"] == f"/api/briefings/{told['id']}"
    assert (told["title"], told["phase"]) == ("Quán triệt Nghị quyết", "scheduled")
    assert [(site["code"], site["expected"]) for site in told["snapshot"]["sites"]] == [
        (ALFA, 34), (BRAVO, 33), (CHARLIE, 55),
    ]  # fmt: skip


async def test_sites_and_numbers_can_be_chosen_for_one_briefing(rig: Rig) -> None:
    host = await rig.program("host")
    chosen = {"sites": [BRAVO, ALFA], "expected": {BRAVO: 5}, "starts_at": "2026-11-23T08:00:00+07:00"}

    told = await (await host.post("/api/briefings", GOOD | chosen)).json()

    assert told["starts_at"] == "2026-11-23T01:00:00.000Z"
    called = told["snapshot"]["sites"]
    assert [(site["code"], site["expected"], site["expected_members"]) for site in called] == [
        (ALFA, 34, None), (BRAVO, 5, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"title": ""}, 400, "bad_body"),
        ({"title": "   "}, 400, "bad_body"),
        ({"title": 7}, 400, "bad_body"),
        ({"title": None}, 400, "bad_body"),
        ({"title": "x" * 301}, 400, "bad_body"),
        ({"title": "hai\ndòng"}, 400, "bad_body"),
        ({"title": "đảo \u202e chiều"}, 400, "bad_body"),
        ({"title": "nửa \ud800 chữ"}, 400, "bad_body"),
        ({"kind": "party"}, 400, "bad_body"),
        ({"kind": ["resolution"]}, 400, "bad_body"),
        ({"starts_at": "2026-11-23T08:00:00"}, 400, "bad_body"),
        ({"starts_at": "2026-11-23"}, 400, "bad_body"),
        ({"starts_at": "2026-13-40T08:00:00Z"}, 400, "bad_body"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, 400, "bad_body"),
        ({"starts_at": 1795395600}, 400, "bad_body"),
        ({"sites": []}, 400, "empty_sites"),
        ({"sites": "xa-ban-thi"}, 400, "bad_body"),
        ({"sites": [ALFA, ALFA]}, 400, "duplicate_site"),
        ({"sites": ["hub"]}, 400, "unknown_site"),
        ({"sites": [{}]}, 400, "unknown_site"),
        ({"expected": {"nowhere": 3}}, 400, "unknown_site"),
        ({"expected": {ALFA: True}}, 400, "bad_body"),
        ({"expected": {ALFA: -1}}, 400, "bad_body"),
        ({"expected": {ALFA: 3.0}}, 400, "bad_body"),
        ({"expected": {ALFA: 10**30}}, 400, "bad_body"),
        ({"expected": [3]}, 400, "bad_body"),
        ({"document_number": "1" * 101}, 400, "bad_body"),
        ({"owner": "me"}, 400, "bad_body"),
    ],
)
async def test_a_bad_briefing_is_refused_and_nothing_is_made(
    rig: Rig, change: dict[str, Any], status: int, code: str
) -> None:
    host = await rig.program("host")

    answer = await host.post("/api/briefings", GOOD | change)

    assert await host.code(answer) == (status, code)
    assert await (await host.get("/api/briefings")).json() == []


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "bad_body"),
        (b"{", 400, "bad_body"),
        (b"[]", 400, "bad_body"),
        (b"\xff\xfe", 400, "bad_body"),
        (b'{"title": NaN, "kind": "meeting"}', 400, "bad_body"),
        (b'{"title": "a", "title": "b", "kind": "meeting"}', 400, "bad_body"),
        (b"[" * 30_000, 400, "bad_body"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "bad_body"),
        (b'{"title": "' + b"x" * 70_000 + b'"}', 413, "too_large"),
        (b'{"title": ' + b"9" * 5_000 + b"}", 400, "bad_body"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(rig: Rig, raw: bytes, status: int, code: str) -> None:
    host = await rig.program("host")

    answer = await host.ask("POST", "/api/briefings", data=raw, headers={"Content-Type": "application/json"})

    assert await host.code(answer) == (status, code)


async def test_a_huge_body_without_a_length_is_cut_off(rig: Rig) -> None:
    host = await rig.program("host")

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 65_536

    answer = await host.ask(
        "POST", "/api/briefings", data=endless(), headers={"Content-Type": "application/json"}
    )

    assert await host.code(answer) == (413, "too_large")


async def test_a_form_is_no_json(rig: Rig) -> None:
    host = await rig.program("host")

    answer = await host.ask("POST", "/api/briefings", data={"title": "a", "kind": "meeting"})

    assert await host.code(answer) == (415, "unsupported_media_type")


async def test_phases_follow_their_order_and_anything_else_is_a_409(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing()

    async def press(step: str) -> Any:
        answer = await host.post(f"/api/briefings/{briefing}/{step}")
        return (await answer.json())["phase"] if answer.status == 200 else await host.code(answer)

    assert [await press(step) for step in ("start", "open", "open", "start", "resume", "break")] == [
        (409, "wrong_phase"), "open", (409, "wrong_phase"), "live", (409, "wrong_phase"), "break",
    ]  # fmt: skip
    assert [await press(step) for step in ("resume", "cancel", "end", "end", "start")] == [
        "live", (409, "wrong_phase"), "ended", (409, "wrong_phase"), (409, "wrong_phase"),
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["open", "start", "break", "resume", "end", "cancel", "roll-calls"])
async def test_a_phase_change_takes_no_body(rig: Rig, step: str) -> None:
    host, briefing = await rig.program("host"), await rig.briefing()

    answer = await host.post(f"/api/briefings/{briefing}/{step}", {"now": True})

    assert await host.code(answer) == (400, "bad_body")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/open"),
        ("GET", "/attendance"),
        ("GET", "/attendance.csv"),
        ("GET", "/attendance.docx"),
        ("GET", "/log.csv"),
        ("GET", "/events.jsonl"),
        ("GET", f"/sites/{ALFA}/log.csv"),
        ("POST", f"/sites/{ALFA}/headcount/confirm"),
    ],
)
@pytest.mark.parametrize("briefing", ["bnowhere", "system", "b'--", "b%00"])
async def test_an_unknown_briefing_is_a_404(rig: Rig, method: str, path: str, briefing: str) -> None:
    host = await rig.program("host")

    answer = await host.ask(method, f"/api/briefings/{briefing}{path}")

    assert await host.code(answer) == (404, "unknown_briefing")


async def test_an_unknown_site_is_a_404(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    path = f"/api/briefings/{briefing}"

    answers = [
        await host.post(f"{path}/floor", {"site": "xa-khong-co"}),
        await host.post(f"{path}/floor", {"site": "hub"}),
        await host.post(f"{path}/stage", {"left": "xa-khong-co"}),
        await host.put(f"{path}/sites/xa-khong-co/headcount", {"present": 1, "reason": "gọi điện"}),
        await host.post(f"{path}/sites/hub/headcount/confirm"),
        await host.get(f"{path}/sites/xa-khong-co/log.csv"),
    ]

    assert [await host.code(answer) for answer in answers] == [(404, "unknown_site")] * 6


async def test_only_a_site_on_line_is_given_the_floor(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    path = f"/api/briefings/{briefing}/floor"
    await rig.on_line(ALFA, briefing)

    absent = await host.post(path, {"site": BRAVO})
    given = await (await host.post(path, {"site": ALFA})).json()
    taken = await (await host.post(path, {"site": None})).json()

    assert await host.code(absent) == (409, "site_not_online")
    assert given["snapshot"]["floor"] == ALFA
    assert taken["snapshot"]["floor"] is None


@pytest.mark.parametrize("body", [{}, {"site": 3}, {"site": ""}, {"site": ["a"]}, {"site": None, "to": 1}])
async def test_a_floor_without_a_site_is_refused(rig: Rig, body: dict[str, Any]) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")

    answer = await host.post(f"/api/briefings/{briefing}/floor", body)

    assert await host.code(answer) == (400, "bad_body")


async def test_the_stage_shows_two_different_things(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    path = f"/api/briefings/{briefing}/stage"

    set_ = await (await host.post(path, {"left": "slides", "right": "hub"})).json()
    twice = await host.post(path, {"left": "hub", "right": "hub"})

    assert set_["snapshot"]["stage"] == {"left": "slides", "right": "hub"}
    assert await host.code(twice) == (409, "same_twice")


async def test_a_headcount_is_declared_corrected_and_confirmed(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    operator, staff = await rig.site(ALFA), await rig.program("staff")
    path = f"/api/briefings/{briefing}/sites/{ALFA}/headcount"

    declared = await operator.put(
        path, {"present": 30, "excused": 3, "unexcused": 1, "note": "hai dòng\nghi chú"}
    )
    corrected = await staff.put(path, {"present": 31, "excused": 3, "reason": "đếm lại"})
    confirmed = await staff.post(f"{path}/confirm")

    assert (await declared.json())["headcount"]["present"] == 30
    assert (await corrected.json())["headcount"]["unexcused"] is None
    assert (await confirmed.json())["headcount"] | {"at": ""} == {
        "present": 31, "members": None, "excused": 3, "unexcused": None, "extra": None, "confirmed": True,
        "roll_call": 1, "at": "", "note": None, "reason": "đếm lại",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"present": 30, "excused": 1, "unexcused": 1}, "headcount_sum"),
        ({"present": 35}, "headcount_over"),
        ({"present": 10, "members": 11}, "members_over_present"),
        ({"present": True}, "bad_body"),
        ({"present": "30"}, "bad_body"),
        ({"present": 30.0}, "bad_body"),
        ({"present": -1}, "bad_body"),
        ({"present": 100_001}, "bad_body"),
        ({"present": None}, "bad_body"),
        ({}, "bad_body"),
        ({"present": 3, "vang": 2}, "bad_body"),
        ({"present": 3, "note": "\x00"}, "bad_body"),
        ({"present": 3, "note": "x" * 501}, "bad_body"),
    ],
)
async def test_a_headcount_that_does_not_add_up_is_refused(rig: Rig, body: dict[str, Any], code: str) -> None:
    briefing = await rig.briefing("open", "start")
    operator = await rig.site(ALFA)
    before = await rig.events(briefing)

    answer = await operator.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", body)

    assert await operator.code(answer) == (400, code)
    assert await rig.events(briefing) == before


async def test_an_operator_speaks_for_its_own_site_only(rig: Rig) -> None:
    briefing, operator = await rig.briefing("open", "start"), await rig.site(ALFA)

    answer = await operator.put(f"/api/briefings/{briefing}/sites/{BRAVO}/headcount", {"present": 1})

    assert await operator.code(answer) == (403, "forbidden")


async def test_host_and_staff_need_a_reason(rig: Rig) -> None:
    briefing, staff = await rig.briefing("open", "start"), await rig.program("staff")
    path = f"/api/briefings/{briefing}/sites/{ALFA}"

    answers = [
        await staff.put(f"{path}/headcount", {"present": 1}),
        await staff.put(f"{path}/expected", {"expected": 30}),
        await staff.post(f"{path}/phone", {"name": "Bà Hoa", "reason": " "}),
    ]

    assert [await staff.code(answer) for answer in answers] == [(400, "bad_body")] * 3


async def test_staff_changes_the_number_called_and_notes_a_call(rig: Rig) -> None:
    briefing, staff = await rig.briefing("open", "start"), await rig.program("staff")
    path = f"/api/briefings/{briefing}/sites/{ALFA}"

    changed = await staff.put(f"{path}/expected", {"expected": 30, "reason": "bốn người chuyển công tác"})
    phoned = await staff.post(f"{path}/phone", {"name": "Bà Hoa", "reason": "mất điện"})

    assert (await changed.json())["expected"] == 30
    assert (await phoned.json())["confirmed_by_phone"] is True


async def test_the_host_lowers_a_hand(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")
    site = await rig.on_line(ALFA, briefing)
    await site.say("raise-hand", topic="xin hỏi")
    await site.until(lambda message: message["type"] == "snapshot" and message["sites"][0]["hand"] == 1)

    answer = await host.post(f"/api/briefings/{briefing}/sites/{ALFA}/hand/lower")

    assert (await answer.json())["hand"] is None


async def test_each_roll_call_has_the_next_number(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start")

    answer = await host.post(f"/api/briefings/{briefing}/roll-calls")

    assert (answer.status, await answer.json()) == (201, {"roll_call": 2})


async def test_the_newest_briefing_comes_first_in_the_list(rig: Rig) -> None:
    host = await rig.program("host")
    first, second = await rig.briefing(title="Một"), await rig.briefing(title="Hai")

    listed = await (await host.get("/api/briefings")).json()

    assert {one["id"] for one in listed} == {first, second}
    assert all("snapshot" not in one for one in listed)


async def test_errors_speak_the_readers_language(rig: Rig) -> None:
    host = await rig.program("host")

    async def told(**headers: str) -> str:
        return str((await (await host.get("/api/briefings/bnone", headers=headers)).json())["message"])

    vietnamese, english = await told(), await told(**{"Accept-Language": "en-GB,en;q=0.9"})
    cookie = await told(**{"Accept-Language": "en", "Cookie": "lang=vi"})

    assert vietnamese == cookie != english


async def test_an_unknown_call_and_a_wrong_method_are_told_in_the_same_shape(rig: Rig) -> None:
    host = await rig.program("host")

    unknown, wrong = await host.get("/api/nothing"), await host.ask("DELETE", "/api/briefings")

    assert await host.code(unknown) == (404, "not_found")
    assert await host.code(wrong) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(",")) >= {"GET", "POST"}


async def test_a_failure_inside_says_nothing_of_the_inside(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await rig.program("host")

    def broken() -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(rig.services.reader, "briefings", broken)
    answer = await host.get("/api/briefings")

    assert await host.code(answer) == (500, "internal")
    assert "secret" not in await answer.text()
