"""Plays a simulated day in a process of its own; prints `seq hash` of every event once acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.ledger.world import World


def main(seed: int, folder: Path) -> None:
    world = World(seed, folder, troubled=False)
    world.office.tell = lambda one: print(one.seq, one.hash, flush=True)
    world.run()
    print("over", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
