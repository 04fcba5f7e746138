"""Who may do what: every route against every role, cookies, links, origins, and logs without secrets."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from coordinator.config import ServerSettings
from coordinator.storage.cookies import IDLE_MS
from coordinator.web import (
    agenda,
    api,
    build_app,
    diary,
    documents,
    downloads,
    health,
    keeping,
    participation,
    rosters,
    thread,
)
from coordinator.web.access import ADMIN, EVERYONE, HOST, OPERATOR, STAFF
from coordinator.web.line_checks import ROUTES as LINE_CHECKS
from coordinator.web.middleware import AccessLogger, redacted
from tests.web.rig import ALFA, BRAVO, CONFIG, PASSWORD, Browser, Rig, running

ROUTES = (
    *api.ROUTES,
    *agenda.ROUTES,
    *diary.ROUTES,
    *keeping.ROUTES,
    *rosters.ROUTES,
    *documents.ROUTES,
    *thread.ROUTES,
    *LINE_CHECKS,
    *downloads.ROUTES,
    *participation.ROUTES,
    *health.ROUTES,
)
READS = {OPERATOR: False, HOST: True, STAFF: True, ADMIN: True}
STEERS = {OPERATOR: False, HOST: True, STAFF: False, ADMIN: True}
KEEPS = READS
ALL = dict.fromkeys(EVERYONE, True)
ONE = "/api/briefings/{id}"
SITE = ONE + "/sites/{code}"
MATRIX: dict[str, dict[str, bool] | None] = {  # None: open to everybody
    "GET /api/openapi.json": None,
    "GET /healthz": None,
    "GET /metrics": None,
    "GET /api/briefings": READS,
    "POST /api/briefings": STEERS,
    f"GET {ONE}": READS,
    **{f"POST {ONE}/{step}": STEERS for step in ("open", "start", "break", "resume", "end", "cancel")},
    **{f"POST {ONE}/{what}": STEERS for what in ("floor", "stage", "slide", "roll-calls", "roll-calls/next")},
    "GET /api/sites/{code}/roster": ALL,
    "POST /api/sites/{code}/roster": KEEPS,
    "PUT /api/sites/{code}/roster": KEEPS,
    f"GET {SITE}/attendees": ALL,
    f"PUT {SITE}/attendees": ALL,
    f"POST {SITE}/attendees/{{person}}": ALL,
    f"POST {SITE}/check-in": ALL,
    f"POST {ONE}/notes": KEEPS,
    f"POST {SITE}/made-up": KEEPS,
    f"POST {SITE}/sign-off": dict.fromkeys((HOST, STAFF, ADMIN), False) | {OPERATOR: True},
    f"GET {SITE}/attendance": ALL,
    f"GET {ONE}/documents": ALL,
    f"POST {ONE}/documents": STEERS,
    f"DELETE {ONE}/documents/{{document}}": STEERS,
    f"GET {ONE}/documents/{{document}}/file": ALL,
    f"GET {ONE}/documents/{{document}}/pages/{{page}}/{{size}}.webp": ALL,
    f"GET {ONE}/messages": ALL,
    **{
        call: {OPERATOR: True, HOST: False, STAFF: False, ADMIN: False}
        for call in (
            "POST /api/line-check/room",
            "GET /api/line-check/bytes",
            "POST /api/line-check/bytes",
            "POST /api/line-checks",
        )
    },
    f"POST {ONE}/messages": STEERS,
    f"PUT {ONE}/agenda": STEERS,
    f"POST {ONE}/agenda/step": STEERS,
    f"GET {ONE}/diary": READS,
    "GET /api/reports/totals": READS,
    f"POST {ONE}/line-checks/ask": STEERS,
    f"PUT {SITE}/headcount": ALL,
    f"POST {SITE}/headcount/confirm": KEEPS,
    f"PUT {SITE}/expected": KEEPS,
    f"POST {SITE}/phone": KEEPS,
    f"POST {SITE}/hand/lower": STEERS,
    **{f"GET {ONE}/attendance{end}": READS for end in ("", ".json", ".csv", ".xlsx", ".docx")},
    f"GET {ONE}/log.csv": READS,
    f"GET {SITE}/log.csv": READS,
    f"GET {ONE}/events.jsonl": READS,
    **{f"GET {ONE}/{what}": READS for what in ("quick-report", "timeline", "timeline.svg", "sites.zip")},
    f"GET {SITE}/attendance.xlsx": READS,
    **{f"GET /api/reports/participation{end}": READS for end in ("", ".csv", ".xlsx", ".docx", "/progress")},
}


async def _somebody(rig: Rig, who: str) -> Browser:
    if who == "nobody":
        return await rig.nobody()
    role, _, how = who.partition(" ")
    return await (rig.site(ALFA) if role == OPERATOR else getattr(rig, how)(role))


@pytest.mark.parametrize(
    "who",
    [
        "nobody",
        OPERATOR,
        *(f"{role} {how}" for role in (HOST, STAFF, ADMIN) for how in ("person", "program")),
    ],
)
async def test_every_route_is_for_its_roles_and_for_nobody_else(rig: Rig, who: str) -> None:
    browser, found = await _somebody(rig, who), {}
    role = who.partition(" ")[0]

    for route in ROUTES:
        path = route.path.replace("{code}", ALFA)
        for name, value in (
            ("id", "bnone"),
            ("document", "dnone"),
            ("page", "1"),
            ("size", "small"),
            ("person", "1"),
        ):
            path = path.replace(f"{{{name}}}", value)
        found[f"{route.method} {route.path}"] = (await browser.ask(route.method, path)).status

    for call, status in found.items():
        allowed = MATRIX[call]
        if allowed is None:
            assert status == 200, call
        elif who == "nobody":
            assert status == 401, call
        else:
            assert (status not in (401, 403)) is allowed[role], call


async def test_the_matrix_names_every_route_there_is(rig: Rig) -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == set(MATRIX)


async def test_a_person_logs_in_and_out(rig: Rig) -> None:
    await rig.services.write(rig.services.accounts.add, "lan", HOST, PASSWORD)
    browser = await rig.nobody()

    entered = await browser.ask("POST", "/login", data={"name": "lan", "password": PASSWORD})
    inside = await browser.get("/api/briefings")
    left = await browser.ask("POST", "/logout")
    outside = await browser.get("/api/briefings")

    assert (entered.status, entered.headers["Location"]) == (303, "/host")
    cookie = entered.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Secure" not in cookie
    assert inside.status == 200
    assert (left.status, left.headers["Location"]) == (303, "/")
    assert await browser.code(outside) == (401, "login_needed")


async def test_a_stolen_copy_of_the_cookie_ends_with_the_log_out(rig: Rig) -> None:
    await rig.services.write(rig.services.accounts.add, "lan", HOST, PASSWORD)
    browser, thief = await rig.nobody(), await rig.nobody()
    await browser.ask("POST", "/login", data={"name": "lan", "password": PASSWORD})
    copied = browser.session.cookie_jar.filter_cookies(URL(browser.base))["coordinator_session"].value
    thief.headers["Cookie"] = f"coordinator_session={copied}"

    before = await thief.get("/api/briefings")
    await browser.ask("POST", "/logout")
    after = await thief.get("/api/briefings")

    assert (before.status, after.status) == (200, 401)


async def test_wrong_passwords_are_refused_then_slowed_down_and_noted(rig: Rig) -> None:
    await rig.services.write(rig.services.accounts.add, "lan", HOST, PASSWORD)
    browser = await rig.nobody()

    answers = [
        await browser.ask("POST", "/login", data={"name": "lan", "password": "không phải"}) for _ in range(7)
    ]

    assert [answer.status for answer in answers[:5]] == [401] * 5
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "LoggedIn" in await rig.events("system")


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/host/briefings/b1?x=1", "/host/briefings/b1?x=1"),
        ("//evil.example", "/host"),
        ("/\\evil.example", "/host"),
        ("https://evil.example", "/host"),
        ("/a\r\nSet-Cookie: x=1", "/host"),
        ("host", "/host"),
    ],
)
async def test_a_log_in_leads_to_our_own_pages_only(rig: Rig, wanted: str, location: str) -> None:
    await rig.services.write(rig.services.accounts.add, "lan", HOST, PASSWORD)
    browser = await rig.nobody()

    form = {"name": "lan", "password": PASSWORD, "next": wanted}
    answer = await browser.ask("POST", "/login", data=form)

    assert answer.headers["Location"] == location


async def test_a_log_in_from_another_page_is_refused(rig: Rig) -> None:
    browser = await rig.nobody()
    form = {"name": "lan", "password": PASSWORD}

    answer = await browser.ask("POST", "/login", data=form, headers={"Origin": "https://evil.example"})

    assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_changes_nothing_with_our_cookie(rig: Rig, headers: dict[str, str]) -> None:
    host, briefing = await rig.person("host"), await rig.briefing()

    changed = await host.post(f"/api/briefings/{briefing}/open", headers=headers)
    read = await host.get(f"/api/briefings/{briefing}", headers=headers)

    assert await host.code(changed) == (403, "foreign_origin")
    assert (await read.json())["phase"] == "scheduled"


async def test_a_program_with_a_token_needs_no_origin(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing()

    answer = await host.post(f"/api/briefings/{briefing}/open", headers={"Origin": "https://tool.example"})

    assert answer.status == 200


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Basic aG9zdDpob3N0", "nonsense", "Bearer " + "x" * 5000]
)
async def test_a_wrong_token_is_not_made_good_by_a_cookie(rig: Rig, header: str) -> None:
    host = await rig.person("host")

    answer = await host.get("/api/briefings", headers={"Authorization": header})

    assert await host.code(answer) == (401, "login_needed")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_link_opens_the_sites_page_and_its_secret_is_gone_from_the_address(rig: Rig) -> None:
    browser = await rig.nobody()

    answer = await browser.get(rig.link(ALFA))

    assert (answer.status, answer.headers["Location"]) == (303, "/site")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert rig.link(ALFA).partition("?k=")[2] not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "path", [f"/join/{ALFA}", f"/join/{ALFA}?k=", f"/join/{ALFA}?k=wrong", "/join/nowhere?k=x"]
)
async def test_a_wrong_link_is_refused(rig: Rig, path: str) -> None:
    browser = await rig.nobody()

    answer = await browser.get(path)

    assert answer.status == 403
    assert "coordinator_" not in answer.headers.get("Set-Cookie", "")


async def test_a_sites_link_does_not_open_another_site(rig: Rig) -> None:
    browser = await rig.nobody()
    secret = rig.link(ALFA).partition("?k=")[2]

    answer = await browser.get(f"/join/{BRAVO}?k={secret}")

    assert answer.status == 403


async def test_a_rotated_link_ends_the_old_link_and_its_cookie(rig: Rig) -> None:
    briefing, old = await rig.briefing("open", "start"), rig.link(ALFA)
    operator = await rig.site(ALFA)
    path = f"/api/briefings/{briefing}/sites/{ALFA}/headcount"

    await rig.services.write(rig.services.admin.rotate_link, ALFA)

    assert await operator.code(await operator.put(path, {"present": 1})) == (403, "wrong_link")
    assert (await (await rig.nobody()).get(old)).status == 403
    assert (await (await rig.nobody()).get(rig.link(ALFA))).status == 303


async def test_a_session_without_use_is_over(rig: Rig) -> None:
    host = await rig.person("host")
    old = rig.services.cookies._now

    def later() -> object:
        at = old()
        return replace(at, utc_ms=at.utc_ms + IDLE_MS + 1)

    rig.services.cookies._now = later  # type: ignore[assignment]

    assert await host.code(await host.get("/api/briefings")) == (401, "login_needed")


async def test_a_removed_site_is_let_in_no_more(rig: Rig) -> None:
    briefing, operator = await rig.briefing("open", "start"), await rig.site(ALFA)
    rig.services.config = replace(CONFIG, sites=CONFIG.sites[1:])

    answer = await operator.put(f"/api/briefings/{briefing}/sites/{ALFA}/headcount", {"present": 1})

    assert answer.status == 403


async def test_cookies_are_secure_where_the_address_is_https(tmp_path: Path) -> None:
    config = replace(CONFIG, server=ServerSettings(public_url="https://hop.example.vn"))
    async with running(tmp_path / "var", config) as rig:
        browser = await rig.nobody()

        answer = await browser.get(rig.link(ALFA), headers={"Host": "hop.example.vn"})

    assert "Secure" in answer.headers["Set-Cookie"]


async def test_every_answer_has_the_security_headers(rig: Rig) -> None:
    host = await rig.program("host")

    for answer in (
        await host.get("/api/briefings"),
        await host.get("/nothing"),
        await host.get(rig.link(ALFA)),
    ):
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "microphone=(self)" in headers["Permissions-Policy"]
        assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/join/xa-ban-thi?k=geheim", "/join/xa-ban-thi?k=…"),
        ("/rtc/v1?access_token=eyJh.b.c&join_request=H4s&x=1", "/rtc/v1?access_token=…&join_request=…&x=1"),
        ("/x?a=eyJhbGci.eyJleHAi.sig-_1", "/x?a=…"),
        ("/api/briefings?kind=class", "/api/briefings?kind=class"),
    ],
)
def test_secrets_are_taken_out_of_what_is_logged(target: str, shown: str) -> None:
    assert redacted(target) == shown


async def test_no_secret_reaches_any_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = rig.link(ALFA).partition("?k=")[2]
    await rig.services.write(rig.services.accounts.add, "lan", HOST, PASSWORD)
    runner = web.AppRunner(
        build_app(rig.services),
        access_log_class=AccessLogger,
        access_log=logging.getLogger("coordinator.access"),
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    browser = await rig.nobody()
    browser.base = f"http://127.0.0.1:{runner.addresses[0][1]}"

    await browser.get(rig.link(ALFA))
    await browser.get(f"/join/{BRAVO}?k={secret}")
    await browser.get("/rtc/v1?access_token=eyJhbGci.eyJleHAi.geheim")
    await browser.ask("POST", "/login", data={"name": "lan", "password": PASSWORD})
    cookies = [cookie.value for cookie in browser.session.cookie_jar if cookie.key != "lang"]
    await runner.cleanup()

    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "GET /join/xa-ban-thi?k=…" in told
    assert len(cookies) == 2
    for one in (secret, PASSWORD, "geheim", *cookies):
        assert one not in told
