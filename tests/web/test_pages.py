"""The pages as the server gives them: who sees which, in which language, how browsers keep files."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from coordinator.web.pages import own_path
from tests.web.rig import ALFA, CONFIG, Browser, Rig


def page_data(text: str) -> dict[str, Any]:
    block = re.search(r'id="page-data">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    found: dict[str, Any] = json.loads(block[1])
    return found


async def text_of(browser: Browser, path: str, status: int = 200) -> str:
    answer = await browser.get(path)
    assert answer.status == status
    return await answer.text()


async def test_the_first_page_asks_for_name_and_password_in_vietnamese(rig: Rig) -> None:
    text = await text_of(await rig.nobody(), "/")

    assert '<html lang="vi">' in text
    assert "Đăng nhập" in text
    assert all(f'data-testid="{name}"' in text for name in ("login-name", "login-password", "login-submit"))


async def test_the_language_switch_is_remembered_and_leads_back(rig: Rig) -> None:
    browser = await rig.nobody()

    answer = await browser.get("/language/en?next=/staff")

    assert (answer.status, answer.headers["Location"]) == (303, "/staff")
    assert "Log in" in await text_of(browser, "/")


@pytest.mark.parametrize(
    "wanted", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "javascript:x", ""]
)
def test_the_way_back_is_never_somebody_elses_page(wanted: str) -> None:
    assert own_path(wanted) == "/"


@pytest.mark.parametrize(("role", "home"), [("host", "/host"), ("admin", "/host"), ("staff", "/staff")])
async def test_whoever_is_logged_in_goes_on_to_their_own_page(rig: Rig, role: str, home: str) -> None:
    answer = await (await rig.person(role)).get("/")

    assert (answer.status, answer.headers["Location"]) == (303, home)


@pytest.mark.parametrize(
    "path", ["/host", "/staff", "/staff/trends", "/host/briefings/b0", "/staff/briefings/b0"]
)
async def test_who_is_not_logged_in_is_led_to_the_log_in(rig: Rig, path: str) -> None:
    answer = await (await rig.nobody()).get(path)

    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_staff_reads_reports_but_does_not_steer(rig: Rig) -> None:
    briefing = await rig.briefing()
    staff = await rig.person("staff")

    assert 'data-testid="download-attendance-xlsx"' in await text_of(staff, f"/staff/briefings/{briefing}")
    assert "Không được phép" in await text_of(staff, "/host", 403)
    for page in ("hall", "join-sheets"):
        assert "Không được phép" in await text_of(staff, f"/host/briefings/{briefing}/{page}", 403)


async def test_office_staff_follow_along_in_the_control_room(rig: Rig) -> None:
    briefing = await rig.briefing()

    assert 'data-testid="follows"' in await text_of(await rig.person("staff"), f"/host/briefings/{briefing}")
    for role in ("host", "admin"):
        page = await text_of(await rig.person(role), f"/host/briefings/{briefing}")
        assert 'data-testid="follows"' not in page
    answer = await (await rig.site(ALFA)).get(f"/host/briefings/{briefing}")
    assert answer.status in (303, 403)


async def test_a_site_with_two_briefings_at_once_is_asked_which_one(rig: Rig) -> None:
    first = await rig.briefing("open", "start", title="Quán triệt nghị quyết")
    site = await rig.site(ALFA)
    assert "choose-" not in await text_of(site, "/site")
    second = await rig.briefing("open", "start", title="Giao ban tháng 4")

    asked = await text_of(site, "/site")

    assert all(f'href="/site?briefing={one}"' in asked for one in (first, second))
    assert "Giao ban tháng 4" in asked
    assert f'"briefing": "{second}"' in await text_of(site, f"/site?briefing={second}")
    old = await site.get("/site?briefing=b0")
    assert (old.status, old.headers["Location"]) == (303, "/site")


async def test_the_control_room_carries_its_hooks_and_the_briefing(rig: Rig) -> None:
    briefing = await rig.briefing()

    text = await text_of(await rig.person("host"), f"/host/briefings/{briefing}")

    hooks = [
        "stage-video",
        "stage-audio",
        "take-floor",
        "end-word",
        "end-confirm",
        "publish-hall",
        "roll-call",
    ]
    hooks += ["roll-call"] + [f"phase-{step}" for step in ("open", "start", "break", "resume", "end")]
    assert [hook for hook in hooks if f'data-testid="{hook}"' not in text] == []
    assert page_data(text)["briefing"] == briefing


async def test_a_briefing_that_does_not_exist_is_a_page_not_found(rig: Rig) -> None:
    assert "Không tìm thấy trang" in await text_of(await rig.person("host"), "/host/briefings/b0", 404)


async def test_the_operators_page_needs_the_sites_link(rig: Rig) -> None:
    assert "wrong_link" in await text_of(await rig.nobody(), "/site", 403)


async def test_the_operators_page_is_its_sites_and_tells_no_phone_numbers(rig: Rig) -> None:
    text = await text_of(await rig.site("xa-ban-thi"), "/site")

    hooks = ["raise-hand", "ready-to-speak", "headcount-present", "headcount-send", "connection-state"]
    hooks += ["camera-select", "microphone-select", "join-button", "stage-video", "stage-audio"]
    assert [hook for hook in hooks if f'data-testid="{hook}"' not in text] == []
    data = page_data(text)
    assert data["code"] == "xa-ban-thi"
    assert data["sites"] == [{"code": site.code, "name": site.name} for site in CONFIG.sites]


async def test_after_the_end_a_sites_link_offers_to_sign_until_it_has_answered(rig: Rig) -> None:
    operator, host = await rig.site("xa-ban-thi"), await rig.program("host")
    briefing = await rig.briefing("open", "start", sites=["xa-ban-thi"])
    before = page_data(await text_of(operator, "/site"))["to_sign"]
    await host.post(f"/api/briefings/{briefing}/end")

    offered = page_data(await text_of(operator, "/site"))["to_sign"]
    elsewhere = page_data(await text_of(await rig.site("xa-dai-sao"), "/site"))["to_sign"]
    await operator.post(f"/api/briefings/{briefing}/sites/xa-ban-thi/sign-off", {"answer": "right"})
    after = page_data(await text_of(operator, "/site"))["to_sign"]

    assert (before, offered["id"], elsewhere, after) == (None, briefing, None, None)


async def test_a_page_that_does_not_exist_says_so_in_html(rig: Rig) -> None:
    answer = await (await rig.nobody()).get("/nothing-here")

    assert (answer.status, answer.content_type) == (404, "text/html")
    assert 'data-testid="error-message"' in await answer.text()


async def test_files_with_the_version_are_kept_for_ever_and_others_are_asked_for_again(rig: Rig) -> None:
    browser = await rig.nobody()
    address = re.search(r'href="(/static/[0-9a-f]{12}/css/base\.css)"', await text_of(browser, "/"))
    assert address is not None

    versioned = await browser.get(address[1])
    plain = await browser.get("/static/css/base.css")
    again = await browser.get("/static/css/base.css", headers={"If-None-Match": plain.headers["ETag"]})

    assert "immutable" in versioned.headers["Cache-Control"]
    assert plain.headers["Cache-Control"] == "no-cache"
    assert await versioned.read() == await plain.read()
    assert again.status == 304


async def test_text_goes_out_compressed_where_the_browser_takes_it(rig: Rig) -> None:
    browser = await rig.nobody()
    browser.session._auto_decompress = False
    address = "/static/js/room.js"

    packed = await browser.get(address, headers={"Accept-Encoding": "gzip"})
    plain = await browser.get(address, headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await packed.read()) == await plain.read()


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/../pages.py", "/static/js/livekit.d.ts", "/static/catalogue.xx.json"]
)
async def test_nothing_but_the_pages_files_is_given_out(rig: Rig, path: str) -> None:
    assert (await (await rig.nobody()).get(path)).status == 404


async def test_scripts_read_the_same_sentences(rig: Rig) -> None:
    browser = await rig.nobody()

    sentences = await (await browser.get("/static/catalogue.vi.json")).json()

    assert sentences["Raise the hand"] == "Giơ tay"
    assert "error:unknown" in sentences


async def test_a_page_names_beforehand_every_module_that_its_script_will_import(rig: Rig) -> None:
    text = await text_of(await rig.site("xa-ban-thi"), "/site")
    named = set(re.findall(r'rel="modulepreload" href="(/static/[^"]+)"', text))
    version = re.search(r"/static/([0-9a-f]{12})/", text)
    assert version is not None

    scripts = {
        f"/static/{version[1]}/js/{name}.js" for name in ("room", "control-socket", "headcount", "sending")
    }

    assert scripts <= named


async def test_the_media_library_comes_small_and_after_the_page(rig: Rig) -> None:
    browser = await rig.nobody()
    browser.session._auto_decompress = False
    address = "/static/vendor/livekit-client.umd.js"

    packed = await (await browser.get(address, headers={"Accept-Encoding": "gzip"})).read()

    assert "livekit-client" not in await text_of(await rig.site("xa-ban-thi"), "/site")

    assert len(packed) < 200_000  # 25 seconds of a 64 kbit/s line
