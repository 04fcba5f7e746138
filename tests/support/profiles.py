"""A Chromium that keeps its profile on disk, as on an operator's own machine, and whose power can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import BrowserContext, Page, Playwright

from tests.support.browsers import REMEMBER_PEERS, arguments, chromium_path
from tests.support.clips import Clips


@dataclass
class Machine:
    """One machine of a site: the same `profile` (a folder) each time it is switched on."""

    playwright: Playwright
    profile: Path
    clips: Clips
    context: BrowserContext | None = None

    async def switch_on(self, *more: str) -> Page:
        """Starts the browser with an empty page; `more`: further arguments of Chromium."""
        self.context = await self.playwright.chromium.launch_persistent_context(
            str(self.profile),
            executable_path=chromium_path(),
            args=[*arguments(self.clips, True, True), *more],
            chromium_sandbox=False,
            locale="vi-VN",
            viewport={"width": 1366, "height": 768},
        )
        await self.context.add_init_script(REMEMBER_PEERS)
        return await self.context.new_page()

    async def cut_power(self) -> None:
        """SIGKILL to the browser of this profile; returns when it is gone."""
        gone = asyncio.Event()
        assert self.context is not None
        self.context.on("close", lambda _: gone.set())
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)
        await asyncio.wait_for(gone.wait(), 20)
        self.context = None

    async def switch_off(self) -> None:
        """Closes the browser in good order, where it runs."""
        if self.context is not None:
            await self.context.close()

    def _pids(self) -> list[int]:
        wanted = f"--user-data-dir={self.profile}"
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    if wanted in (folder / "cmdline").read_text(errors="replace").split("\0"):
                        found.append(int(folder.name))
        return found
