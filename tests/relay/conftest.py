"""What the relay's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coordinator.relay.forwarding import fast_path


@pytest.fixture(scope="module")
def everything_waits() -> Iterator[None]:
    """Let packets wait for more of their kind in the pure plane too where it does not pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_path, "MANY_EXITS", 1)
        patch.setattr(fast_path, "MANY_PACKETS", 2)
        yield
