"""`coordinator bench WHAT`: measures this machine and prints the figures of docs/benchmarks.md.

Rule 1: a benchmark is a module of `coordinator.benchmarks` with `main(words)`, offered when it is there.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence

_KNOWN = ("reports", "relay", "joins", "floods")


def main(words: Sequence[str]) -> int:
    """Runs the benchmark that the first word names; returns the exit code."""
    offered = [name for name in _KNOWN if importlib.util.find_spec(f"coordinator.benchmarks.{name}")]
    if not words or words[0] not in offered:
        print(f"usage: coordinator bench {{{','.join(offered)}}} …", file=sys.stderr)
        return 0 if list(words) in (["--help"], ["-h"]) else 2
    module = importlib.import_module(f"coordinator.benchmarks.{words[0]}")
    return int(module.main(list(words[1:])))
