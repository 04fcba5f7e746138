"""One set of recordings for all tests."""

from pathlib import Path

import pytest

from coordinator.simulate import RecordedMedia


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedMedia:
    return RecordedMedia.load(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recorded"
