"""Makes the pictures of the operator's page: `python -m scripts.screenshots_site FOLDER [part…]`.

The real server and its relay; one site's page in Vietnamese, another one's (with a long name) in English, in
every state, each at three sizes of window. Files are named state-language-width.webp. A part has a server of
its own: before, during, after, rare, weak (a thin line in a network namespace: root); without one, all.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import expect

from scripts.on_stage import on_stage
from scripts.screenshots_site_rare import rare, weak
from scripts.site_album import OTHER, SITES, Album, rename, speak, upload
from tests.support.briefing_room import BriefingRoom
from tests.support.clips import HUB_LOOK
from tests.support.pages import hook
from tests.support.watching import sees

ZALO = (
    "Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 Chrome/114.0 Mobile Safari/537.36 Zalo android/12"
)


async def before(album: Album) -> None:
    """Days before and in the waiting room: the check, its troubles, the choice, documents, settings."""
    refused = await album.people(allow=False)
    for language, page in refused.items():
        await page.goto(album.server.links()[SITES[language]])
        await expect(page.locator("#camera-trouble")).to_be_visible()
    await album.take("check-refused", refused)
    for language, page in refused.items():
        browser = page.context.browser
        assert browser is not None
        inside = await browser.new_context(user_agent=ZALO)
        await speak(inside, album.server, language)
        there = await inside.new_page()
        await there.goto(album.server.links()[SITES[language]])
        await expect(hook(there, "inside")).to_be_visible()
        await album.take("check-inside-zalo", {language: there})
        await page.goto(f"{album.server.base}/join/{SITES[language]}?k=wrong")
        await album.take("wrong-link", {language: page})
    await album.enter(joined=False)
    await album.each("speaker-test")
    for page in album.pages.values():
        await expect(hook(page, "speaker-yes")).to_be_visible()
        await expect(page.locator("#microphone-step")).to_have_attribute("data-state", "online")
    await album.take("check")
    await album.each("speaker-yes", "line-measure")
    for page in album.pages.values():
        await page.locator("#operator-name").fill("Hoàng Văn Nam")
        await expect(hook(page, "line-figures")).to_contain_text("UDP")
        await expect(hook(page, "line-replay")).to_be_visible()
    await album.take("check-measured")
    await album.each("join-button")
    await album.says("Chưa có hội nghị nào mở", "No briefing is open yet")
    await album.take("waiting-none")
    room = await album.open()
    await room.host.publish_hall()  # pressed again: off until the briefing starts
    await album.says("Đã vào phòng chờ", "In the waiting room")
    await album.take("waiting")
    other = await album.call("POST", "/api/briefings", {"title": OTHER, "kind": "meeting"})
    await album.call("POST", f"/api/briefings/{other['id']}/open")
    for page in album.pages.values():
        await expect(hook(page, "choice-dialog")).to_be_visible()
    await album.take("choice")
    choosing = {language: await page.context.new_page() for language, page in album.pages.items()}
    for page in choosing.values():
        await page.goto(f"{album.server.base}/site")
    await album.take("choice-page", choosing)
    await album.each(f"choose-{room.briefing}")
    await album.call("POST", f"/api/briefings/{other['id']}/cancel")
    await upload(album, room)
    await album.take("waiting-documents")
    await album.each("settings-open")
    await album.take("settings")
    await album.each("phone-open")
    await album.take("telephone")


async def during(album: Album) -> None:
    """The hall, a hand, a message, called to speak, speaking, headcount, slides, a lost line, sound only."""
    await album.enter()
    room = await album.open()
    await album.says("Đã vào phòng chờ", "In the waiting room")
    await upload(album, room)
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    await album.take("live")
    await album.each("raise-hand")
    for page in album.pages.values():
        await expect(hook(page, "raise-hand")).to_have_attribute("aria-pressed", "true")
    await album.take("hand")
    await album.each("raise-hand")
    path = f"/api/briefings/{room.briefing}"
    await album.call(
        "POST", f"{path}/messages", {"text": "Đề nghị các điểm cầu báo số có mặt trước 8 giờ 30"}
    )
    for page in album.pages.values():
        await expect(hook(page, "hub-message")).to_be_visible()
    await album.take("message")
    await album.each("message-dismiss")
    await speeches(album, room)
    await numbers(album)
    await hook(room.host.page, "slide-show").click()
    for page in album.pages.values():
        await expect(hook(page, "stage-slide")).to_be_visible()
    await album.take("slides")
    await album.each("papers-open")
    await album.take("papers")
    for page in album.pages.values():
        await page.keyboard.press("Escape")
        await page.context.set_offline(True)
    await album.says("Mất kết nối - đang nối lại", "Line lost: connecting again")
    await album.take("lost")
    for page in album.pages.values():
        await page.context.set_offline(False)
        await expect(page.locator("body")).to_have_attribute("data-view", "live")
    await album.each("settings-open", "receive-sound", "settings-close")
    await album.says("Chỉ nghe tiếng", "Listening, sound only")
    await album.take("sound-only")


async def speeches(album: Album, room: BriefingRoom) -> None:
    """Each site is called to speak, and speaks."""
    for language, page in album.pages.items():
        await room.host.give_floor(SITES[language])
        await expect(hook(page, "ready-to-speak")).to_be_visible()
        await album.take("called", {language: page})
        await hook(page, "ready-to-speak").click()
        await expect(hook(page, "speaking-clock")).to_be_visible()
        await album.take("speaking", {language: page})
        await hook(page, "speech-end").click()


async def numbers(album: Album) -> None:
    """The headcount with a sum that is wrong, the names, the room's code, a check-in."""
    await album.each("headcount-more")
    for page in album.pages.values():
        for name, value in (("present", "20"), ("excused", "2"), ("unexcused", "1")):
            await hook(page, f"headcount-{name}").fill(value)
    await album.take("headcount-wrong")
    for code in SITES.values():
        await album.names(code)
    for page in album.pages.values():
        await page.reload()
        await hook(page, "headcount-more").click()
        await hook(page, "roster-tick-1").check()
    await album.take("names")
    await album.each("roster-qr")
    for page in album.pages.values():
        await expect(hook(page, "code-picture")).to_be_visible()
    await album.take("code")
    address = await hook(album.pages["vi"], "code-address").inner_text()
    await album.each("code-close", "headcount-more")
    for page in album.pages.values():
        await expect(page.locator("#headcount-panel")).to_be_hidden()
    phones = {}
    for language, page in album.pages.items():
        phones[language] = await page.context.new_page()
        await phones[language].goto(f"{album.server.base}/checkin/{address.split('/checkin/')[1]}")
        await hook(phones[language], "checkin-name").fill("Lý Thị Dung")
        await hook(phones[language], "checkin-submit").click()
        await expect(hook(phones[language], "checked-in")).to_be_visible()
    await album.take("checkin", phones)
    for phone in phones.values():
        await phone.close()


async def after(album: Album) -> None:
    """A break, another machine, the end with the site's answer, the page of help."""
    await album.enter()
    room = await album.open()
    await room.host.press("phase-start")
    for page in album.pages.values():
        await sees(page, HUB_LOOK)
    await album.each("headcount-more")
    for page in album.pages.values():
        await hook(page, "headcount-present").fill("31")
    await album.each("headcount-send")
    for page in album.pages.values():
        await expect(page.locator("#headcount-panel")).to_be_hidden()
    await room.host.press("phase-break")
    await album.says("Giải lao", "Break")
    await album.take("break")
    replacing = [await page.context.new_page() for page in album.pages.values()]
    for other in replacing:
        await other.goto(f"{album.server.base}/site")
        await hook(other, "join-button").click()
    await album.says("Máy khác đã vào thay", "Another machine took over")
    await album.take("replaced")
    for other in replacing:
        await other.close()
    await album.each("take-over")
    await room.host.press("phase-resume")
    await room.host.end()
    await album.says("Hội nghị đã kết thúc", "The briefing has ended")
    for page in album.pages.values():
        await expect(hook(page, "sign-right")).to_be_enabled()
    await album.take("ended")
    await album.each("sign-wrong")
    await album.take("ended-wrong")
    for page in album.pages.values():
        await page.goto(f"{album.server.base}/help")
    await album.take("help")


PARTS: dict[str, Callable[[Album], Awaitable[None]]] = {
    "before": before,
    "during": during,
    "after": after,
    "rare": rare,
}


async def main(target: Path, parts: list[str]) -> None:
    """Takes the pictures of these parts into the folder `target`."""
    expect.set_options(timeout=60_000)
    for part in parts:
        if part == "weak":
            await weak(target)
            continue
        async with on_stage(rename) as (server, browsers, folder):
            await PARTS[part](Album(target, server, browsers, folder))


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    every = [*PARTS, *(["weak"] if os.geteuid() == 0 else [])]
    asyncio.run(main(wanted, sys.argv[2:] or every))
