"""kill -9 at every point of every write of one day: before it, half-way, written but unanswered, after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.checks import check
from tests.ledger.office import POINTS
from tests.ledger.world import World

SEED = 12


def day(folder: Path, kill_at: tuple[int, str] | None) -> World:
    world = World(SEED, folder, troubled=False)
    world.office.kill_at = kill_at
    world.run()
    return world


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_write_loses_nothing_that_was_answered(point: str, tmp_path: Path) -> None:
    whole = day(tmp_path / "whole", None)
    writes = whole.office.writes
    whole.office.close()
    assert writes > 25
    for write in range(1, writes + 1):
        world = day(tmp_path / str(write), (write, point))
        try:
            assert world.truth.kills == 1, write
            check(world)
        finally:
            world.office.close()
