"""One set of recordings for all tests, and for the next runs too."""

from pathlib import Path

import pytest

from coordinator.simulate import RecordedMedia


@pytest.fixture(scope="session")
def recorded_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = getattr(request.config, "cache", None)
    folder: Path = cache.mkdir("recorded") if cache is not None else tmp_path_factory.mktemp("recorded")
    return folder


@pytest.fixture(scope="session")
def recorded(recorded_folder: Path) -> RecordedMedia:
    return RecordedMedia.load(recorded_folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recorded"
