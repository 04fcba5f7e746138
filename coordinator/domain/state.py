"""What a briefing is at one moment: values and questions about them, no rules of what may happen next.

Rule 1: what lasts is changed by events only (history.py), so a replay of the log makes the same state again.
Rule 2: what is marked "memory" is news of the last seconds: it is lost with the process and heard again.
Rule 3: a site has one line at most, the newest; the hub may have several.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    HUB,
    SLIDES,
    AgendaItem,
    LineChecked,
    SiteSigned,
    Summoned,
    Thresholds,
)
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import RollCalls

UNSTABLE_MS = 10_000  # silent so long: unstable (ATTENDANCE.md rule 4)
LOST_MS = 20_000  # silent so long: lost
STALL_MS = 3_000  # no tick for so long: the server itself stands still, and hears nobody

SCHEDULED, OPEN, LIVE, BREAK = "scheduled", "open", "live", "break"
ENDED, CANCELLED = "ended", "cancelled"
RUNNING = (LIVE, BREAK)  # between the host's start and the host's end
ON_LINE = (OPEN, LIVE, BREAK)  # sites may be connected


@dataclass(frozen=True, slots=True)
class Stage:
    """What everybody sees; each place "hub", "slides" or a code."""

    left: str = HUB
    right: str | None = None

    def __contains__(self, place: object) -> bool:
        return place in (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Sends:
    """What somebody sends now, by the media server's news."""

    audio: bool = False
    video: bool = False
    screen: bool = False

    @property
    def anything(self) -> bool:
        return self.audio or self.video or self.screen


@dataclass(frozen=True, slots=True)
class Report:
    """The media part of a heartbeat; None = unknown."""

    at: Moment
    receiving: bool | None = None
    mode: str | None = None
    layer: str | None = None
    slide: int | None = None


@dataclass(slots=True)
class Connection:
    """One control socket. `last_alive`: its last proof of life; of a closed one, where its interval ended."""

    site: str
    connection: str
    device: str
    page: str
    opened: Moment
    last_alive: Moment
    follows: bool = False  # looks on at the hub, and does not make it be there
    reason: str | None = None  # why it was closed; None while open
    media_up: bool = False
    following: str = "unknown"
    sound_only: bool = False
    number: int | None = None  # memory: the newest heartbeat's
    report: Report | None = None  # memory
    late: tuple[str, ...] = ()  # memory: what heartbeats say that came after the line was called lost
    again: Moment | None = None  # memory: when it was first heard after it was called lost
    sends: Sends | None = None  # memory: None while not in the media room, or not known to be
    left_room: Moment | None = None  # memory

    @property
    def is_open(self) -> bool:
        return self.reason is None

    @property
    def is_hub(self) -> bool:
        return self.site == HUB and not self.follows

    def silent_ms(self, at: Moment) -> int:
        """Milliseconds since the last proof of life."""
        return at.ms_since(self.last_alive)


@dataclass(slots=True)
class Document:
    """A document of the briefing. `received`: which sites have it, and since when."""

    id: str
    name: str
    sha256: str
    pages: int
    bytes: int
    received: dict[str, Moment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """`site`: who wrote to the hub (`to_hub`), or whom the hub wrote to (None: all)."""

    number: int
    at: Moment
    site: str | None
    text: str
    to_hub: bool


@dataclass(slots=True)
class State:
    """All of one briefing. `floor` is the hub ("hub") or the code of the site that has it."""

    id: str
    created: bool = False
    title: str = ""
    kind: str = ""
    document_number: str | None = None
    starts_at_ms: int | None = None
    phase: str = SCHEDULED
    sites: dict[str, Summoned] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    started: Moment | None = None
    ended: Moment | None = None
    break_since: Moment | None = None
    programme: Stage = field(default_factory=Stage)
    agenda: tuple[AgendaItem, ...] = ()
    agenda_item: int | None = None  # where the briefing is, from 1
    agenda_since: Moment | None = None
    slide: int | None = None
    slide_since: Moment | None = None
    document: str | None = None  # the one whose page is shown
    documents: dict[str, Document] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    checks: dict[str, tuple[LineChecked, Moment]] = field(default_factory=dict)  # each site's newest
    floor: str = HUB
    floor_since: Moment | None = None
    hands: dict[str, str | None] = field(default_factory=dict)  # site -> topic, in the order of raising
    connections: dict[str, Connection] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)  # site -> its newest connection
    hub_gone: Connection | None = None  # the last connection of the hub, while it has none
    roll_calls: RollCalls = field(default_factory=RollCalls)
    by_phone: set[str] = field(default_factory=set)
    made_up: dict[str, dict[str, int]] = field(default_factory=dict)  # site -> day -> persons
    signed: dict[str, tuple[SiteSigned, bool]] = field(default_factory=dict)  # and: nothing changed since
    outages: set[str] = field(default_factory=set)
    last_event: Moment | None = None
    last_mark: Moment | None = None
    hub_sends: Sends = field(default_factory=Sends)  # memory
    last_tick: Moment | None = None  # memory
    resumed: Moment | None = None  # memory: the first tick after the server stood still
    frozen_since: Moment | None = None  # memory: a standstill that is not in the log yet

    @property
    def stage(self) -> Stage:
        """The programme, and on it the site that has the floor; slides stay."""
        if self.floor == HUB:
            return self.programme
        if self.programme.left == SLIDES:
            return Stage(SLIDES, self.floor)
        return Stage(self.floor, SLIDES if self.programme.right == SLIDES else None)

    @property
    def roll_call(self) -> int:
        """The number of the newest roll call; 0 before the start."""
        return len(self.roll_calls.started)

    def thread(self, site: str) -> list[Message]:
        """The messages that concern a site, the oldest first."""
        return [message for message in self.messages if message.site in (site, None)]

    def site(self, code: str) -> Summoned:
        """Raises Refusal: unknown_site."""
        if code not in self.sites:
            raise Refusal("unknown_site", site=code)
        return self.sites[code]

    def line(self, site: str) -> Connection | None:
        """The newest connection of a site, open or closed."""
        return self.connections.get(self.newest.get(site, ""))

    def open_line(self, site: str) -> Connection | None:
        """The open connection of a site."""
        line = self.line(site)
        return line if line is not None and line.is_open else None

    def open_lines(self) -> list[Connection]:
        """All open connections, the hub's too."""
        return [line for line in self.connections.values() if line.is_open]

    def on_line(self, site: str, at: Moment) -> bool:
        """Is the site connected, and heard of within the last 20 s?"""
        line = self.open_line(site)
        return line is not None and self.unheard_ms(line, at) < LOST_MS

    def stalled(self, at: Moment) -> bool:
        """Has the server stood still just now? Frames that it reads then came at some time before."""
        return self.last_tick is not None and at.ms_since(self.last_tick) > STALL_MS

    def unheard_ms(self, line: Connection, at: Moment) -> int:
        """Milliseconds since the last proof of life, those not counted in which the server could not hear."""
        silent_ms = line.silent_ms(at)
        return silent_ms if self.resumed is None else min(silent_ms, at.ms_since(self.resumed))

    def stage_sends(self) -> Sends:
        """What the stage sends now: the hub, or the sound of both and the picture of who has the floor."""
        hub = self.hub_sends
        if self.floor == HUB:
            return hub
        line = self.line(self.floor)
        guest = (line.sends if line is not None else None) or Sends()
        return Sends(hub.audio or guest.audio, guest.video, hub.screen and SLIDES in self.stage)
