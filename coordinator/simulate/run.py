"""Many simulated sites at once: `coordinator simulate`, and the demonstration.

Rule 1: what a site does by itself (when it comes, whom it counts, when its line drops) follows from the seed
and its code alone, so that a run can be repeated.
Rule 2: sites are opened by their links, as anybody would; nothing is known beforehand but the links.
Rule 3: at the end all leave in good order.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .recording import RecordedMedia
from .site import Site

REPORT_EVERY_S = 10.0


@dataclass(frozen=True)
class Behaviour:
    """What sites do by themselves; times in seconds, 0 = never."""

    join_spread_s: float = 5.0
    headcount_within_s: float = 15.0
    drop_every_s: float = 0.0
    longest_outage_s: float = 30.0
    raise_hand_share: float = 0.1


class Actor:
    """Plays the operator of one site: answers roll calls, raises the hand, suffers outages."""

    def __init__(self, site: Site, behaviour: Behaviour, dice: random.Random) -> None:
        self.site, self.behaviour, self.dice = site, behaviour, dice
        site.on_snapshot = self.on_snapshot
        self.declared = 0
        self._answered: set[object] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wants_to_speak = dice.random() < behaviour.raise_hand_share

    async def run(self) -> None:
        """Come in after a while, and stay; with drops, lose the line now and then."""
        await asyncio.sleep(self.dice.uniform(0, self.behaviour.join_spread_s))
        self.site.start()
        while self.behaviour.drop_every_s:
            await asyncio.sleep(self.dice.expovariate(1 / self.behaviour.drop_every_s))
            self.site.drop(self.dice.uniform(1, self.behaviour.longest_outage_s))

    def on_snapshot(self, site: Site) -> None:
        """Do what a snapshot calls for."""
        snapshot = site.snapshot or {}
        call = snapshot.get("roll_call")
        if snapshot.get("phase") in ("open", "live") and call not in self._answered and site.entry:
            self._answered.add(call)
            self._later(self.behaviour.headcount_within_s, self._declare)
        if snapshot.get("phase") == "live" and self._wants_to_speak and not site.has_floor:
            self._wants_to_speak = False
            self._later(60.0, lambda: site.raise_hand("Xin phát biểu"))

    def stop(self) -> None:
        """Do nothing more."""
        for task in self._tasks:
            task.cancel()

    async def _declare(self) -> None:
        expected = int(self.site.entry.get("expected") or 0)
        present = sum(self.dice.random() < 0.9 for _ in range(expected))
        excused = self.dice.randint(0, expected - present)
        await self.site.declare(present, excused=excused, unexcused=expected - present - excused)
        self.declared += 1

    def _later(self, within_s: float, act: Callable[[], Any]) -> None:
        async def wait_and_act() -> None:
            await asyncio.sleep(self.dice.uniform(0.2, max(0.3, within_s)))
            await act()

        task = asyncio.get_running_loop().create_task(wait_and_act())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass
class Outcome:
    """What a run came to. Bytes and packets are sums over all sites."""

    sites: int
    joined: int
    with_media: int
    declared: int
    received_bytes: int
    sent_packets: int
    lost_packets: int
    rejoins: int


async def simulate(
    base_url: str,
    links: list[dict[str, str]],
    *,
    media: RecordedMedia,
    sites: int | None = None,
    seconds: float | None = None,
    behaviour: Behaviour | None = None,
    seed: int = 1,
    report: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Run the sites of `links` (`{code, url, …}`), at most `sites` of them, against the server at `base_url`.

    Ends after `seconds` (None = never) or when `stop` is set. `report` gets a line every 10 s.
    """
    chosen = links[:sites]
    actors = [_actor(at(base_url, link["url"]), media, behaviour or Behaviour(), seed) for link in chosen]
    stop = stop or asyncio.Event()
    running = [asyncio.create_task(actor.run()) for actor in actors]
    reporting = asyncio.create_task(_report(actors, report)) if report else None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    for task in (*running, *([reporting] if reporting else [])):
        task.cancel()
    outcome = _outcome(actors)
    for actor in actors:
        actor.stop()
    await asyncio.gather(*(actor.site.leave() for actor in actors), return_exceptions=True)
    return outcome


def at(base_url: str, link: str) -> str:
    """Return `link` on the server at `base_url`, whatever address it was printed with."""
    base, parts = urlsplit(base_url), urlsplit(link)
    return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))


def _actor(link: str, media: RecordedMedia, behaviour: Behaviour, seed: int) -> Actor:
    code = urlsplit(link).path.rpartition("/")[2]
    dice = random.Random(f"{seed} {code}")
    return Actor(Site(link, media, seed=dice.randrange(2**31)), behaviour, dice)


async def _report(actors: list[Actor], report: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        states = Counter(actor.site.state for actor in actors)
        shown = Counter(actor.site.entry.get("state", "?") for actor in actors if actor.site.state == "in")
        report(f"sites {_words(states)}; shown as {_words(shown)}; {_outcome(actors).with_media} with media")


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _outcome(actors: Iterable[Actor]) -> Outcome:
    actors = list(actors)
    sums = sum((Counter(actor.site.totals()) for actor in actors), Counter[str]())
    clients = [actor.site.client for actor in actors]
    return Outcome(
        sites=len(actors),
        joined=sum(actor.site.joins > 0 for actor in actors),
        with_media=sum(client is not None and client.state == "online" for client in clients),
        declared=sum(actor.declared for actor in actors),
        received_bytes=sums["received_bytes"],
        sent_packets=sums["sent_packets"],
        lost_packets=sums["lost_packets"],
        rejoins=sum(max(0, actor.site.joins - 1) for actor in actors),
    )


def main(words: list[str] | None = None) -> int:
    """Run `coordinator simulate`; return 0 if every site came in, 1 if some did not, 2 for wrong use."""
    parser = _parser()
    args = parser.parse_args(words)
    try:
        links = _links(args)
    except (OSError, ValueError) as error:
        print(f"coordinator simulate: the links cannot be read: {error}", file=sys.stderr)
        return 2
    media = RecordedMedia.load(args.media)
    outcome = asyncio.run(_run(args, links, media))
    print(json.dumps(asdict(outcome)))
    return 0 if outcome.joined == outcome.sites else 1


async def _run(args: argparse.Namespace, links: list[dict[str, str]], media: RecordedMedia) -> Outcome:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    behaviour = Behaviour(join_spread_s=args.spread, drop_every_s=args.drop_every)
    return await simulate(
        args.url, links, media=media, sites=args.sites, seconds=args.seconds,
        behaviour=behaviour, seed=args.seed, report=None if args.quiet else _say, stop=stop,
    )  # fmt: skip


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coordinator simulate",
        description="Open sites by their links and act as their browsers: camera, microphone, headcount.",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the server (default %(default)s)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--links", type=Path, metavar="FILE", help="what `coordinator links --json` printed")
    source.add_argument(
        "--data", type=Path, metavar="DIR", help="the server's data folder, to make the links"
    )
    parser.add_argument("--config", type=Path, help="with --data: the sites.yaml of that server")
    parser.add_argument("--sites", type=_count, metavar="N", help="only the first N sites")
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="stop after S seconds (default: never)")
    parser.add_argument(
        "--spread", type=_seconds, default=5.0, metavar="S", help="come in within S seconds (5)"
    )
    parser.add_argument(
        "--drop-every",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="every line drops about every S seconds (0: never)",
    )
    parser.add_argument("--seed", type=int, default=1, help="another number, another course of events (1)")
    parser.add_argument(
        "--media", type=Path, default=_cache(), metavar="DIR", help="where recordings are kept"
    )
    parser.add_argument("--quiet", action="store_true", help="no line every 10 seconds")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on is needed, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"a number of seconds from 0 on is needed, not {text!r}")
    return value


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coordinator" / "recorded"


def _links(args: argparse.Namespace) -> list[dict[str, str]]:
    """Read the links from the file, or have `coordinator links` make them. Raises ValueError, OSError, …"""
    if args.links is not None:
        text = args.links.read_text(encoding="utf-8")
    else:
        config = ["--config", str(args.config)] if args.config else []
        command = [sys.executable, "-m", "coordinator", "links", "--json", "--data", str(args.data), *config]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if made.returncode:
            raise ValueError(made.stderr.strip() or f"`coordinator links` ended with {made.returncode}")
        text = made.stdout
    links = json.loads(text)
    if not isinstance(links, list) or not links or not all(map(_is_link, links)):
        raise ValueError("a JSON list of {code, name, url} is needed")
    return links


def _is_link(link: object) -> bool:
    return isinstance(link, dict) and isinstance(link.get("url"), str)


if __name__ == "__main__":
    sys.exit(main())
