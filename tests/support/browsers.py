"""Real Chromium processes with a recorded camera and microphone, one process a person.

Rule 1: each person has a browser of their own, so that one can be killed without touching another.
Rule 2: what pages told their consoles and showed at the end of a failed test is kept in test-results/.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, Playwright

from tests.support.clips import Clips

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ALWAYS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--mute-audio",
)
REMEMBER_PEERS = """
window.peersForTests = [];
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = function (...given) {
  const peer = new Native(...given);
  window.peersForTests.push(peer);
  return peer;
};
window.RTCPeerConnection.prototype = Native.prototype;
Object.setPrototypeOf(window.RTCPeerConnection, Native);
"""


def chromium_path() -> str:
    """The Chromium to drive: COORDINATOR_CHROMIUM, or the first one on the path."""
    found = os.environ.get("COORDINATOR_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "no Chromium on this machine: make test installs it"
    return found


@dataclass
class Person:
    """One browser with one page. `pid` is its main process."""

    name: str
    browser: Browser
    context: BrowserContext
    page: Page
    pid: int
    console: list[str] = field(default_factory=list)

    def kill(self) -> None:
        """SIGKILL to the browser's processes: no page can say goodbye."""
        for pid in _family(self.pid):
            os.kill(pid, signal.SIGKILL)


class Browsers:
    """Starts browsers and ends them."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self.more: tuple[str, ...] = ()  # arguments of those that start from now on
        self.people: list[Person] = []

    async def person(
        self,
        name: str,
        clips: Clips | None = None,
        *,
        allow: bool = True,
        devices: bool = True,
        size: tuple[int, int] = (1366, 768),
    ) -> Person:
        """A new browser in Vietnamese. `allow`: the person lets the page use camera and microphone;
        `devices`: the machine has any; `clips`: what they show and play."""
        before = set(_browser_pids())
        browser = await self._playwright.chromium.launch(
            executable_path=chromium_path(),
            args=[*arguments(clips, allow, devices), *self.more],
            chromium_sandbox=False,
        )
        pids = [pid for pid in _browser_pids() if pid not in before]
        context = await browser.new_context(
            locale="vi-VN", viewport={"width": size[0], "height": size[1]}, accept_downloads=True
        )
        await context.add_init_script(REMEMBER_PEERS)
        person = Person(name, browser, context, await context.new_page(), pids[0])
        person.page.on("console", lambda message: person.console.append(f"{message.type}: {message.text}"))
        person.page.on("pageerror", lambda error: person.console.append(f"page error: {error}"))
        self.people.append(person)
        return person

    async def keep(self, folder: Path) -> None:
        """Screenshots and console lines, in an existing folder, for whoever reads a failure."""
        for person in self.people:
            (folder / f"{person.name}.txt").write_text("\n".join(person.console), "utf-8")
            if person.browser.is_connected():
                await person.page.screenshot(path=folder / f"{person.name}.png", timeout=10_000)

    async def close(self) -> None:
        for person in self.people:
            if person.browser.is_connected():
                await person.browser.close()


def arguments(clips: Clips | None, allow: bool, devices: bool) -> list[str]:
    """Chromium's command line for a person with these devices; see `Browsers.person`."""
    line = list(_ALWAYS)
    if not devices:
        line[1] = "--use-fake-device-for-media-stream=device-count=0"
    line.append("--use-fake-ui-for-media-stream" if allow else "--deny-permission-prompts")
    if clips is not None:
        line.append(f"--use-file-for-fake-video-capture={clips.camera}")
        line.append(f"--use-file-for-fake-audio-capture={clips.microphone}")
    return line


def _browser_pids() -> list[int]:
    """Main processes of browsers that this very test process started, through its driver."""
    mine = set(_family(os.getpid()))
    return [pid for pid in mine if _is_browser(pid)]


def _is_browser(pid: int) -> bool:
    line = _command_line(pid)
    return "--remote-debugging" in line and "--type=" not in line


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _family(pid: int) -> list[int]:
    """A process and all that descend from it, itself first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family
