"""Stand-ins for what surrounds the sessions: a log in memory, a media server, screens; all on one tape."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from coordinator import clock
from coordinator.domain.commands import Actor, Create, Open, Start
from coordinator.domain.errors import MediaError, StorageError
from coordinator.domain.events import Event, Recorded, Summoned
from coordinator.domain.grants import HUB_SOURCES, Grants
from coordinator.domain.moments import Moment
from coordinator.media import Participant
from coordinator.session import Sessions, Snapshot

HOST = Actor("lan", "host")
WITHIN_S = 5.0


@dataclass(frozen=True)
class Row:
    """What the list of briefings shows."""

    id: str
    title: str = "Hội nghị"
    kind: str = "meeting"
    phase: str = "scheduled"
    document_number: str | None = None
    created_ms: int = 0
    starts_at_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None


_PHASES = {
    "BriefingCreated": "scheduled", "BriefingOpened": "open", "BriefingStarted": "live",
    "BreakStarted": "break", "BreakEnded": "live", "BriefingEnded": "ended", "BriefingCancelled": "cancelled",
}  # fmt: skip


@dataclass
class FakeStore:
    """An event log in memory. `full`: appending fails from now on."""

    tape: list[str] = field(default_factory=list)
    chains: dict[str, list[Recorded]] = field(default_factory=dict)
    full: bool = False
    fail_on: type[Event] | None = None

    def append(self, briefing: str, happened: Sequence[tuple[Event, Moment, str]]) -> list[Recorded]:
        if self.full or any(self.fail_on is type(event) for event, _, _ in happened):
            raise StorageError("disk_full")
        chain = self.chains.setdefault(briefing, [])
        recorded = []
        for event, at, actor in happened:
            digest = hashlib.sha256(f"{briefing}{len(chain)}".encode()).hexdigest()
            recorded.append(Recorded(len(chain) + 1, digest[:32], briefing, at, actor, event, digest))
            chain.append(recorded[-1])
            self.tape.append(f"wrote {type(event).__name__}")
        return recorded

    def events(self, briefing: str, after: int = 0, without: Collection[str] = ()) -> list[Recorded]:
        chain = self.chains.get(briefing, [])
        return [one for one in chain if one.seq > after and type(one.event).__name__ not in without]

    def head(self, briefing: str) -> tuple[int, str]:
        chain = self.chains.get(briefing, [])
        return (len(chain), chain[-1].hash) if chain else (0, "")

    def briefings(self) -> list[Row]:
        rows = []
        for briefing, chain in self.chains.items():
            phases = [_PHASES[name] for one in chain if (name := type(one.event).__name__) in _PHASES]
            ended = [one.at.utc_ms for one in chain if type(one.event).__name__ == "BriefingEnded"]
            if phases:
                rows.append(Row(briefing, phase=phases[-1], ended_ms=ended[-1] if ended else None))
        return rows

    def as_a_kill_leaves_it(self) -> FakeStore:
        return FakeStore(chains={briefing: list(chain) for briefing, chain in self.chains.items()})

    def names(self, briefing: str) -> list[str]:
        return [type(one.event).__name__ for one in self.chains.get(briefing, [])]


@dataclass
class FakeMedia:
    """A media server in memory. `trouble`: None | "hangs" | "fails" | "breaks" (an error nobody expects)."""

    tape: list[str] = field(default_factory=list)
    url: str | None = "ws://127.0.0.1:7880"
    trouble: str | None = None
    rooms: dict[str, dict[str, Participant]] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)  # who was there, at each listing

    async def _obey(self) -> None:
        if self.trouble == "hangs":
            await asyncio.Event().wait()
        if self.trouble == "fails":
            raise MediaError("media_failed")
        if self.trouble == "breaks":
            raise RuntimeError("unexpected")

    async def ensure_room(self, briefing: str) -> None:
        await self._obey()
        self.rooms.setdefault(briefing, {})
        self.tape.append("room made")

    def token(self, briefing: str, identity: str, grants: Grants, name: str = "") -> str:
        return f"{identity.partition(':')[0]} may {' '.join(sorted(grants.sources))}"

    async def apply(self, briefing: str, identity: str, grants: Grants) -> None:
        await self._obey()
        there = self.rooms.get(briefing, {}).get(identity)
        if there is None:
            raise MediaError("not_in_room")
        self.rooms[briefing][identity] = replace(there, granted=grants.sources, subscribe=grants.subscribe)
        self.tape.append(f"granted {identity.partition(':')[0]} {' '.join(sorted(grants.sources))}")

    async def remove(self, briefing: str, identity: str) -> None:
        await self._obey()
        self.rooms.get(briefing, {}).pop(identity, None)
        self.tape.append(f"removed {identity.partition(':')[0]}")

    async def participants(self, briefing: str) -> list[Participant]:
        await self._obey()
        self.listed.append(" ".join(self.rooms.get(briefing, {})))
        return list(self.rooms.get(briefing, {}).values())

    async def close_room(self, briefing: str) -> None:
        await self._obey()
        self.rooms.pop(briefing, None)
        self.tape.append("room closed")

    def enter(self, briefing: str, site: str, connection: str, **sends: bool) -> None:
        """The page's LiveKit client comes in, with what its token grants."""
        granted = frozenset({"camera"}) if site != "hub" else HUB_SOURCES
        room = self.rooms.setdefault(briefing, {})
        room[f"{site}:{connection}"] = Participant(f"{site}:{connection}", granted, **sends)


@dataclass
class FakeScreen:
    """Keeps what it is sent. `stuck`: it never takes anything. `asked` is called at each ping."""

    name: str = "screen"
    tape: list[str] = field(default_factory=list)
    origin: str = "https://hop.example.vn"
    stuck: bool = False
    shown: list[Snapshot] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    medias: list[tuple[str, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    asked: Callable[[], None] = lambda: None

    async def show(self, snapshot: Snapshot) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.times.append(asyncio.get_running_loop().time())
        self.shown.append(snapshot)
        self.tape.append(
            f"{self.name} shows {snapshot['phase']} {snapshot.get('floor')} {snapshot.get('media')}"
        )

    async def media(self, url: str, token: str) -> None:
        self.medias.append((url, token))

    async def measure(self) -> None:
        self.tape.append(f"{self.name} is asked to measure")

    async def ping(self) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.asked()

    async def close(self, code: str) -> None:
        self.closed.append(code)


def moved_clocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves both clocks on by so many ms at each call, as time does."""
    read, ahead = clock.now, [0]

    def shifted() -> Moment:
        now = read()
        return replace(now, utc_ms=now.utc_ms + ahead[0], mono_ms=now.mono_ms + ahead[0])

    def go_on(ms: int) -> None:
        ahead[0] += ms

    monkeypatch.setattr(clock, "now", shifted)
    return go_on


async def until(true: Callable[[], Any], within_s: float = WITHIN_S) -> None:
    """Waits for a state; fails when it does not come."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def sites(*codes: str) -> tuple[Summoned, ...]:
    return tuple(Summoned(code, code.title(), "commune", 30) for code in codes)


@asynccontextmanager
async def running(store: FakeStore, media: FakeMedia, **settings: Any) -> AsyncIterator[Sessions]:
    """Sessions on these, started; stopped at the end."""
    with ThreadPoolExecutor(1) as writer:
        sessions = Sessions(store, writer, media, **settings)
        await sessions.start()
        try:
            yield sessions
        finally:
            await sessions.close()


async def briefing(sessions: Sessions, *codes: str, live: bool = True) -> str:
    """A new briefing of these sites, open or live."""
    made = await sessions.create(Create("Hội nghị", "meeting", sites(*codes)), HOST)
    await sessions.run(made, Open(), HOST)
    if live:
        await sessions.run(made, Start(), HOST)
    return made
