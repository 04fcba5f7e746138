"""What happened: every event a briefing's log can hold, past tense.

Rule 1: raw events are the truth; tables are projections (ATTENDANCE.md rule 1).
Rule 2: an event's fields are JSON-able, or a frozen dataclass / tuple of them named in `_NESTED`.
Rule 3: events are only ever added; a field added later gets a default, so old logs stay readable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from coordinator.domain.moments import Moment

HUB = "hub"
SLIDES = "slides"
SYSTEM = "system"  # the actor of what no person did
RULES_VERSION = "1"  # of ATTENDANCE.md's rules, as attendance.py folds by them


@dataclass(frozen=True)
class Summoned:
    """One site as summoned to one briefing; `expected` persons, `expected_members` of them Party members."""

    code: str
    name: str
    kind: str
    expected: int
    expected_members: int | None = None
    contact_name: str | None = None
    contact_phone: str | None = None


@dataclass(frozen=True)
class Thresholds:
    """Attendance settings, copied into `BriefingStarted`: seconds, seconds, share 0..1."""

    late_after_s: int = 300
    gap_s: int = 60
    present_share: float = 0.8


@dataclass(frozen=True)
class Mark:
    """A connection's last proof of life; `following` is "following", "signal_only" or "unknown"."""

    site: str
    connection: str
    last_alive: Moment
    following: str


@dataclass(frozen=True)
class Event:
    """Base of all events. `site` and `connection`, where an event has them, are columns of the log."""

    version: ClassVar[int] = 1


@dataclass(frozen=True)
class BriefingCreated(Event):
    title: str
    kind: str  # resolution | class | meeting
    document_number: str | None
    starts_at_ms: int | None  # planned start, UTC ms
    sites: tuple[Summoned, ...]


@dataclass(frozen=True)
class BriefingOpened(Event):
    pass


@dataclass(frozen=True)
class BriefingStarted(Event):
    rules_version: str
    thresholds: Thresholds
    sites: tuple[Summoned, ...]  # frozen from here on


@dataclass(frozen=True)
class BreakStarted(Event):
    pass


@dataclass(frozen=True)
class BreakEnded(Event):
    pass


@dataclass(frozen=True)
class BriefingEnded(Event):
    pass


@dataclass(frozen=True)
class BriefingCancelled(Event):
    pass


@dataclass(frozen=True)
class ConnectionOpened(Event):
    """A site's (or the hub's, site == "hub") control socket said hello. `device`: browser and system."""

    site: str
    connection: str
    device: str
    page: str  # the page's uuid


@dataclass(frozen=True)
class ConnectionClosed(Event):
    """The interval ends at the event's moment when the socket closed, else at `last_alive`.

    `reason`: closed | lost | replaced | revoked | ended | server_crash | server_stop | cancelled.
    """

    site: str
    connection: str
    reason: str
    last_alive: Moment | None = None


@dataclass(frozen=True)
class ConnectionHealed(Event):
    """A connection called lost was alive all along: its socket never broke. The interval goes on unbroken.

    `following`: what the late heartbeats say of the gap.
    """

    site: str
    connection: str
    following: str = "unknown"


@dataclass(frozen=True)
class MediaUp(Event):
    """The site's page reported its first received media."""

    site: str
    connection: str


@dataclass(frozen=True)
class FollowingChanged(Event):
    """`following`: following | signal_only | unknown (ATTENDANCE.md rule 3).

    `sound_only`: the stage shows a picture, the site's page takes the sound alone.
    """

    site: str
    connection: str
    following: str
    sound_only: bool = False


@dataclass(frozen=True)
class AliveMarked(Event):
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class OutageBegan(Event):
    """`part`: hub | relay | server. `since`: when it truly began, if before the event's own moment."""

    part: str
    since: Moment | None = None


@dataclass(frozen=True)
class OutageEnded(Event):
    part: str


@dataclass(frozen=True)
class ClockStepped(Event):
    step_ms: int


@dataclass(frozen=True)
class HandRaised(Event):
    site: str
    topic: str | None = None


@dataclass(frozen=True)
class HandLowered(Event):
    site: str


@dataclass(frozen=True)
class FloorGiven(Event):
    site: str


@dataclass(frozen=True)
class FloorTaken(Event):
    """The floor went back to the hub. `reason`: host | lost | given_on | break | ended."""

    site: str
    reason: str


@dataclass(frozen=True)
class StageSet(Event):
    """The programme apart from the floor; each "hub", "slides" or a code."""

    left: str
    right: str | None = None


@dataclass(frozen=True)
class SlideShown(Event):
    """The page of the slides that is shown now, from 1; in slides mode sites acknowledge it."""

    slide: int


@dataclass(frozen=True)
class LineChecked(Event):
    """A site's line check; None = not measured. `rtt_ms` ms, `loss` 0..1, `rate_bps` bits a second."""

    site: str
    sound: bool | None
    picture: bool | None
    rtt_ms: int | None = None
    loss: float | None = None
    rate_bps: int | None = None


@dataclass(frozen=True)
class RollCallStarted(Event):
    roll_call: int  # 1, 2, 3 …; a briefing starts with number 1


@dataclass(frozen=True)
class HeadcountDeclared(Event):
    """None = not declared, which is never zero."""

    site: str
    roll_call: int
    present: int
    members: int | None = None
    excused: int | None = None
    unexcused: int | None = None
    extra: int | None = None
    note: str | None = None
    reason: str | None = None  # why host or staff declared or corrected it


@dataclass(frozen=True)
class HeadcountConfirmed(Event):
    """Host or staff confirmed the site's declaration `declaration` (1, 2, … in log order of that site)."""

    site: str
    roll_call: int
    declaration: int


@dataclass(frozen=True)
class ExpectedChanged(Event):
    site: str
    expected: int
    expected_members: int | None
    reason: str


@dataclass(frozen=True)
class ConfirmedByPhone(Event):
    site: str
    name: str
    reason: str


@dataclass(frozen=True)
class Sealed(Event):
    """The checkpoint after the end: `head_hash` is the hash of the event before it, `events` their number."""

    head_hash: str
    events: int


@dataclass(frozen=True)
class LoggedIn(Event):
    """System chain. `outcome`: ok | refused."""

    account: str
    outcome: str


@dataclass(frozen=True)
class Downloaded(Event):
    """Someone took a report: `what` is the file's name, `about` the briefing's id or None."""

    what: str
    about: str | None = None


@dataclass(frozen=True)
class ServerStarted(Event):
    """System chain. `release`: the program's version."""

    release: str


@dataclass(frozen=True)
class ChainSealed(Event):
    """System chain: a briefing's chain was sealed with this head."""

    about: str
    head_hash: str


@dataclass(frozen=True)
class ChainPurged(Event):
    """System chain: a briefing was removed whole when its time of keeping was over.

    `title`, `head_hash` and `events` say what was there; `file`: the name its export was kept under.
    """

    about: str
    title: str
    head_hash: str
    events: int
    file: str | None = None


@dataclass(frozen=True)
class HistoryImported(Event):
    """System chain: figures of earlier years were taken in; `sha256` of their rows, see history_import.py."""

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class LinkRotated(Event):
    """System chain."""

    site: str
    generation: int


@dataclass(frozen=True)
class Recorded:
    """One written event with its place in its chain. `actor`: account name, "site:<code>" or "system"."""

    seq: int
    id: str
    briefing: str
    at: Moment
    actor: str
    event: Event
    hash: str


SYSTEM_CHAIN = "system"  # the `briefing` of the system chain's events

_NESTED: dict[str, tuple[type, bool]] = {  # field -> (dataclass, is a tuple of them)
    "sites": (Summoned, True),
    "thresholds": (Thresholds, False),
    "marks": (Mark, True),
    "last_alive": (Moment, False),
    "since": (Moment, False),
}

EVENT_TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
_FIELDS = {name: frozenset(each.name for each in fields(kind)) for name, kind in EVENT_TYPES.items()}


def to_payload(event: Event) -> dict[str, Any]:
    """All fields but `site` and `connection` as JSON-able values (tuples become lists)."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(event).items()
        if name not in ("site", "connection")
    }


def from_payload(kind: str, site: str | None, connection: str | None, payload: dict[str, Any]) -> Event:
    """Builds the event again from its columns.

    Raises:
        KeyError: no event of that kind.
        TypeError: fields missing or too many.
    """
    cls = EVENT_TYPES[kind]
    values = {name: _revive(name, value) for name, value in payload.items()}
    names = _FIELDS[kind]
    values |= {name: value for name, value in (("site", site), ("connection", connection)) if name in names}
    return cls(**values)


def _revive(name: str, value: Any) -> Any:
    if name not in _NESTED or value is None:
        return value
    cls, many = _NESTED[name]
    return tuple(_build(cls, item) for item in value) if many else _build(cls, value)


def _build(cls: type, value: dict[str, Any]) -> Any:
    return cls(**{name: _revive(name, item) for name, item in value.items()})
