"""What the relay's tests share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from livekit.rtc._ffi_client import FfiClient


@pytest.fixture(scope="session", autouse=True)
def native_side_ends_before_the_interpreter() -> Iterator[None]:
    """End the SDK's threads while they can still call back: at the interpreter's exit they abort it."""
    yield
    if FfiClient._instance is not None:
        FfiClient._instance._dispose()
        time.sleep(0.5)
