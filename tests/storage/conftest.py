"""What the storage tests share: a data folder, an open store, moments that move only when told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.domain.moments import Moment
from coordinator.storage import Store


class Clock:
    """A clock that stands still until `forward` moves it."""

    def __init__(self) -> None:
        self.utc_ms = 1_795_000_000_000

    def __call__(self) -> Moment:
        return Moment(self.utc_ms, self.utc_ms - 1_700_000_000_000, "boot-1")

    def forward(self, seconds: int) -> None:
        self.utc_ms += seconds * 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    opened = Store.open(data)
    yield opened
    opened.close()
