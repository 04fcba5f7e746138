"""The pages as a person uses them, through the stable hooks (`data-testid`) only.

Rule 1: no test looks into a page's scripts; what a hook shows is what the person sees.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.support.browsers import Person


def hook(page: Page, name: str) -> Locator:
    return page.get_by_test_id(name)


class HostPage:
    """Log-in, list of briefings and control room."""

    def __init__(self, person: Person, base: str) -> None:
        self.person = person
        self.page = person.page
        self.base = base

    async def log_in(self, name: str, password: str) -> None:
        await self.page.goto(f"{self.base}/")
        await self.page.locator("input[name=name]").fill(name)
        await self.page.locator("input[name=password]").fill(password)
        await self.page.locator("input[name=password]").press("Enter")
        await self.page.wait_for_url("**/host")

    async def create(self, title: str) -> str:
        """Fills the form on /host and returns the new briefing's id, in its control room."""
        await self.press("create-open")
        await hook(self.page, "create-title").fill(title)
        await self.press("create-submit")
        await self.page.wait_for_url(re.compile(r"/host/briefings/b\w+$"))
        return self.page.url.rsplit("/", 1)[1]

    async def enter(self, briefing: str) -> None:
        await self.page.goto(f"{self.base}/host/briefings/{briefing}")

    async def press(self, name: str) -> None:
        await hook(self.page, name).click()

    async def publish_hall(self) -> None:
        await self.press("publish-hall")

    async def see_site(self, code: str, *states: str, within_s: float = 45.0) -> None:
        """Waits until the tile of `code` is in one of `states`."""
        tile = hook(self.page, f"site-tile-{code}")
        await expect(tile).to_have_attribute(
            "data-state", re.compile(f"^({'|'.join(states)})$"), timeout=within_s * 1000
        )

    async def see_floor(self, code: str, held: bool = True) -> None:
        tile = hook(self.page, f"site-tile-{code}")
        if held:
            await expect(tile).to_have_attribute("data-floor", re.compile(".*"), timeout=45_000)
        else:
            await expect(tile).not_to_have_attribute("data-floor", re.compile(".*"), timeout=45_000)

    async def give_floor(self, code: str) -> None:
        await self.press(f"give-floor-{code}")
        await self.see_floor(code)

    async def end(self) -> None:
        await self.press("phase-end")
        await hook(self.page, "end-word").fill("KET THUC")
        await self.press("end-confirm")

    async def download_log(self, briefing: str, folder: Path) -> bytes:
        """Clicks the log's link on the staff page of the briefing."""
        await self.page.goto(f"{self.base}/staff/briefings/{briefing}")
        async with self.page.expect_download() as waiting:
            await self.press("download-log-csv")
        path = folder / "log.csv"
        await (await waiting.value).save_as(path)
        return path.read_bytes()


class SitePage:
    """The operator's page of one site."""

    def __init__(self, person: Person, code: str, link: str) -> None:
        self.person = person
        self.page = person.page
        self.code = code
        self.link = link

    async def open(self) -> None:
        await self.page.goto(self.link)
        await self.page.wait_for_url("**/site*")

    async def join(self) -> None:
        """Camera and microphone as offered, then the one button."""
        await expect(hook(self.page, "join-button")).to_be_enabled(timeout=120_000)
        await hook(self.page, "join-button").click()

    async def choose_devices(self) -> None:
        """Takes the first camera and microphone of the lists, which must name some."""
        for name in ("camera-select", "microphone-select"):
            options = hook(self.page, name).locator("option")
            await expect(options.first).to_be_attached(timeout=120_000)
            value = await options.first.get_attribute("value")
            await hook(self.page, name).select_option(value)

    async def see_connection(self, *states: str, within_s: float = 45.0) -> None:
        shown = hook(self.page, "connection-state")
        await expect(shown).to_have_attribute(
            "data-state", re.compile(f"^({'|'.join(states)})$"), timeout=within_s * 1000
        )

    async def ready_to_speak(self) -> None:
        await hook(self.page, "ready-to-speak").click()

    async def raise_hand(self) -> None:
        await hook(self.page, "raise-hand").click()
