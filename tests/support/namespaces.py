"""A network of its own for a relay, joined to this machine by a veth pair: browsers here, the relay there.

It needs root and a kernel with network namespaces, as a plain virtual machine has them; where they are
refused the test fails and says so. Names and addresses are made from the process number, so that runs do
not meet.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from tests.relay.harness import KEY, SECRET

ADVICE = "these tests need root and network namespaces (ip netns, nft): run them as root on a plain machine"


def run(*command: str) -> str:
    """Run a command of the system; what it says goes into the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()} ({ADVICE})"
    return done.stdout


@dataclass(frozen=True)
class Namespace:
    """`here` and `there` are the two ends' IPv4 addresses, `here6` and `there6` their IPv6 addresses."""

    name: str
    link: str
    here: str
    there: str
    here6: str
    there6: str

    def run(self, *command: str) -> str:
        """Run a command inside."""
        return run("ip", "netns", "exec", self.name, *command)

    def rules(self, *lines: str) -> None:
        """Add rules of nft."""
        for line in lines:
            self.run("nft", line)

    def block_udp(self) -> None:
        """Let no UDP in from outside, as an office firewall does."""
        self.rules(
            "add table inet wall",
            "add chain inet wall in { type filter hook input priority 0; }",
            f"add rule inet wall in iifname {self.link}b meta l4proto udp counter drop",
        )

    def cut(self) -> None:
        """Let no packet pass the link, either way; nobody is told. The neighbours still know each other."""
        self.rules("add table netdev cut")
        for way in ("ingress", "egress"):
            self.rules(
                f"add chain netdev cut {way} {{ type filter hook {way} device {self.link}b priority 0; }}",
                f"add rule netdev cut {way} meta protocol {{ ip, ip6 }} drop",
            )

    def mend(self) -> None:
        """Let everything pass again after `cut`."""
        self.rules("delete table netdev cut")

    def blocked(self) -> int:
        """Return how many datagrams were not let in."""
        found = re.search(r"counter packets (\d+)", self.run("nft", "list", "ruleset"))
        return int(found.group(1)) if found else 0


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace and its link, and take both away at the end."""
    number = os.getpid() % 60000
    third, name = number % 250, f"relay{number}"
    link = f"rv{number}"
    ipv4, ipv6 = f"10.213.{third}", f"fd00:213:{number:x}:"
    made = Namespace(name, link, f"{ipv4}.1", f"{ipv4}.2", f"{ipv6}:1", f"{ipv6}:2")
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"{link}a", "type", "veth", "peer", "name", f"{link}b", "netns", name)
        for ends, address, address6 in (
            (("ip",), made.here, made.here6),
            (("ip", "-n", name), made.there, made.there6),
        ):
            device = link + ("a" if len(ends) == 1 else "b")
            run(*ends, "addr", "add", f"{address}/24", "dev", device)
            run(*ends, "-6", "addr", "add", f"{address6}/64", "dev", device, "nodad")
            run(*ends, "link", "set", device, "up")
        made.run("ip", "link", "set", "lo", "up")
        made.run("ip", "route", "add", "default", "via", made.here)  # Firefox may come from its other address
        yield made
    finally:
        subprocess.run(["ip", "link", "del", f"{link}a"], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@contextlib.asynccontextmanager
async def relay_in(inside: Namespace, *options: str, **environment: str) -> AsyncIterator[str]:
    """Run a relay inside; gives its address, ws://…"""
    command = ["-m", "coordinator.relay.main", "--port", "0", "--udp-port", "0", *options]
    if "--host" not in options:
        command += ["--host", inside.there]
    keys = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET} | environment
    process = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", inside.name, sys.executable, *command, stdout=PIPE, env=os.environ | keys
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        found = re.match(r"relay ready (ws://\S+) udp \d+", line)
        assert found is not None, line
        yield found.group(1)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
