"""Fixtures of the end-to-end tests; they cost nothing where they are not asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from pathlib import Path

import hypothesis
import pytest
from playwright.async_api import async_playwright, expect

from coordinator.simulate import RecordedMedia
from tests.support.browsers import Browsers
from tests.support.clips import HUB_LOOK, SITE_LOOKS, Clips, record
from tests.support.server import ROOT, Server

# A busy machine is no fault of the code: what takes how long is for benchmarks to say.
hypothesis.settings.register_profile("whole", deadline=None)
hypothesis.settings.load_profile("whole")
expect.set_options(timeout=30_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


def results(request: pytest.FixtureRequest) -> Path:
    """Where what explains a failure is kept."""
    folder = ROOT / "test-results" / str(request.node.name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def hub_clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return record(tmp_path_factory.mktemp("hub"), "hub", HUB_LOOK, 1280, 720)


@pytest.fixture(scope="session")
def site_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clips]:
    folder = tmp_path_factory.mktemp("sites")
    return [record(folder, f"site-{number}", look) for number, look in enumerate(SITE_LOOKS)]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What light clients play, encoded once."""
    folder = tmp_path_factory.mktemp("recorded")
    RecordedMedia.load(folder)
    return folder


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """A started server; its log is kept where the test fails."""
    running = Server(tmp_path)
    try:
        await running.start()
        yield running
    finally:
        running.stop()
        if request.node.stash.get(_FAILED, False):
            (results(request) / "server.log").write_text(running.told(), "utf-8")


@pytest.fixture
async def browsers(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Browsers]:
    async with async_playwright() as playwright:
        started = Browsers(playwright)
        try:
            yield started
        finally:
            if request.node.stash.get(_FAILED, False):
                await started.keep(results(request))
            await started.close()
