"""What axe-core finds on a page, as one line a fault; for every test that looks at a page.

Rule 1: what axe calls serious or critical is a fault; `sideways` measures what 200 % zoom breaks.
Rule 2: a page is looked at as it stands: open the dialog, come to the state, then ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ("serious", "critical")
_STILL = "*, *::before, *::after { animation: none !important; transition: none !important; }"


async def faults(page: Page) -> list[str]:
    """What a disabled person stumbles over: `rule: help, on element, why`, empty where there is nothing."""
    assert _AXE.exists(), "axe-core is not there: make check installs it"
    await page.evaluate("css => document.body.append(Object.assign(document.createElement('style'), "
                        "{textContent: css}))", _STILL)  # fmt: skip
    if not await page.evaluate("typeof window.axe === 'object'"):
        await page.evaluate(_AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        line
        for violation in found["violations"]
        if violation["impact"] in _GRAVE
        for line in _lines(violation)
    ]


def _lines(violation: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']}: {violation['help']}, on {' '.join(map(str, node['target']))}"
        f" ({' '.join(node['failureSummary'].split())[:300]})"
        for node in violation["nodes"]
    ]


async def expect_accessible(page: Page, where: str = "") -> None:
    """Fails with every serious fault of the page as it stands; `where` names the state."""
    found = await faults(page)
    assert not found, f"{where or page.url}:\n" + "\n".join(found)


async def sideways(page: Page) -> int:
    """CSS pixels by which the page is wider than its window: 0 where nobody must scroll sideways."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(wide)
