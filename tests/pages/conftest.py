"""Pages in a real browser over the real server; only the media server is a stand-in that never answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.support.browsers import Browsers
from tests.web.rig import PASSWORD, Rig, running


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path / "var") as one:
        yield one


@pytest.fixture
async def host(rig: Rig, browsers: Browsers) -> Page:
    """Somebody who logged in with name and password, on the list of briefings."""
    await rig.services.write(rig.services.accounts.add, "mai", "host", PASSWORD)
    page = (await browsers.person("host")).page
    await page.goto(rig.base)
    await page.get_by_test_id("login-name").fill("mai")
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await page.wait_for_url("**/host")
    return page
