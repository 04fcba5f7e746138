"""What the relay's tests share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from livekit.rtc._ffi_client import FfiClient

from coordinator.relay.forwarding import fast_path


@pytest.fixture(scope="session", autouse=True)
def native_side_ends_before_the_interpreter() -> Iterator[None]:
    """Let the SDK's last calls return while there is an interpreter: one that comes later aborts the process.

    Its threads stay after it was disposed of, so that there is nothing to wait for but time.
    """
    yield
    if FfiClient._instance is not None:
        FfiClient._instance._dispose()
        time.sleep(0.5)


@pytest.fixture(scope="module")
def everything_waits() -> Iterator[None]:
    """Let packets wait for more of their kind in the pure plane too where it does not pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_path, "MANY_EXITS", 1)
        patch.setattr(fast_path, "MANY_PACKETS", 2)
        yield
