"""Simulated briefings against their own truth. `make soak` plays a thousand; LEDGER_BRIEFINGS says how many.

A failure names its seed: `LEDGER_SEED=<seed> LEDGER_BRIEFINGS=1` plays that one again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ledger.checks import check
from tests.ledger.world import World

FIRST = int(os.environ.get("LEDGER_SEED", "1"))
MANY = int(os.environ.get("LEDGER_BRIEFINGS", "60"))
BATCH = 20


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FIRST, FIRST + MANY, BATCH))
def test_every_interval_keeps_within_its_bounds_whatever_happens(first: int, tmp_path: Path) -> None:
    kills = 0
    for seed in range(first, min(first + BATCH, FIRST + MANY)):
        world = World(seed, tmp_path / str(seed))
        try:
            world.run()
            check(world)
        except Exception as problem:
            pytest.fail(f"seed {seed}: {type(problem).__name__}: {problem}")
        finally:
            world.office.close()
        kills += world.truth.kills
    print(f"seeds {first} to {seed}: {kills} kills")
    assert MANY < BATCH or kills > 0


def test_a_seed_plays_the_same_day_again(tmp_path: Path) -> None:
    days = []
    for number in range(2):
        world = World(7, tmp_path / str(number))
        world.run()
        days.append([(one.seq, one.at, one.actor, one.event) for one in world.office.events()])
        world.office.close()
    assert days[0] == days[1]
