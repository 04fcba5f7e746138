"""A site at the end of a bad line: a network namespace behind a veth pair that is limited with `tc` and loses
packets by `nft`, and a Chromium inside it.

Rule 1: what comes down is limited where it enters the line, as at a provider: a bucket of a few packets and a
queue of 350 ms, behind which packets are dropped.
Rule 2: losses are random and independent, of everything, on input hooks only (a drop on output is an error
to the sender). What the sender gives to the kernel in one piece is cut before that, as on any real line.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

from tests.relay.harness import CHROMIUM, browser
from tests.support.namespaces import Namespace, namespace, run

BURST, QUEUE = "4kb", "350ms"


@dataclass
class SiteLine:
    """The line to `there`; `here` is this machine's end."""

    there: Namespace

    @property
    def _table(self) -> str:
        return f"line{os.getpid()}"

    def limit(self, bps: int) -> None:
        """Let at most so many bit/s down."""
        run(
            "tc", "qdisc", "replace", "dev", f"{self.there.link}a", "root", "tbf",
            "rate", f"{bps}bit", "burst", BURST, "latency", QUEUE,
        )  # fmt: skip

    def limit_up(self, bps: int) -> None:
        """Let at most so many bit/s up."""
        self.there.run(
            "tc", "qdisc", "replace", "dev", f"{self.there.link}b", "root", "tbf",
            "rate", f"{bps}bit", "burst", BURST, "latency", QUEUE,
        )  # fmt: skip

    def lift(self) -> None:
        """Let everything down again."""
        run("tc", "qdisc", "del", "dev", f"{self.there.link}a", "root")

    def lose(self, percent: int) -> None:
        """Lose so much of everything, each way."""
        for at, device in ((("nft",), "a"), (("ip", "netns", "exec", self.there.name, "nft"), "b")):
            run(*at, "add", "table", "inet", self._table)
            run(*at, "add", "chain", "inet", self._table, "in", "{ type filter hook input priority 0; }")
            run(
                *at, "add", "rule", "inet", self._table, "in", "iifname", f"{self.there.link}{device}",
                "numgen", "random", "mod", "100", "<", str(percent), "counter", "drop",
            )  # fmt: skip

    def mend(self) -> None:
        """Lose nothing any more."""
        run("ip", "netns", "exec", self.there.name, "nft", "delete", "table", "inet", self._table)
        run("nft", "delete", "table", "inet", self._table)

    def close(self) -> None:
        """Leave nothing behind on this machine."""
        subprocess.run(["nft", "delete", "table", "inet", self._table], capture_output=True, check=False)


@contextlib.contextmanager
def site_line() -> Iterator[SiteLine]:
    """Make a site's network, good at first."""
    with namespace() as there:
        line = SiteLine(there)
        run("ip", "link", "set", "dev", f"{there.link}a", "gso_max_segs", "1")
        there.run("ip", "link", "set", "dev", f"{there.link}b", "gso_max_segs", "1")
        try:
            yield line
        finally:
            line.close()


@contextlib.asynccontextmanager
async def browser_in(line: SiteLine, folder: Path, *arguments: str) -> AsyncIterator[Browser]:
    """Run Chromium at the far end; `folder` is for the script that starts it there."""
    script = folder / "chromium-there"
    script.write_text(f'#!/bin/sh\nexec ip netns exec {line.there.name} {CHROMIUM} "$@"\n')
    script.chmod(0o755)
    async with browser(*arguments, program=str(script)) as started:
        yield started
