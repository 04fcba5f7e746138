"""What the relay's tests share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from livekit.rtc._ffi_client import FfiClient


@pytest.fixture(scope="session", autouse=True)
def native_side_ends_before_the_interpreter() -> Iterator[None]:
    """Let the SDK's last calls return while there is an interpreter: one that comes later aborts the process.

    Its threads stay after it was disposed of, so that there is nothing to wait for but time.
    """
    yield
    if FfiClient._instance is not None:
        FfiClient._instance._dispose()
        time.sleep(0.5)
