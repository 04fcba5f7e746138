"""The control socket: who gets one, hello, what a page may ask, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from coordinator.web import socket as control
from tests.web.rig import ALFA, BRAVO, Rig, closed

PAGE = "0a0a0a0a-0000-4000-8000-000000000000"
HOSTS = ("host", "staff", "admin")


async def test_a_site_joins_and_sees_its_own_entry_and_its_media(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await (await rig.site(ALFA)).socket()

    await page.hello()
    await page.until(lambda _: {"media", "snapshot"} <= {message["type"] for message in page.seen})
    media, snapshot = ({one["type"]: one for one in page.seen}[kind] for kind in ("media", "snapshot"))

    assert media["url"] == rig.base.replace("http://", "ws://")
    assert media["token"] == f"{ALFA} may camera"
    assert (snapshot["id"], snapshot["phase"]) == (briefing, "live")
    assert [site["code"] for site in snapshot["sites"]] == [ALFA]
    assert len(json.dumps(snapshot)) < 1_100
    assert "ConnectionOpened" in await rig.events(briefing)


@pytest.mark.parametrize("role", HOSTS)
async def test_the_hub_sees_every_site(rig: Rig, role: str) -> None:
    briefing = await rig.briefing("open")
    page = await (await rig.person(role)).socket()

    await page.hello(briefing)
    snapshot = await page.get("snapshot")

    assert [site["code"] for site in snapshot["sites"]] == [site.code for site in rig.services.config.sites]


async def test_a_second_host_sees_the_same_and_harms_nobody(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    pages = [await (await rig.person("host")).socket(), await (await rig.program("host")).socket()]

    for page in pages:
        await page.hello(briefing)
        await page.get("snapshot")
    host = await rig.program("host")
    await host.post(f"/api/briefings/{briefing}/break")

    for page in pages:
        await page.until(lambda message: message.get("phase") == "break")


async def test_a_second_browser_of_a_site_takes_over(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    first = await rig.on_line(ALFA, briefing)

    second = await rig.on_line(ALFA, briefing)

    assert await first.refused() == "replaced"
    assert await first.ended() == 4001
    assert await closed(rig, briefing, "replaced") == ["replaced"]
    await second.say("raise-hand")
    await second.until(lambda message: message["type"] == "snapshot" and message["sites"][0]["hand"] == 1)


async def test_a_goodbye_is_said_in_full(rig: Rig) -> None:
    briefing, browser = await rig.briefing("open", "start"), await rig.site(ALFA)
    async with browser.session.ws_connect(rig.base + "/ws") as first:
        await first.send_json({"type": "hello", "page": PAGE})
        await first.receive()
        await rig.on_line(ALFA, briefing)
        await asyncio.sleep(0.3)  # the page looks late

        async with asyncio.timeout(5):
            async for _ in first:
                pass

    assert first.close_code == 4001


async def test_a_closed_socket_has_left_at_once(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    await page.raw.close()

    assert await closed(rig, briefing, "closed") == ["closed"]


async def test_a_line_that_is_cut_off_has_left_at_once(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    transport = page.raw._conn.transport
    assert transport is not None
    transport.abort()

    assert await closed(rig, briefing, "closed") == ["closed"]


async def test_nobody_gets_no_socket(rig: Rig) -> None:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await (await rig.nobody()).socket()

    assert refusal.value.status == 401


async def test_a_foreign_page_gets_no_socket_with_our_cookie(rig: Rig) -> None:
    host = await rig.person("host")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(WSServerHandshakeError) as refusal:
            await host.socket(headers)

        assert refusal.value.status == 403


async def test_a_stale_cookie_is_told_so_and_let_go(rig: Rig) -> None:
    site, host = await rig.site(ALFA), await rig.nobody()
    host.headers["Cookie"] = "coordinator_session=long-gone"
    await rig.services.write(rig.services.admin.rotate_link, ALFA)

    pages = [await site.socket(), await host.socket()]

    assert [await page.refused() for page in pages] == ["wrong_link", "login_needed"]
    assert [await page.ended() for page in pages] == [4401, 4401]


async def test_a_rotated_link_ends_the_open_socket(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    briefing = await rig.briefing("open", "start")
    page, other = await rig.on_line(ALFA, briefing), await rig.on_line(BRAVO, briefing)

    await rig.services.write(rig.services.admin.rotate_link, ALFA)

    assert await page.refused() == "revoked"
    assert await page.ended() == 4003
    assert await closed(rig, briefing, "revoked") == ["revoked"]
    await other.say("raise-hand")
    await other.until(lambda message: message["type"] == "snapshot" and message["sites"][0]["hand"] == 1)


async def test_a_person_who_logs_out_loses_the_socket(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    briefing, host = await rig.briefing("open"), await rig.person("host")
    page = await host.socket()
    await page.hello(briefing)
    await page.get("snapshot")

    await host.ask("POST", "/logout")

    assert await page.refused() == "revoked"


@pytest.mark.parametrize("briefing", ["bnowhere", "system", "x" * 64])
async def test_an_unknown_briefing_is_refused_and_the_page_may_ask_again(rig: Rig, briefing: str) -> None:
    known = await rig.briefing("open")
    page = await (await rig.site(ALFA)).socket()

    await page.hello(briefing)
    refused = await page.get("refused")
    await page.hello(known)

    assert (refused["code"], refused["about"]) == ("unknown_briefing", "hello")
    assert (await page.get("snapshot"))["id"] == known


async def test_a_host_has_to_name_a_briefing(rig: Rig) -> None:
    page = await (await rig.person("host")).socket()

    await page.hello()

    assert await page.refused() == "unknown_briefing"


@pytest.mark.parametrize("steps", [(), ("open",), ("open", "start")])
async def test_a_site_that_is_not_called_is_refused(rig: Rig, steps: tuple[str, ...]) -> None:
    briefing = await rig.briefing(*steps, sites=[BRAVO])
    page = await (await rig.site(ALFA)).socket()

    await page.hello(briefing)

    assert await page.refused() == "unknown_site"


async def test_a_site_waits_until_its_briefing_opens(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    page = await (await rig.site(ALFA)).socket()
    await page.hello()
    assert await page.refused() == "not_open"

    briefing = await rig.briefing("open")

    assert (await page.until(lambda message: message.get("phase") == "open"))["id"] == briefing
    assert [message["type"] for message in page.seen].count("refused") == 1


async def test_a_page_that_can_ask_enters_none_of_two_before_it_is_told_which(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    first, second = await rig.briefing("open", title="Một"), await rig.briefing("open", title="Hai")
    page = await (await rig.site(ALFA)).socket()
    await page.hello(chooses=True)

    offered = (await page.get("choice"))["briefings"]
    await asyncio.sleep(0.3)

    assert [(one["id"], one["title"]) for one in offered] == [(first, "Một"), (second, "Hai")]
    assert [message["type"] for message in page.seen] == ["choice"]
    assert not {"ConnectionOpened"} & {*await rig.events(first), *await rig.events(second)}
    await page.hello(second)
    assert (await page.get("snapshot"))["id"] == second


async def test_a_page_in_a_briefing_hears_of_the_second_one_and_stays_until_it_says_otherwise(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PING_EVERY_S", 0.05)
    first = await rig.briefing("open")
    page = await (await rig.site(ALFA)).socket()
    await page.hello(chooses=True)
    await page.get("snapshot")

    second = await rig.briefing("open")
    assert [one["id"] for one in (await page.get("choice"))["briefings"]] == [first, second]
    await (await rig.program("host")).post(f"/api/briefings/{second}/cancel")

    assert (await page.get("choice"))["briefings"] == []
    again = await (await rig.site(ALFA)).socket()
    await again.hello(first, chooses=True)
    assert (await again.get("snapshot"))["id"] == first


async def test_an_ended_briefing_is_not_open_any_more(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start", "end")
    page = await (await rig.site(ALFA)).socket()

    await page.hello(briefing)

    assert await page.refused() == "not_open"


async def test_hello_comes_first(rig: Rig) -> None:
    await rig.briefing("open")
    page = await (await rig.site(ALFA)).socket()

    await page.say("raise-hand")
    assert await page.refused() == "bad_message"
    await page.hello()

    assert (await page.get("snapshot"))["phase"] == "open"


async def test_hello_comes_in_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "HELLO_WITHIN_S", 0.1)
    page = await (await rig.site(ALFA)).socket()

    assert await page.refused() == "bad_message"
    assert await page.ended() == 1008


async def test_hello_comes_once(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    page = await rig.on_line(ALFA, briefing)

    await page.hello(briefing)

    assert await page.refused() == "bad_message"


UNREADABLE: list[str | bytes] = [
    "", "{", "[]", "null", '"hello"', "{}", '{"type": 3}', '{"type": null}', b"\x00\x01", "[" * 9_000,
    '{"type": "alive", "type": "alive"}', '{"type": "alive", "t_ms": NaN}',
]  # fmt: skip


@pytest.mark.parametrize("raw", UNREADABLE, ids=lambda raw: str(raw)[:20])
async def test_an_unreadable_message_closes_that_socket_alone(rig: Rig, raw: str | bytes) -> None:
    briefing = await rig.briefing("open", "start")
    page, other = await rig.on_line(ALFA, briefing), await rig.on_line(BRAVO, briefing)

    await (page.raw.send_bytes(raw) if isinstance(raw, bytes) else page.raw.send_str(raw))

    assert await page.refused() == "bad_message"
    assert await page.ended() == 1008
    assert await closed(rig, briefing, "closed") == ["closed"]
    await other.say("raise-hand")
    await other.until(lambda message: message["type"] == "snapshot" and message["sites"][0]["hand"] == 1)


async def test_a_message_over_16_kb_closes_that_socket_alone(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    await page.raw.send_str(json.dumps({"type": "raise-hand", "topic": "x" * 20_000}), compress=None)

    assert await page.ended() == 1009
    assert await closed(rig, briefing, "closed") == ["closed"]


async def test_a_small_frame_that_unpacks_to_much_is_cut_off_too(rig: Rig) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    await page.raw.send_str(json.dumps({"type": "raise-hand", "topic": "x" * 5_000_000}), compress=15)

    assert await page.ended() == 1009


WRONG: list[dict[str, Any]] = [
    {"type": "dance"},
    {"type": "raise-hand", "topic": 7},
    {"type": "raise-hand", "topic": "x" * 201},
    {"type": "alive", "n": True},
    {"type": "alive", "n": -1},
    {"type": "alive", "media": []},
    {"type": "alive", "media": {"receiving": "yes"}},
    {"type": "alive", "media": {"mode": "loud"}},
    {"type": "alive", "media": {"layer": 3}},
    {"type": "alive", "media": {"loss": 1.5}},
    {"type": "alive", "media": {"rtt_ms": "fast"}},
    {"type": "alive", "media": {"slide": True}},
    {"type": "headcount"},
    {"type": "headcount", "present": "30"},
    {"type": "headcount", "present": True},
    {"type": "line-check", "sound": 1},
]


@pytest.mark.parametrize("message", WRONG, ids=str)
async def test_a_wrong_message_is_refused_and_the_socket_lives_on(rig: Rig, message: dict[str, Any]) -> None:
    briefing = await rig.briefing("open", "start")
    page = await rig.on_line(ALFA, briefing)

    await page.say(**{"kind": message["type"], **{key: message[key] for key in message if key != "type"}})
    assert await page.refused() == "bad_message"
    await page.say("raise-hand")

    await page.until(lambda seen: seen["type"] == "snapshot" and seen["sites"][0]["hand"] == 1)


@pytest.mark.parametrize("page_id", [None, "", "no uuid", 7, "x" * 36])
async def test_a_hello_names_its_page_by_uuid(rig: Rig, page_id: object) -> None:
    page = await (await rig.site(ALFA)).socket()

    await page.say("hello", page=page_id)

    assert await page.refused() == "bad_message"


async def test_a_headcount_that_does_not_add_up_is_refused_in_words(rig: Rig) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))

    await page.say("headcount", present=30, excused=30)
    refused = await page.get("refused")

    assert (refused["code"], refused["about"]) == ("headcount_sum", "headcount")
    assert "60" in refused["message"]


async def test_a_headcount_shows_in_the_snapshot(rig: Rig) -> None:
    page = await rig.on_line(ALFA, await rig.briefing("open", "start"))

    await page.say("headcount", present=30, excused=3, unexcused=1, extra=2)
    shown = await page.until(
        lambda seen: seen["type"] == "snapshot" and seen["sites"][0]["headcount"] is not None
    )

    assert (shown["sites"][0]["headcount"]["present"], shown["sites"][0]["headcount"]["extra"]) == (30, 2)


async def test_a_line_check_is_kept(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    page = await rig.on_line(ALFA, briefing)

    await page.say("line-check", sound=True, picture=False, rtt_ms=80, loss=0.02)

    await rig.logged(briefing, lambda names: "LineChecked" in names)


@pytest.mark.parametrize("kind", ["raise-hand", "lower-hand", "return-floor", "headcount", "line-check"])
async def test_the_hub_does_not_speak_for_a_site(rig: Rig, kind: str) -> None:
    briefing = await rig.briefing("open", "start")
    page = await (await rig.person("host")).socket()
    await page.hello(briefing)
    await page.get("snapshot")

    await page.say(kind, present=1)

    assert await page.refused() == "forbidden"


async def test_a_browser_with_an_account_and_a_link_says_which_it_means(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    both = await rig.person("host")
    await both.get(rig.link(ALFA))
    pages = [await both.socket(), await both.socket()]

    await pages[0].hello(briefing, **{"as": "site"})
    await pages[1].hello(briefing, **{"as": "hub"})

    assert len((await pages[0].get("snapshot"))["sites"]) == 1
    assert len((await pages[1].get("snapshot"))["sites"]) == 3


async def test_a_site_cannot_say_that_it_is_the_hub(rig: Rig) -> None:
    page = await (await rig.site(ALFA)).socket()

    await page.hello(await rig.briefing("open"), **{"as": "hub"})

    assert await page.refused() == "forbidden"
