"""Documents and messages over HTTP and the control socket: taken in, given out, shown, received, written."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from coordinator.documents import kinds
from tests.documents.samples import ENCRYPTED, pdf
from tests.web.rig import ALFA, BRAVO, Browser, Rig


def documents(briefing: str) -> str:
    return f"/api/briefings/{briefing}/documents"


async def hand_in(host: Browser, briefing: str, content: bytes, name: str = "NQ 05 chuyển đổi số.pdf") -> Any:
    return await host.ask("POST", documents(briefing), params={"name": name}, data=content)


async def document(rig: Rig, briefing: str, pages: int = 2) -> dict[str, Any]:
    answer = await hand_in(await rig.program("host"), briefing, pdf(pages))
    assert answer.status == 201, await answer.text()
    made: dict[str, Any] = await answer.json()
    return made


def left_over(rig: Rig) -> list[Path]:
    return [path for path in (rig.services.data / "documents").rglob("*") if path.is_file()]


async def test_a_document_is_taken_in_and_given_out_page_by_page(rig: Rig) -> None:
    briefing, content = await rig.briefing("open"), pdf(2)
    answer = await hand_in(await rig.program("host"), briefing, content)
    made = await answer.json()

    digest = hashlib.sha256(content).hexdigest()
    told = [made[key] for key in ("name", "pages", "bytes", "sha256", "received")]
    assert told == ["NQ 05 chuyển đổi số.pdf", 2, len(content), digest, []]

    site, base = await rig.site(ALFA), f"{documents(briefing)}/{made['id']}"
    page = await site.get(f"{base}/pages/2/small.webp")
    assert (page.status, page.content_type) == (200, "image/webp")
    assert (await page.read())[:4] == b"RIFF"
    assert "immutable" in page.headers["Cache-Control"]
    for wrong in ("pages/3/small.webp", "pages/0/small.webp", "pages/1/huge.webp", "pages/01/large.webp"):
        assert (await site.get(f"{base}/{wrong}")).status == 404
    assert "DocumentAdded" in await rig.events(briefing)


async def test_what_a_thin_line_asks_for_comes_no_faster_than_it_says(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    made = await document(rig, briefing)
    site, base = await rig.site(ALFA), f"{documents(briefing)}/{made['id']}"
    page, file = f"{base}/pages/1/large.webp", f"{base}/file"
    whole = await (await site.get(page)).read()
    pace = max(1_000, len(whole) // 2)

    began = time.monotonic()
    slow = await site.get(page, headers={"Pace": str(pace)})
    assert await slow.read() == whole
    assert time.monotonic() - began > 0.9 * len(whole) / pace
    assert (slow.content_length, slow.content_type) == (len(whole), "image/webp")
    assert "immutable" in slow.headers["Cache-Control"]

    taken = await (await site.get(f"{file}?pace=90000")).read()
    assert hashlib.sha256(taken).hexdigest() == made["sha256"]
    assert "DocumentReceived" in await rig.logged(briefing, lambda seen: "DocumentReceived" in seen)
    for nonsense in ("-5", "fast", "9" * 30):
        assert await (await site.get(page, headers={"Pace": nonsense})).read() == whole


async def test_who_took_the_file_has_received_it_and_that_is_on_record_once(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    made = await document(rig, briefing)
    site, address = await rig.site(ALFA), f"{documents(briefing)}/{made['id']}/file"

    first, again = await site.get(address), await site.get(address)
    by_host = await (await rig.program("host")).get(address)

    assert hashlib.sha256(await first.read()).hexdigest() == made["sha256"]
    assert "filename*=UTF-8''NQ%2005%20chuy%E1%BB%83n" in first.headers["Content-Disposition"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert (again.status, by_host.status) == (200, 200)
    assert (await rig.logged(briefing, lambda seen: "DocumentReceived" in seen)).count(
        "DocumentReceived"
    ) == 1
    assert (await (await site.get(documents(briefing))).json())[0]["received"] is True
    listed = await (await rig.program("staff")).get(documents(briefing))
    assert (await listed.json())[0]["received"] == [ALFA]


async def test_a_page_that_holds_all_pages_says_so_on_its_control_socket(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    page = await rig.on_line(ALFA, briefing)
    made = await document(rig, briefing)
    shown = await page.until(lambda got: got["type"] == "snapshot" and got.get("documents"))
    assert shown["documents"] == made["id"]

    await page.say("document-received", document=made["id"])

    await rig.logged(briefing, lambda seen: "DocumentReceived" in seen)
    await page.say("document-received", document="dnone")
    assert await page.refused() == "unknown_document"


async def test_pages_are_shown_turned_and_hidden(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    made, host = await document(rig, briefing), await rig.program("host")
    address = f"/api/briefings/{briefing}/slide"
    page = await rig.on_line(ALFA, briefing)

    for body in ({"slide": 1, "document": made["id"]}, {"slide": 2}):
        assert (await host.post(address, body)).status == 200
    shown = await page.until(lambda got: got["type"] == "snapshot" and got.get("slide") == 2)
    assert shown["document"] == made["id"]
    assert await host.code(await host.post(address, {"slide": 3})) == (400, "bad_number")
    assert await host.code(await host.post(address, {})) == (400, "bad_body")

    hidden = await host.post(address, {"slide": None})
    assert (await hidden.json())["snapshot"]["slide"] is None


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"plain text", 415, "document_unknown"),
        (b"%PDF-1.7 cut", 400, "document_broken"),
        (ENCRYPTED, 400, "document_encrypted"),
    ],
    ids=["text", "cut", "encrypted"],
)
async def test_what_is_refused_leaves_nothing_behind(
    rig: Rig, content: bytes, status: int, code: str
) -> None:
    host, briefing = await rig.program("host"), await rig.briefing()

    assert await host.code(await hand_in(host, briefing, content)) == (status, code)
    assert left_over(rig) == []
    assert "DocumentAdded" not in await rig.events(briefing)


async def test_a_file_that_is_too_large_is_refused_before_it_is_opened(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_BYTES", 1000)
    host, briefing = await rig.program("host"), await rig.briefing()

    assert await host.code(await hand_in(host, briefing, pdf(1))) == (413, "document_too_large")
    assert left_over(rig) == []


async def test_a_briefing_that_is_over_takes_no_documents(rig: Rig) -> None:
    host, briefing = await rig.program("host"), await rig.briefing("open", "start", "end")
    assert await host.code(await hand_in(host, briefing, pdf(1))) == (409, "wrong_phase")
    assert left_over(rig) == []


async def test_a_document_taken_back_is_gone_with_its_pages(rig: Rig) -> None:
    briefing = await rig.briefing("open")
    made, host = await document(rig, briefing), await rig.person("host")

    gone = await host.ask("DELETE", f"{documents(briefing)}/{made['id']}")

    assert (gone.status, await gone.json()) == (200, [])
    assert left_over(rig) == []
    page = await host.get(f"{documents(briefing)}/{made['id']}/pages/1/large.webp")
    assert await host.code(page) == (404, "unknown_document")


async def test_a_site_that_is_not_called_sees_neither_documents_nor_messages(rig: Rig) -> None:
    briefing = await rig.briefing("open", sites=[BRAVO])
    made, stranger = await document(rig, briefing), await rig.site(ALFA)

    for rest in ("documents", f"documents/{made['id']}/file", "messages"):
        assert (await stranger.get(f"/api/briefings/{briefing}/{rest}")).status == 403


async def test_messages_reach_whom_they_are_for(rig: Rig) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    address = f"/api/briefings/{briefing}/messages"
    alfa, bravo = await rig.on_line(ALFA, briefing), await rig.on_line(BRAVO, briefing)

    assert (await host.post(address, {"site": None, "text": "Mời các điểm cầu ổn định"})).status == 201
    assert (await host.post(address, {"site": ALFA, "text": "Xin mở micrô"})).status == 201
    await bravo.say("message", text="Không nghe thấy tiếng")
    await alfa.until(lambda got: got["type"] == "snapshot" and got.get("messages") == 2)
    await bravo.until(lambda got: got["type"] == "snapshot" and got.get("messages") == 2)

    mine = await (await (await rig.site(ALFA)).get(address)).json()
    theirs = await (await (await rig.site(BRAVO)).get(address)).json()
    all_of_them = await (await host.get(address)).json()
    assert [one["text"] for one in mine] == ["Mời các điểm cầu ổn định", "Xin mở micrô"]
    assert [(one["site"], one["to_hub"]) for one in theirs] == [(None, False), (BRAVO, True)]
    assert len(all_of_them) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"site": None, "text": " "}, 400),
        ({"site": None, "text": "x" * 201}, 400),
        ({"site": "xa-khong-co", "text": "x"}, 404),
        ({"text": "x", "to": 1}, 400),
    ],
)
async def test_a_message_that_cannot_go_out_is_refused(rig: Rig, body: Any, status: int) -> None:
    briefing = await rig.briefing("open")
    answer = await (await rig.program("host")).post(f"/api/briefings/{briefing}/messages", body)
    assert answer.status == status
